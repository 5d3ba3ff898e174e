//! What else this machine does, found out by doing nothing on every core but reading the clock.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::parallel::all_cores;
use crate::types::Interruptions;

/// What takes a core for longest comes seldom, and makes the tails: in 10 s there were some seventy gaps on two cores, of which a few
/// are long.
const WATCHED: Duration = Duration::from_secs(30);
/// What is shorter is the kernel's own work, which the costs of requests have in them.
const SHORTEST: Duration = Duration::from_micros(100);
/// The lengths of as many equal parts of all of them are told.
const PARTS: usize = 100;

/// How often something else takes a core of this machine, and for how long.
pub(super) fn interruptions() -> Interruptions {
    let watchers: Vec<_> = (0..all_cores().get()).map(|_| thread::spawn(gaps)).collect();
    let watched = WATCHED * u32::try_from(watchers.len()).unwrap_or(u32::MAX);
    let gaps = watchers.into_iter().filter_map(|watcher| watcher.join().ok()).flatten().collect();
    of(gaps, watched)
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

fn of(mut gaps: Vec<u64>, watched: Duration) -> Interruptions {
    gaps.sort_unstable();
    let left_ns = watched.as_nanos().saturating_sub(sum(&gaps));
    // 0 would say that there are none.
    let every_ns = left_ns.checked_div(gaps.len() as u128).map_or(0, |every_ns| every_ns.max(1));
    Interruptions { every_ns: u64::try_from(every_ns).unwrap_or(u64::MAX), lengths_ns: parts(&gaps) }
}

/// The average of each of so many parts of them that are as large as each other, or of each of them if there are fewer: what they
/// take all together stays the same.
fn parts(sorted: &[u64]) -> Vec<u64> {
    let count = sorted.len().min(PARTS);
    let average = |part: usize| {
        let part = sorted.get(part * sorted.len() / count..(part + 1) * sorted.len() / count)?;
        sum(part).checked_div(part.len() as u128)
    };
    (0..count).filter_map(average).map(|average_ns| u64::try_from(average_ns).unwrap_or(u64::MAX)).collect()
}

fn sum(gaps: &[u64]) -> u128 {
    gaps.iter().map(|gap| u128::from(*gap)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_between_gaps_is_their_distance() {
        let gaps: Vec<u64> = (1..=100).rev().map(|number| number * 10_000).collect();
        let found = of(gaps.clone(), Duration::from_nanos(150_500_000));
        assert_eq!(found.every_ns, 1_000_000);
        assert_eq!(found.lengths_ns, gaps.into_iter().rev().collect::<Vec<_>>());
        assert_eq!(of(Vec::new(), WATCHED), Interruptions::default());
    }

    #[test]
    fn many_gaps_are_told_by_the_averages_of_equal_parts() {
        let few: Vec<u64> = (1..=250).collect();
        let told = parts(&few);
        assert_eq!(told.len(), PARTS);
        assert_eq!((told[0], told[1], told[99]), (1, 4, 249));
        assert!(parts(&[7, 9]) == [7, 9] && parts(&[]).is_empty());
    }
}
