//! Virtual time: one for the world, seen by each host through its own runtime.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::types::{VirtualTime, locked};

/// The world's time, and everything that waits for a later one.
///
/// Every sleep of every actor is known here, so that idle time can be skipped up to the next of them.
#[derive(Debug, Default)]
pub struct WorldClock {
    step_start_ns: AtomicU64,
    activity: AtomicU64,
    deadlines: Mutex<BTreeMap<u64, u32>>,
}

impl WorldClock {
    /// When the current step started.
    pub fn step_start(&self) -> VirtualTime {
        VirtualTime(self.step_start_ns.load(Relaxed))
    }

    /// Moves on to the next step.
    pub fn advance(&self, by: Duration) {
        self.step_start_ns.fetch_add(whole_nanos(by), Relaxed);
    }

    /// A number that changes whenever an actor does anything. A task that another host has woken shows neither as a
    /// byte in flight nor as a deadline, but its waker showed here.
    pub fn activity(&self) -> u64 {
        self.activity.load(Relaxed)
    }

    /// Notes that an actor did something.
    pub fn note_activity(&self) {
        self.activity.fetch_add(1, Relaxed);
    }

    /// How much time, in whole ticks, can be jumped over before the next deadline or the end; `None` if it is not
    /// worth a jump. The deadline itself is left to an ordinary step.
    pub fn idle_gap(&self, end: VirtualTime, tick: Duration) -> Option<Duration> {
        let deadlines = locked(&self.deadlines);
        let next = deadlines.first_key_value().map_or(u64::MAX, |(deadline, _)| *deadline);
        let until = next.min(end.nanos()).saturating_sub(1);
        let tick_ns = whole_nanos(tick);
        let ticks = until.saturating_sub(self.step_start().nanos()) / tick_ns;
        (ticks >= 2).then(|| Duration::from_nanos(ticks * tick_ns))
    }

    fn expect(&self, deadline_ns: u64) {
        *locked(&self.deadlines).entry(deadline_ns).or_default() += 1;
    }

    fn forget(&self, deadline_ns: u64) {
        let mut deadlines = locked(&self.deadlines);
        if let Some(waiting) = deadlines.get_mut(&deadline_ns) {
            *waiting -= 1;
            if *waiting == 0 {
                deadlines.remove(&deadline_ns);
            }
        }
    }
}

/// The world's time as one host's runtime shows it, in whole milliseconds.
#[derive(Debug)]
pub struct HostClock {
    world: Arc<WorldClock>,
    start: OnceLock<(Instant, VirtualTime)>,
}

impl HostClock {
    /// A clock that starts when it is first read, inside the host's runtime.
    pub fn new(world: Arc<WorldClock>) -> Self {
        Self { world, start: OnceLock::new() }
    }

    /// The world's clock.
    pub fn world(&self) -> &WorldClock {
        &self.world
    }

    /// Now.
    pub fn now(&self) -> VirtualTime {
        let now = Instant::now();
        let (start, at) = self.start.get_or_init(|| (now, self.world.step_start()));
        at.after(now.saturating_duration_since(*start))
    }

    /// Waits, at least to the next whole millisecond: tokio's timers know nothing finer.
    pub async fn sleep(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        if millis == 0 {
            return;
        }
        self.world.note_activity();
        let duration = Duration::from_millis(millis.min(MILLIS_MAX));
        let deadline = Deadline::new(&self.world, self.now().after(duration));
        tokio::time::sleep(duration).await;
        self.world.note_activity();
        drop(deadline);
    }
}

/// A hundred years: longer than any run.
const MILLIS_MAX: u64 = 100 * 366 * 24 * 3_600_000;

/// A sleep that the world knows of; it forgets it when this is dropped, however the sleep ends.
struct Deadline<'a> {
    world: &'a WorldClock,
    at_ns: u64,
}

impl<'a> Deadline<'a> {
    fn new(world: &'a WorldClock, at: VirtualTime) -> Self {
        world.expect(at.nanos());
        Self { world, at_ns: at.nanos() }
    }
}

impl Drop for Deadline<'_> {
    fn drop(&mut self) {
        self.world.forget(self.at_ns);
    }
}

fn whole_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
