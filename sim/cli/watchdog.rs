//! Ends a process in which a run hangs within one poll: virtual time stands still, and nothing within the run's thread
//! could end it. The world itself ends a task that is polled again and again (`world/breakdown.rs`).

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use cpu_time::ProcessTime;

use super::{Exit, exit::warn, parallel::all_cores};
use crate::{
    types::Bug,
    world::{Beat, Pulse},
};

/// How much CPU time one poll may take. The longest take milliseconds. A build with planted bugs is one for tests, which
/// are not to wait for so long.
const PATIENCE: Duration = Duration::from_secs(if Bug::CAN_BE_PLANTED { 2 } else { 60 });
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks after the run of the thread that made it, until it is dropped.
#[derive(Debug)]
#[must_use = "nobody looks after the run once this is dropped"]
pub(super) struct Watchdog {
    /// Closed by dropping it, which wakes the thread at the other end.
    _over: mpsc::Sender<()>,
}

impl Watchdog {
    /// Looks at the pulse of a run that this thread is about to make. `run` names it, for whoever reads that it hung.
    pub fn start(pulse: Arc<Pulse>, run: String) -> Self {
        let (over, is_over) = mpsc::channel();
        let cpu = ThreadCpu::of_this_thread();
        let look = move || {
            let mut wait = Wait::default();
            while is_over.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let (Some(beat), Some(now)) = (pulse.latest(), cpu.read()) else { continue };
                if wait.is_too_long(beat, now) {
                    let Beat { actor, at, .. } = beat;
                    let seconds = PATIENCE.as_secs();
                    warn(&format!(
                        "internal error: {actor} is spinning: a task of its has run for {seconds} s of CPU time without \
                         a pause, and virtual time stands at {at}; the run was {run}"
                    ));
                    // Files that the run has not finished are called `.partial`, and a journal has whole lines.
                    process::exit(Exit::Internal.code().into());
                }
            }
        };
        // Where no thread can be had, a run without a watchdog is better than none.
        drop(thread::Builder::new().name("watchdog".to_owned()).spawn(look));
        Self { _over: over }
    }
}

/// Since when the pulse has stood still.
#[derive(Debug, Default)]
struct Wait {
    since: Option<(u64, Duration)>,
}

impl Wait {
    /// Whether there has been no beat but this for longer than patience allows. `now` is CPU time: neither a machine that
    /// sleeps or has more to do than this, nor a run that waits for whoever reads its trace, is at fault.
    fn is_too_long(&mut self, Beat { count, .. }: Beat, now: Duration) -> bool {
        match self.since {
            Some((seen, since)) if seen == count => now.saturating_sub(since) >= PATIENCE,
            _ => {
                self.since = Some((count, now));
                false
            }
        }
    }
}

/// The CPU time of one thread, to be read on another.
#[derive(Debug)]
struct ThreadCpu {
    /// Where Linux tells it.
    file: Option<PathBuf>,
}

impl ThreadCpu {
    fn of_this_thread() -> Self {
        let thread = fs::read_link("/proc/thread-self").map(|thread| Path::new("/proc").join(thread).join("schedstat"));
        Self { file: thread.ok() }
    }

    /// Elsewhere it is the share of one core in what the whole process took: the thread had that much at least, if it
    /// was never idle.
    fn read(&self) -> Option<Duration> {
        let told = self.file.as_deref().and_then(|file| cpu_ns(&fs::read_to_string(file).ok()?));
        told.map(Duration::from_nanos).or_else(|| {
            let cores = u32::try_from(all_cores().get()).unwrap_or(u32::MAX);
            ProcessTime::try_now().ok().map(|time| time.as_duration() / cores)
        })
    }
}

/// The first of the numbers in a `schedstat` file: nanoseconds on a CPU.
fn cpu_ns(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;
    use crate::types::{ActorId, VirtualTime};

    fn beat(count: u64) -> Beat {
        Beat { count, actor: ActorId::Agent(7), at: VirtualTime::ZERO }
    }

    #[test]
    fn only_a_poll_that_takes_the_cpu_for_long_is_too_long() {
        let (mut wait, start) = (Wait::default(), Duration::from_secs(1_000));
        let just_below = PATIENCE - Duration::from_nanos(1);
        assert!(!wait.is_too_long(beat(1), start), "what was before the first look counts for nothing");
        assert!(!wait.is_too_long(beat(1), start), "no CPU time has passed");
        assert!(!wait.is_too_long(beat(1), start + just_below));
        assert!(!wait.is_too_long(beat(2), start + PATIENCE * 2), "it has moved");
        assert!(!wait.is_too_long(beat(2), start + PATIENCE * 2 + just_below));
        assert!(wait.is_too_long(beat(2), start + PATIENCE * 3));
    }

    #[test]
    fn the_cpu_time_of_a_thread_is_read_on_another_and_leaves_out_what_others_take() {
        let idle = ThreadCpu::of_this_thread();
        let (before, took) = thread::scope(|scope| {
            let busy = scope.spawn(|| {
                let (own, idle_before) = (ThreadCpu::of_this_thread(), idle.read().unwrap());
                let start = own.read().unwrap();
                while own.read().unwrap().saturating_sub(start) < Duration::from_millis(50) {
                    black_box((0..10_000_u64).sum::<u64>());
                }
                (idle_before, own.read().unwrap().saturating_sub(start))
            });
            busy.join().unwrap()
        });
        assert!(took >= Duration::from_millis(50));
        if cfg!(target_os = "linux") {
            assert!(idle.file.is_some());
            assert!(idle.read().unwrap().saturating_sub(before) < took / 2, "an idle thread");
        }
        assert_eq!(cpu_ns("123456 789 3\n"), Some(123_456));
        assert_eq!(cpu_ns(""), None);
    }
}
