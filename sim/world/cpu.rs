//! A server's CPU: in the simulation, computing takes no time by itself.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use rand_chacha::ChaCha20Rng;

use crate::{
    actor::Occupied,
    types::{Costs, EXPONENTIAL_BITS, Interruptions, SeedStream, VirtualTime, draw_between, draw_exponential, locked},
};

/// Some cores, each busy until some nanosecond. Work takes the core that is free first.
#[derive(Debug)]
pub struct VirtualCpu {
    costs: Costs,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cores: Vec<Core>,
    /// Until when nobody hears from the network.
    deaf_until: VirtualTime,
    usage: CpuUsage,
}

#[derive(Debug)]
struct Core {
    busy_until: VirtualTime,
    /// When each piece of its work ends, in order; those that are over may still be there.
    ends: VecDeque<VirtualTime>,
    others: Option<Others>,
}

/// What else takes a core.
#[derive(Debug)]
struct Others {
    interruptions: Interruptions,
    next: VirtualTime,
    rng: ChaCha20Rng,
}

/// What the cores of a CPU did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuUsage {
    /// How long they were busy, all together.
    pub busy: Duration,
    /// How often one of them began after a rest.
    pub wakes: u64,
    /// How long they had rested before, each time as much of it as makes them slower to begin.
    pub rested: Duration,
}

impl VirtualCpu {
    /// A CPU with so many cores, at least one. A core that is idle takes a while to begin, and has taken as long to go to rest
    /// before.
    pub fn new(cores: u32, costs: Costs) -> Self {
        Self::of((0..cores.max(1)).map(|_| Core::new(None)), costs)
    }

    /// The same, of which something else takes each core now and then, as drawn from a seed.
    ///
    /// Of the cores that are idle one waits for network and timers, for all of them, as it is with the threads of a runtime: if
    /// something else takes that core, whatever arrives waits until it is back, whoever else is idle or taken meanwhile.
    pub fn interrupted(cores: u32, costs: Costs, interruptions: &Interruptions, seed: SeedStream) -> Self {
        let others = |core| {
            (interruptions.every_ns > 0).then(|| Others::new(interruptions.clone(), seed.rng("interruptions", core)))
        };
        let cores = (0..cores.max(1)).map(|core| Core::new(others(core.into())));
        Self::of(cores, costs)
    }

    fn of(cores: impl Iterator<Item = Core>, costs: Costs) -> Self {
        let state = State { cores: cores.collect(), deaf_until: VirtualTime::ZERO, usage: CpuUsage::default() };
        Self { costs, state: Mutex::new(state) }
    }

    /// Books work on a core, and what is left to do once its result is there; tells how long the result waited while nobody heard,
    /// the core was busy with what came before, or something else had it, and how long the core is busy with all of this.
    pub fn book(&self, now: VirtualTime, until_done: Duration, closing: Duration) -> Occupied {
        let mut state = self.lock();
        let heard = state.heard(now);
        let State { cores, usage, .. } = &mut *state;
        let Some(core) = cores.iter_mut().min_by_key(|core| core.busy_until) else { return Occupied::default() };
        let start = heard.max(core.busy_until);
        let rested = start.since(core.busy_until);
        let wake = if rested.is_zero() { Duration::ZERO } else { self.costs.wake_after(rested) };
        let work = wake + until_done;
        core.forget_until(now);
        usage.wakes += u64::from(!rested.is_zero());
        usage.rested += rested.min(Duration::from_nanos(self.costs.rest_ns));
        core.work(start, work);
        let lost = core.busy_until.since(start).saturating_sub(work);
        core.ends.push_back(core.busy_until);
        core.work(core.busy_until, closing);
        core.ends.push_back(core.busy_until);
        let busy = work + closing;
        // Nobody waited for the core to go to rest.
        usage.busy += wake + busy;
        Occupied { waited: start.since(now) + lost, busy }
    }

    /// How long whoever is told something at an instant waits until they are heard: until a core is between two pieces of work,
    /// before what waits for it. That makes no core begin.
    pub fn hear(&self, now: VirtualTime) -> Duration {
        let mut state = self.lock();
        let heard = state.heard(now);
        let between = state.cores.iter_mut().map(|core| core.between_pieces(heard)).min();
        between.unwrap_or(heard).since(now)
    }

