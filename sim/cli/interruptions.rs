//! What else this machine does, found out by doing nothing on every core but reading the clock.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::parallel::all_cores;
use crate::{metrics::Histogram, types::Interruptions};

const WATCHED: Duration = Duration::from_secs(10);
/// What is shorter is the kernel's own work, which the costs of requests have in them.
const SHORTEST: Duration = Duration::from_micros(100);

/// How often something else takes a core of this machine, and for how long.
pub(super) fn interruptions() -> Interruptions {
    let watchers: Vec<_> = (0..all_cores().get()).map(|_| thread::spawn(gaps)).collect();
    let watched = WATCHED * u32::try_from(watchers.len()).unwrap_or(u32::MAX);
    let gaps: Vec<u64> = watchers.into_iter().filter_map(|watcher| watcher.join().ok()).flatten().collect();
    of(&gaps, watched)
}

/// The times in which this thread did not run, in nanoseconds.
fn gaps() -> Vec<u64> {
    let (start, mut gaps) = (Instant::now(), Vec::new());
    let mut before = start;
    while before.duration_since(start) < WATCHED {
        let now = Instant::now();
        let gap = now.duration_since(before);
        if gap >= SHORTEST {
            gaps.push(u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX));
        }
        before = now;
    }
    gaps
}

fn of(gaps: &[u64], watched: Duration) -> Interruptions {
    let mut lengths = Histogram::default();
    gaps.iter().for_each(|gap| lengths.record(*gap));
    let left_ns = watched.as_nanos().saturating_sub(gaps.iter().map(|gap| u128::from(*gap)).sum());
    // 0 would say that there are none.
    let every_ns = left_ns.checked_div(gaps.len() as u128).map_or(0, |every_ns| every_ns.max(1));
    let lengths = lengths.distribution().unwrap_or_default().quantiles_ns();
    Interruptions { every_ns: u64::try_from(every_ns).unwrap_or(u64::MAX), lengths }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_between_gaps_is_their_distance() {
        let gaps: Vec<u64> = (1..=100).map(|number| number * 10_000).collect();
        let found = of(&gaps, Duration::from_nanos(150_500_000));
        assert_eq!(found.every_ns, 1_000_000);
        assert!(found.lengths.p50_ns.abs_diff(500_000) < 5_000, "{found:?}");
        assert!(found.lengths.p999_ns.abs_diff(1_000_000) < 10_000, "{found:?}");
        assert_eq!(of(&[], WATCHED), Interruptions::default());
    }
}
