//! A CPU, a server's own or everybody's: in the simulation, computing takes no time by itself.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use rand_chacha::ChaCha20Rng;

use super::ears::Ears;
use crate::{
    actor::Occupied,
    plan::SharedCores,
    types::{Costs, Interruption, Interruptions, Quantiles, SeedStream, VirtualTime, draw_between, locked},
};

/// Some cores, each busy until some nanosecond. Work takes the core that is free first.
#[derive(Debug)]
pub struct VirtualCpu {
    costs: Costs,
    /// Of a machine that everybody shares.
    timers: Option<Mutex<Timers>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cores: Vec<Core>,
    /// Of a machine that everybody shares.
    ears: Option<Ears>,
    usage: CpuUsage,
}

/// How late timers ring.
#[derive(Debug)]
struct Timers {
    scatter: Quantiles,
    rng: ChaCha20Rng,
}

#[derive(Debug)]
struct Core {
    number: u64,
    busy_until: VirtualTime,
    others: Option<Others>,
}

/// What else takes a core: what once took it is repeated again and again.
#[derive(Debug)]
struct Others {
    /// In the order in which it comes, from the beginning of a repetition on. There is some.
    taken: Vec<Interruption>,
    watched_ns: u64,
    /// What comes next.
    index: usize,
    /// When the repetition began.
    began: VirtualTime,
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
        Self::of((0..cores.max(1)).map(|number| Core::new(number, None)), None, None, costs)
    }

    /// The cores of a machine that everybody shares, of which something else takes each as it did while that machine was watched; a
    /// seed says from which moment on. What came upon several at once does again.
    ///
    /// One of the cores, which one is chance, hears from network and timers for all of them: if something else takes that core, whatever
    /// arrives waits until it is back, whoever else is idle or taken meanwhile.
    pub fn shared(cores: &SharedCores, costs: Costs, seed: SeedStream) -> Self {
        let SharedCores { count, interruptions, scatter } = cores;
        let mut rng = seed.rng("interruptions", 0);
        let from_ns = draw_between(&mut rng, 0, interruptions.watched_ns.saturating_sub(1));
        let others = |core| Others::from(interruptions, core, from_ns);
        let timers = Timers { scatter: *scatter, rng: seed.rng("timers", 0) };
        let count = (*count).max(1);
        let ears = Ears::new(count, seed);
        Self::of((0..count).map(|number| Core::new(number, others(number as usize))), Some(ears), Some(timers), costs)
    }

    fn of(cores: impl Iterator<Item = Core>, ears: Option<Ears>, timers: Option<Timers>, costs: Costs) -> Self {
        let state = Mutex::new(State { cores: cores.collect(), ears, usage: CpuUsage::default() });
        Self { costs, timers: timers.map(Mutex::new), state }
    }

    /// Books work on a core, and what is left to do once its result is there; tells how long the result waited while nobody heard,
    /// the core was busy with what came before, or something else had it, and how long the core is busy with all of this.
    pub fn book(&self, now: VirtualTime, until_done: Duration, closing: Duration) -> Occupied {
        let mut state = self.lock();
        let heard = state.heard(now);
        let State { cores, ears, usage } = &mut *state;
        let Some(core) = cores.iter_mut().min_by_key(|core| core.busy_until) else { return Occupied::default() };
        let start = heard.max(core.busy_until);
        let rested = start.since(core.busy_until);
        let wake = if rested.is_zero() { Duration::ZERO } else { self.costs.wake_after(rested) };
        let work = wake + until_done;
        usage.wakes += u64::from(!rested.is_zero());
        usage.rested += rested.min(Duration::from_nanos(self.costs.rest_ns));
        core.work(start, work, ears.as_mut());
        let lost = core.busy_until.since(start).saturating_sub(work);
        core.work(core.busy_until, closing, ears.as_mut());
        let busy = work + closing;
        // Nobody waited for the core to go to rest.
        usage.busy += wake + busy;
        Occupied { waited: start.since(now) + lost, busy }
    }

    /// Whether it is that of a machine with everybody on it.
    pub fn is_shared(&self) -> bool {
        self.timers.is_some()
    }

    /// How long whoever is told something at an instant waits until they are heard: for all work that waits already, as they have to
    /// wait for their turn with every step of an exchange. What is left to do then occupies the core. If there is an idle one, that is
    /// the one that has worked last, most likely on what is told: it does not have to begin for it.
    pub fn hear(&self, now: VirtualTime, closing: Duration) -> Duration {
        let mut state = self.lock();
        let heard = state.heard(now);
        let State { cores, ears, usage } = &mut *state;
        // Of those that are idle the one that rests for the shortest time, else the one that is free first.
        let turn = |core: &&mut Core| (core.busy_until > heard, heard.since(core.busy_until), core.busy_until);
        let Some(core) = cores.iter_mut().min_by_key(turn) else { return Duration::ZERO };
        let at = heard.max(core.busy_until);
        if !closing.is_zero() {
            core.work(at, closing, ears.as_mut());
            usage.busy += closing;
        }
        at.since(now)
    }

    /// How long whoever has set a timer waits from when it should ring until they are heard, where cores are shared: a core that is
    /// idle is late, and one that is busy looks at timers when it has done what waits.
    pub fn rings_after(&self, now: VirtualTime) -> Duration {
        let Some(timers) = &self.timers else { return Duration::ZERO };
        let mut state = self.lock();
        let heard = state.heard(now);
        let free = state.cores.iter().map(|core| core.busy_until.max(heard)).min().unwrap_or(heard);
        free.since(now) + if free == heard { locked(timers).late() } else { Duration::ZERO }
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
        if let Some(ears) = &mut self.ears {
            ears.forget(at);
        }
        let mut heard = at;
        loop {
            self.lose_until(heard);
            let later = self.ears.as_ref().and_then(|ears| ears.deaf_until(heard));
            let Some(later) = later else { return heard };
            heard = later;
        }
    }

    /// Whatever takes cores before an instant, one after the other: a core that is idle then can be taken, too.
    fn lose_until(&mut self, instant: VirtualTime) {
        while let Some((taken, at)) = self.next_taken().filter(|(_, at)| *at < instant) {
            let Some(core) = self.cores.get_mut(taken) else { return };
            // After a long rest there are many, and none but the last matter.
            if let Some(ears) = &mut self.ears {
                ears.forget(at);
            }
            core.lose(self.ears.as_mut());
        }
    }

    /// The core that something else takes next, and when.
    fn next_taken(&self) -> Option<(usize, VirtualTime)> {
        let nexts = self.cores.iter().enumerate().filter_map(|(core, it)| Some((core, it.others.as_ref()?.next())));
        nexts.min_by_key(|(_, at)| *at)
    }
}