    /// What its cores have done so far.
    pub fn usage(&self) -> CpuUsage {
        self.lock().usage
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl State {
    /// When what arrives at an instant is heard, with whatever takes cores before that.
    fn heard(&mut self, at: VirtualTime) -> VirtualTime {
        self.lose_until(at);
        let heard = at.max(self.deaf_until);
        self.lose_until(heard);
        heard
    }

    /// Whatever takes cores before an instant, one after the other: a core that is idle then can be taken, too.
    fn lose_until(&mut self, instant: VirtualTime) {
        while let Some((taken, at)) = self.next_taken().filter(|(_, at)| *at < instant) {
            // Whoever listens and is taken still does once it is back.
            let listens = at >= self.deaf_until && self.listener(at) == Some(taken);
            let Some(core) = self.cores.get_mut(taken) else { return };
            core.lose(at);
            if listens {
                self.deaf_until = self.deaf_until.max(core.busy_until);
            }
        }
    }

    /// The core that something else takes next, and when.
    fn next_taken(&self) -> Option<(usize, VirtualTime)> {
        let nexts = self.cores.iter().enumerate().filter_map(|(core, it)| Some((core, it.others.as_ref()?.next)));
        nexts.min_by_key(|(_, at)| *at)
    }

    /// Who waits for the network then: whoever has been idle for longest.
    fn listener(&self, at: VirtualTime) -> Option<usize> {
        let idle = self.cores.iter().enumerate().filter(|(_, core)| core.busy_until <= at);
        idle.min_by_key(|(_, core)| core.busy_until).map(|(core, _)| core)
    }
}

impl Core {
    fn new(others: Option<Others>) -> Self {
        Self { busy_until: VirtualTime::ZERO, ends: VecDeque::new(), others }
    }

    /// Forgets the pieces of work that are over.
    fn forget_until(&mut self, at: VirtualTime) {
        while self.ends.front().is_some_and(|end| *end <= at) {
            self.ends.pop_front();
        }
    }

    /// When it has ended what it works on at an instant: then, if that is nothing.
    fn between_pieces(&mut self, at: VirtualTime) -> VirtualTime {
        self.forget_until(at);
        self.ends.front().copied().unwrap_or_else(|| at.max(self.busy_until))
    }

    /// What takes it at an instant.
    fn lose(&mut self, at: VirtualTime) {
        if let Some(others) = &mut self.others {
            self.busy_until = self.busy_until.max(at).after(others.take());
        }
    }

    /// Works from `start` on, and is done later than computed if something else takes it meanwhile.
    fn work(&mut self, start: VirtualTime, work: Duration) {
        self.busy_until = start.after(work);
        let Some(others) = &mut self.others else { return };
        while others.next < self.busy_until {
            self.busy_until = self.busy_until.after(others.take());
        }
    }
}

impl Others {
    fn new(interruptions: Interruptions, rng: ChaCha20Rng) -> Self {
        let mut others = Self { interruptions, next: VirtualTime::ZERO, rng };
        others.next = VirtualTime::ZERO.after(others.pause());
        others
    }

    /// Takes the core when it is due to: how long. The next time is drawn.
    fn take(&mut self) -> Duration {
        let lengths_ns = &self.interruptions.lengths_ns;
        let drawn = draw_between(&mut self.rng, 0, (lengths_ns.len() as u64).saturating_sub(1));
        let length_ns = usize::try_from(drawn).ok().and_then(|drawn| lengths_ns.get(drawn));
        let length = Duration::from_nanos(length_ns.copied().unwrap_or_default());
        self.next = self.next.after(length).after(self.pause());
        length
    }

    /// How long it leaves the core alone. Never nothing: time must pass.
    fn pause(&mut self) -> Duration {
        let nanos = u128::from(draw_exponential(&mut self.rng)) * u128::from(self.interruptions.every_ns);
        Duration::from_nanos(u64::try_from(nanos >> EXPONENTIAL_BITS).unwrap_or(u64::MAX).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waking(wake_ns: u64, rest_ns: u64) -> Costs {
        Costs { wake_ns, rest_ns, ..Costs::default() }
    }

    fn nanos(nanos: u64) -> Duration {
        Duration::from_nanos(nanos)
    }

    #[test]
    fn work_queues_for_the_core_that_is_free_first_to_the_nanosecond() {
        let cpu = VirtualCpu::new(2, waking(0, 0));
        let (now, cost) = (VirtualTime(5), Duration::from_nanos(100));
        let waits: Vec<_> = (0..5).map(|_| cpu.book(now, cost, Duration::ZERO).waited.as_nanos()).collect();
        assert_eq!(waits, [0, 0, 100, 100, 200]);
        assert_eq!(cpu.book(VirtualTime(1_000), cost, Duration::ZERO).waited, Duration::ZERO);
    }

    #[test]
    fn a_core_that_is_idle_takes_time_to_begin_and_one_that_is_busy_does_not() {
        let cpu = VirtualCpu::new(1, waking(30, 0));
        let (now, cost) = (VirtualTime(5), Duration::from_nanos(100));
        let occupied = [cpu.book(now, cost, Duration::ZERO), cpu.book(now, cost, Duration::ZERO)]
            .map(|it| (it.waited.as_nanos(), it.busy.as_nanos()));
        assert_eq!(occupied, [(0, 130), (130, 100)]);
        assert_eq!(cpu.usage(), CpuUsage { busy: nanos(260), wakes: 1, rested: Duration::ZERO });
    }

    #[test]
    fn a_core_that_has_rested_for_less_takes_less_to_begin() {
        let cpu = VirtualCpu::new(1, waking(30, 600));
        let begun = |at| cpu.book(VirtualTime(at), Duration::from_nanos(100), Duration::ZERO).busy.as_nanos();
        // It rests for 200, 0 and 1,000 ns before.
        assert_eq!([begun(200), begun(310), begun(1_410)], [110, 100, 130]);
        assert_eq!(cpu.usage(), CpuUsage { busy: nanos(110 + 100 + 130 + 40), wakes: 2, rested: nanos(800) });
    }

    #[test]
    fn a_core_takes_some_time_to_begin_however_short_it_rested() {
        let cpu = VirtualCpu::new(1, Costs { wake_min_ns: 12, ..waking(30, 600) });
        let begun = |at| cpu.book(VirtualTime(at), nanos(100), Duration::ZERO).busy.as_nanos();
        // It rests for 200, 0 and 1,000 ns before.
        assert_eq!([begun(200), begun(318), begun(1_418)], [118, 100, 130]);
    }

    #[test]
    fn whoever_is_told_something_is_heard_between_two_pieces_of_work_and_makes_no_core_begin() {
        let cpu = VirtualCpu::new(2, waking(30, 0));
        let waited = |at: u64| cpu.hear(VirtualTime(at)).as_nanos();
        assert_eq!(waited(5), 0, "both are idle");
        // The one works until 135 and 185, the other until 235 and 285; then the first once more, until 285 and 335.
        for work in [100, 200, 100] {
            cpu.book(VirtualTime(5), nanos(work), nanos(50));
        }
        assert_eq!([5, 134, 135, 184, 190].map(waited), [130, 1, 50, 1, 45]);
        assert_eq!([285, 286, 400].map(waited), [0, 0, 0]);
        assert_eq!(cpu.usage().wakes, 2);
    }

    #[test]
    fn a_core_forgets_the_work_that_is_over() {
        let cpu = VirtualCpu::new(1, waking(0, 0));
        for at in 0..1_000 {
            cpu.book(VirtualTime(at * 1_000), nanos(100), nanos(50));
        }
        assert!(cpu.lock().cores[0].ends.len() <= 2);
    }

    #[test]
    fn what_takes_a_core_once_the_result_is_there_delays_the_next_result_only() {
        let interruptions = Interruptions { every_ns: 100_000, lengths_ns: (0..100).map(|part| part * 100).collect() };
        for seed in 0..20 {
            let cpu = VirtualCpu::interrupted(1, waking(0, 0), &interruptions, SeedStream::new(seed));
            let book = || cpu.book(VirtualTime(1), Duration::from_nanos(1), Duration::from_millis(10)).waited;
            let (first, second) = (book(), book());
            assert_eq!(first, Duration::ZERO, "seed {seed}");
            assert!(second > Duration::from_micros(10_100), "seed {seed}: {second:?}");
        }
    }

    #[test]
    fn work_on_a_core_that_something_else_takes_now_and_then_is_late_by_what_it_took() {
        const WORK_NS: u64 = 1_000;
        let interruptions = Interruptions { every_ns: 100_000, lengths_ns: (0..100).map(|part| part * 100).collect() };
        let lateness = |seed| {
            let cpu = VirtualCpu::interrupted(1, waking(0, 0), &interruptions, SeedStream::new(seed));
            let book =
                |number: u64| cpu.book(VirtualTime(number * 20_000), Duration::from_nanos(WORK_NS), Duration::ZERO);
            let waits: Vec<Duration> = (1..=10_000).map(|number| book(number).waited).collect();
            (waits, cpu.usage().busy)
        };
        let (waits, busy) = lateness(1);
        assert_eq!(busy, Duration::from_nanos(10_000 * WORK_NS), "what others take is not its own");
        // Taken for 5 of 105 µs: so many come upon it, and a few are interrupted.
        let late = waits.iter().filter(|wait| !wait.is_zero()).count();
        assert!((450..650).contains(&late), "{late}");
        assert!(waits.iter().all(|wait| *wait <= Duration::from_nanos(30_000)));
        assert_eq!(lateness(1).0, waits);
        assert_ne!(lateness(2).0, waits);
    }

    #[test]
    fn what_arrives_waits_for_the_core_that_listens_even_where_another_is_idle() {
        const TIMES: u64 = 10_000;
        let interruptions = Interruptions { every_ns: 100_000, lengths_ns: vec![2_500, 5_000] };
        let cpu = VirtualCpu::interrupted(2, waking(0, 0), &interruptions, SeedStream::new(1));
        let mut not_heard = 0;
        let mut waited = |number: u64| {
            let at = VirtualTime(number * 20_000);
            not_heard += usize::from(cpu.hear(at) > Duration::ZERO);
            cpu.book(at, Duration::from_nanos(1), Duration::ZERO).waited > Duration::ZERO
        };
        let late = (1..=TIMES).filter(|number| waited(*number)).count();
        assert!((300..430).contains(&not_heard), "{not_heard} of {TIMES}");
        // One of the two listens, and is taken for 3.75 of 103.75 µs; both are taken together for a thirtieth of that.
        assert!((300..430).contains(&late), "{late} of {TIMES}");
    }
}
