//! Many runs at the same time: each by itself on one thread, results in the order in which they were asked for.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use crate::types::locked;

/// As many threads as the machine runs at the same time.
pub fn all_cores() -> NonZero<usize> {
    thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

/// Does `work` for every item on `jobs` threads, and gives the results to `take` on this one, in the order of the
/// items. Once `interrupted` no further item is begun, and the results of those that were are still given, up to the
/// first that is missing.
pub fn in_order<I: Send, R: Send>(
    items: impl IntoIterator<Item = I, IntoIter: Send>,
    jobs: NonZero<usize>,
    interrupted: &AtomicBool,
    work: impl Fn(I) -> R + Sync,
    mut take: impl FnMut(R),
) {
    let items = Mutex::new(items.into_iter().enumerate());
    let next = || locked(&items).next();
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.get() {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while !interrupted.load(Relaxed)
                    && let Some((place, item)) = next()
                    // Nobody listens any more once `take` has panicked.
                    && sender.send((place, work(item))).is_ok()
                {}
            });
        }
        // Else the receiver would wait for this one, too.
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (place, result) in receiver {
            early.insert(place, result);
            while let Some(result) = early.remove(&due) {
                take(result);
                due += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Barrier, time::Duration};

    use super::*;

    fn jobs(count: usize) -> NonZero<usize> {
        NonZero::new(count).unwrap()
    }

    #[test]
    fn results_come_in_the_order_of_the_items_whoever_is_first() {
        let never = AtomicBool::new(false);
        for count in [1, 3, 8] {
            let mut taken = Vec::new();
            let work = |item: u64| {
                // The earlier items take the longest.
                thread::sleep(Duration::from_micros(200 * (20 - item)));
                item * 2
            };
            in_order(0..20, jobs(count), &never, work, |result| taken.push(result));
            assert_eq!(taken, (0..20).map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn as_many_threads_work_as_there_are_jobs() {
        // Each waits for all the others: fewer threads would never come to an end.
        let all_there = Barrier::new(4);
        let mut threads = BTreeSet::new();
        let work = |_| {
            all_there.wait();
            format!("{:?}", thread::current().id())
        };
        in_order(0..4, jobs(4), &AtomicBool::new(false), work, |id| assert!(threads.insert(id)));
        assert_eq!(threads.len(), 4);
    }

    #[test]
    fn once_interrupted_nothing_more_is_begun() {
        let interrupted = AtomicBool::new(false);
        let mut taken = Vec::new();
        let work = |item: u64| {
            interrupted.store(item == 2, Relaxed);
            item
        };
        in_order(0.., jobs(1), &interrupted, work, |result| taken.push(result));
        assert_eq!(taken, [0, 1, 2]);
    }
}