impl Core {
    fn new(number: u32, others: Option<Others>) -> Self {
        Self { number: number.into(), busy_until: VirtualTime::ZERO, others }
    }

    /// What takes it next.
    fn lose(&mut self, ears: Option<&mut Ears>) {
        let Some(others) = &mut self.others else { return };
        let (from, length) = (others.next(), others.take());
        self.busy_until = self.busy_until.max(from).after(length);
        if let Some(ears) = ears {
            ears.lose(self.number, from, length);
        }
    }

    /// Works from `start` on, and is done later than computed if something else takes it meanwhile.
    fn work(&mut self, start: VirtualTime, work: Duration, mut ears: Option<&mut Ears>) {
        self.busy_until = start.after(work);
        while self.others.as_ref().is_some_and(|others| others.next() < self.busy_until) {
            self.lose(ears.as_deref_mut());
        }
    }
}

impl Timers {
    /// How late one rings, as drawn.
    fn late(&mut self) -> Duration {
        Duration::from_nanos(self.scatter.at(draw_between(&mut self.rng, 0, 999)))
    }
}

impl Others {
    /// What takes a core if the watch is repeated from a moment on; of more cores than were watched, some are alike.
    fn from(interruptions: &Interruptions, core: usize, from_ns: u64) -> Option<Self> {
        let Interruptions { watched_ns, cores } = interruptions;
        let watched = cores.get(core.checked_rem(cores.len())?).filter(|taken| !taken.is_empty())?;
        let (before, after) = watched.split_at(watched.partition_point(|it| it.at_ns < from_ns));
        let later = |it: &Interruption| Interruption { at_ns: it.at_ns + watched_ns - from_ns, ..*it };
        let sooner = |it: &Interruption| Interruption { at_ns: it.at_ns - from_ns, ..*it };
        let taken = after.iter().map(sooner).chain(before.iter().map(later)).collect();
        Some(Self { taken, watched_ns: *watched_ns, index: 0, began: VirtualTime::ZERO })
    }

    fn coming(&self) -> Interruption {
        self.taken.get(self.index).copied().unwrap_or_default()
    }

    /// When it is due to take the core.
    fn next(&self) -> VirtualTime {
        self.began.after(Duration::from_nanos(self.coming().at_ns))
    }

    /// Takes the core: how long.
    fn take(&mut self) -> Duration {
        let length = Duration::from_nanos(self.coming().length_ns);
        self.index += 1;
        if self.index == self.taken.len() {
            self.index = 0;
            self.began = self.began.after(Duration::from_nanos(self.watched_ns));
        }
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waking(wake_ns: u64, rest_ns: u64) -> Costs {
        Costs { wake_ns, rest_ns, ..Costs::default() }
    }

    fn shared(count: u32, interruptions: &Interruptions, scatter: Quantiles, seed: u64) -> VirtualCpu {
        let cores = SharedCores { count, interruptions: interruptions.clone(), scatter };
        VirtualCpu::shared(&cores, waking(0, 0), SeedStream::new(seed))
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
    fn whoever_is_told_something_is_heard_after_all_work_that_waits_and_makes_no_core_begin() {
        let cpu = VirtualCpu::new(2, waking(30, 0));
        let waited = |at: u64| cpu.hear(VirtualTime(at), Duration::ZERO).as_nanos();
        assert_eq!(VirtualCpu::new(2, waking(30, 0)).hear(VirtualTime(5), nanos(40)), Duration::ZERO, "both are idle");
        // The one works until 185, the other until 285; then the first once more, until 335.
        for work in [100, 200, 100] {
            cpu.book(VirtualTime(5), nanos(work), nanos(50));
        }
        assert_eq!([5, 184, 285, 286, 400].map(waited), [280, 101, 0, 0, 0]);
        assert_eq!(cpu.usage().wakes, 2);
        // What is left to do then keeps a core from what comes after: of both, where both have some.
        assert_eq!([500, 500, 500].map(|at| cpu.hear(VirtualTime(at), nanos(40)).as_nanos()), [0, 0, 40]);
        assert_eq!(cpu.usage(), CpuUsage { busy: nanos(2 * 60 + 400 + 150 + 120), wakes: 2, rested: Duration::ZERO });
    }

    #[test]
    fn whoever_is_told_something_is_heard_by_the_core_that_has_worked_last_and_lets_the_other_rest() {
        let cpu = VirtualCpu::new(2, waking(30, 1_000));
        // The first works until 115 (15 of it to begin), the second until 230: it hears, and has closed at 290.
        for work in [100, 200] {
            cpu.book(VirtualTime(500), nanos(work), Duration::ZERO);
        }
        let before = cpu.usage();
        assert_eq!(cpu.hear(VirtualTime(800), nanos(60)), Duration::ZERO);
        assert_eq!((cpu.usage().wakes, cpu.usage().rested), (before.wakes, before.rested));
        // The first has rested since 615.
        cpu.book(VirtualTime(900), nanos(1), Duration::ZERO);
        assert_eq!(cpu.usage().rested - before.rested, nanos(900 - 615));
    }

    #[test]
    fn timers_ring_late_while_a_core_is_idle_and_else_once_one_is() {
        let scatter = Quantiles { p50_ns: 50, p90_ns: 90, p99_ns: 99, p999_ns: 400 };
        let cpu = shared(2, &Interruptions::default(), scatter, 1);
        let book = |at: u64| cpu.book(VirtualTime(at), nanos(10_000), nanos(0));
        let late = |at: u64| cpu.rings_after(VirtualTime(at)).as_nanos();
        book(0);
        let mut found: Vec<_> = (1..=1_000).map(late).collect();
        found.sort_unstable();
        assert!((40..60).contains(&found[500]) && (85..95).contains(&found[900]), "{found:?}");
        book(2_000);
        assert_eq!([2_000, 9_999].map(late), [8_000, 1]);
        // What took all cores takes timers, too; and so does what took the one that hears.
        let taken = [(2_000_000, 1_000_000)];
        for others in [&taken[..], &[]] {
            let cpu = shared(2, &watch(&[&taken, others]), scatter, 3);
            let longest = (0..100_000_000).step_by(10_000).map(|at| cpu.rings_after(VirtualTime(at))).max();
            assert!(longest > Some(nanos(900_000)), "{longest:?}");
        }
        // A server's own cores are asked by nobody else.
        let own = VirtualCpu::new(1, waking(0, 0));
        own.book(VirtualTime(0), nanos(100), nanos(0));
        assert_eq!(own.rings_after(VirtualTime(0)), Duration::ZERO);
    }

    /// Of a watch of 10 ms, each taken so often and for so long.
    fn watch(cores: &[&[(u64, u64)]]) -> Interruptions {
        let once = |&(at_ns, length_ns): &(u64, u64)| Interruption { at_ns, length_ns };
        let cores = cores.iter().map(|taken| taken.iter().map(once).collect()).collect();
        Interruptions { watched_ns: 10_000_000, cores }
    }

    /// Every 100 us, for 0 to 9.9 us.
    fn often() -> Vec<(u64, u64)> {
        (0..100).map(|number| (number * 100_000 + 50_000, number * 100)).collect()
    }

    #[test]
    fn what_takes_a_core_once_the_result_is_there_delays_the_next_result_only() {
        for seed in 0..20 {
            let cpu = shared(1, &watch(&[&often()]), Quantiles::default(), seed);
            // Whatever has the core at that instant is waited for.
            let taken = cpu.hear(VirtualTime(1), Duration::ZERO);
            let book = || cpu.book(VirtualTime(1), Duration::from_nanos(1), Duration::from_millis(10)).waited;
            let (first, second) = (book(), book());
            assert_eq!(first, taken, "seed {seed}");
            assert!(second > Duration::from_micros(10_100), "seed {seed}: {second:?}");
        }
    }

    #[test]
    fn work_on_a_core_that_something_else_takes_now_and_then_is_late_by_what_it_took() {
        const WORK_NS: u64 = 1_000;
        let lateness = |seed| {
            let cpu = shared(1, &watch(&[&often()]), Quantiles::default(), seed);
            let book =
                |number: u64| cpu.book(VirtualTime(number * 20_011), Duration::from_nanos(WORK_NS), Duration::ZERO);
            let waits: Vec<Duration> = (1..=10_000).map(|number| book(number).waited).collect();
            (waits, cpu.usage().busy)
        };
        let (waits, busy) = lateness(1);
        assert_eq!(busy, Duration::from_nanos(10_000 * WORK_NS), "what others take is not its own");
        // Taken for 5 of 100 µs: so many come upon it, and a few are interrupted.
        let late = waits.iter().filter(|wait| !wait.is_zero()).count();
        assert!((450..650).contains(&late), "{late}");
        assert!(waits.iter().all(|wait| *wait <= Duration::from_nanos(9_900)));
        assert_eq!(lateness(1).0, waits);
        assert_ne!(lateness(2).0, waits);
    }

    #[test]
    fn what_took_both_cores_at_once_does_again_and_again() {
        let taken = [(2_000_000, 1_000_000)];
        let cpu = shared(2, &watch(&[&taken, &taken]), Quantiles::default(), 1);
        let waits = |from_ns: u64| {
            let at = (from_ns..from_ns + 10_000_000).step_by(10_000);
            at.filter(|at| cpu.hear(VirtualTime(*at), Duration::ZERO) > Duration::ZERO).count()
        };
        // Nobody else has the other core: all who come meanwhile wait, for a millisecond of ten.
        assert_eq!([0, 10_000_000, 50_000_000].map(waits), [100, 100, 100]);
        // Of a third core, which nobody watched, the same is true as of the first.
        assert!(shared(3, &watch(&[&taken, &[]]), Quantiles::default(), 1).lock().cores[2].others.is_some());
    }

    #[test]
    fn what_takes_the_core_that_hears_is_waited_for_whether_that_core_works_or_not() {
        // The first core is taken for 100 us of each millisecond, the other never.
        let taken: Vec<(u64, u64)> = (0..10).map(|number| (number * 1_000_000 + 500_000, 100_000)).collect();
        let late = |works: bool| {
            let cpu = shared(2, &watch(&[&taken, &[]]), Quantiles::default(), 1);
            let mut late = 0;
            for at in (1..1_000_000_000).step_by(10_000) {
                // Work is booked until long after: whoever hears may be taken before it is done as well.
                if works && at % 1_000_000 == 1 {
                    cpu.book(VirtualTime(at), nanos(1_400_000), nanos(0));
                }
                late += u64::from(cpu.lock().heard(VirtualTime(at)) > VirtualTime(at));
            }
            // Each time it is ten of these instants.
            late / 10
        };
        let found = [false, true].map(late);
        assert!(found.iter().all(|late| (420..=580).contains(late)), "{found:?} of 1,000");
        let cpu = shared(2, &watch(&[&taken, &taken]), Quantiles::default(), 1);
        let late =
            (0..1_000_000_000).step_by(10_000).filter(|at| cpu.lock().heard(VirtualTime(*at)) > VirtualTime(*at));
        assert!((9_900..=10_000).contains(&late.count()), "nobody is left to hear");
    }

    #[test]
    fn work_that_arrives_while_nobody_hears_waits_though_a_core_is_idle() {
        let taken = [(5_000_000, 1_000_000)];
        let waits = |seed| {
            let watch = watch(&[&taken, &[]]);
            let [asked, cpu] = [(); 2].map(|()| shared(2, &watch, Quantiles::default(), seed));
            let waits_at = |at: &u64| asked.hear(VirtualTime(*at), nanos(0)) > nanos(0);
            let first = (0..20_000_000).step_by(1_000).find(waits_at)?;
            Some(cpu.book(VirtualTime(first), nanos(1), nanos(0)).waited)
        };
        let waited: Vec<Duration> = (0..10).filter_map(waits).collect();
        assert!(waited.len() > 5 && waited.iter().all(|waited| *waited > nanos(990_000)), "{waited:?}");
    }

    #[test]
    fn a_watch_is_repeated_from_any_moment_on() {
        let watch = watch(&[&[(0, 5), (1_000, 10), (9_000_000, 20)]]);
        let times = |from_ns| {
            let mut others = Others::from(&watch, 0, from_ns).unwrap();
            [(); 4].map(|()| (others.next().nanos(), others.take().as_nanos()))
        };
        assert_eq!(times(0), [(0, 5), (1_000, 10), (9_000_000, 20), (10_000_000, 5)]);
        assert_eq!(times(1_000), [(0, 10), (8_999_000, 20), (9_999_000, 5), (10_000_000, 10)]);
        assert_eq!(times(1_001), [(8_998_999, 20), (9_998_999, 5), (9_999_999, 10), (18_998_999, 20)]);
        assert!(Others::from(&Interruptions::default(), 0, 0).is_none());
    }
}
