//! Threads for actors on real sockets.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// After so many polls of tasks a worker looks at the sockets.
///
/// The runtime's own figure, 61, is meant for tasks of a microsecond. One that signs takes hundreds: whatever came from outside
/// would wait for ten milliseconds behind work that is already there.
const POLLS_BEFORE_EVENTS: u32 = 4;
/// Every so many polls a worker takes a task from the queue of all workers first, else from its own.
///
/// What does not fit into a worker's own queue comes into that of all. Looked at first each time, it kept answers waiting in a
/// worker's own for as long as there was more to do than the cores could: until they timed out after ten seconds.
const POLLS_BEFORE_QUEUE_OF_ALL: u32 = 2;

/// The threads of a runtime. A process beside others leaves it to the system where they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workers {
    /// One for each core, wherever the system puts them.
    OnePerCore,
    /// So many, wherever the system puts them.
    Count(usize),
    /// So many, each on a core of its own where this process has as many; for what has the machine to itself.
    ///
    /// A system that saves power puts threads that rest now and then on one core, where they wait for each other while another
    /// core is idle: on a virtual machine of two cores for a sixth of the time that they worked.
    OnCores(usize),
}

/// A runtime whose tasks sign and verify.
///
/// # Errors
/// If the system gives no threads, or no events.
pub fn runtime(workers: Workers) -> io::Result<Runtime> {
    #[cfg(unix)]
    open_as_many_files_as_possible();
    let mut builder = Builder::new_multi_thread();
    match workers {
        Workers::OnePerCore => {}
        Workers::Count(count) | Workers::OnCores(count) => drop(builder.worker_threads(count.max(1))),
    }
    #[cfg(target_os = "linux")]
    if let Workers::OnCores(count) = workers {
        keep_to_cores(&mut builder, count);
    }
    builder.enable_all().event_interval(POLLS_BEFORE_EVENTS).global_queue_interval(POLLS_BEFORE_QUEUE_OF_ALL).build()
}

/// Raises the soft limit of open files to the hard one: each connection is a file, and 1,024 is usual for programs that wait
/// for sockets by an interface of fewer. What the system refuses stays as it is.
#[cfg(unix)]
fn open_as_many_files_as_possible() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).ok();
    }
}

/// Keeps this thread to one core of those that this process may use: the one of this number in their order, from 0. What the system
/// refuses stays as it is, and so does a thread for which there is no core: nothing depends on it but speed.
pub fn keep_to_core(number: usize) {
    #[cfg(target_os = "linux")]
    if let Some(core) = cores().nth(number) {
        stay_on(core);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = number;
}

/// Keeps each worker to a core.
#[cfg(target_os = "linux")]
fn keep_to_cores(builder: &mut Builder, workers: usize) {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    let cores: Vec<usize> = cores().take(workers).collect();
    if cores.len() < workers {
        return;
    }
    let started = AtomicUsize::new(0);
    builder.on_thread_start(move || {
        // Workers start first. Threads after them wait for names and files, on the core of whoever starts them.
        if let Some(core) = cores.get(started.fetch_add(1, Relaxed)) {
            stay_on(*core);
        }
    });
}

/// The cores that this process may use; none if the system does not say.
#[cfg(target_os = "linux")]
fn cores() -> impl Iterator<Item = usize> {
    use rustix::thread::{CpuSet, sched_getaffinity};

    let allowed = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(move |core| allowed.is_set(*core))
}

#[cfg(target_os = "linux")]
fn stay_on(core: usize) {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut own = CpuSet::new();
    own.set(core);
    sched_setaffinity(None, &own).ok();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        collections::BTreeSet,
        sync::{
            Arc, Barrier,
            atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
        },
        thread,
    };

    use rustix::thread::{CpuSet, sched_getaffinity};

    use super::*;

    /// How many cores each worker may use, and which they are together. Every worker is asked, since all wait for each other.
    fn cores_of(workers: usize, runtime: &Runtime) -> (BTreeSet<u32>, BTreeSet<usize>) {
        let all_are_here = Arc::new(Barrier::new(workers));
        let asked: Vec<_> = (0..workers)
            .map(|_| {
                let all_are_here = Arc::clone(&all_are_here);
                runtime.spawn(async move {
                    all_are_here.wait();
                    sched_getaffinity(None).unwrap()
                })
            })
            .collect();
        let sets: Vec<CpuSet> = asked.into_iter().map(|worker| runtime.block_on(worker).unwrap()).collect();
        let cores = sets.iter().flat_map(|set| (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core))).collect();
        (sets.iter().map(CpuSet::count).collect(), cores)
    }

    #[test]
    fn as_many_files_may_be_open_as_the_system_allows() {
        use rustix::process::{Resource, getrlimit};

        drop(runtime(Workers::Count(1)).unwrap());
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }

    #[test]
    fn as_many_workers_as_cores_each_have_one_and_others_all() {
        let cores = sched_getaffinity(None).unwrap().count() as usize;
        let (counts, together) = cores_of(cores, &runtime(Workers::OnCores(cores)).unwrap());
        assert_eq!((counts, together.len()), (BTreeSet::from([1]), cores));
        for (workers, count) in [(Workers::OnCores(cores + 1), cores + 1), (Workers::Count(cores), cores)] {
            let (counts, together) = cores_of(count, &runtime(workers).unwrap());
            assert_eq!(
                (counts, together.len()),
                (BTreeSet::from([u32::try_from(cores).unwrap()]), cores),
                "{workers:?}"
            );
        }
    }

    #[test]
    fn what_a_worker_has_to_do_itself_does_not_wait_until_nothing_else_is_to_be_done() {
        const OTHERS: u32 = 10_000;
        let runtime = runtime(Workers::Count(1)).unwrap();
        let (begin, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (may_begin, before) = (Arc::clone(&begin), Arc::clone(&done));
        let own = runtime.spawn(async move {
            while !may_begin.load(SeqCst) {
                thread::yield_now();
            }
            let own = tokio::spawn(async move { before.load(SeqCst) });
            // The latest task of a worker comes next in any case.
            tokio::spawn(async {});
            own.await
        });
        let others = (0..OTHERS).map(|_| {
            let done = Arc::clone(&done);
            runtime.spawn(async move { done.fetch_add(1, SeqCst) })
        });
        let others: Vec<_> = others.collect();
        begin.store(true, SeqCst);
        let before = runtime.block_on(own).unwrap().unwrap();
        // A worker may have taken some hundred of them into its own queue before.
        assert!(before < 1_000, "{before} of {OTHERS} came first");
        for other in others {
            runtime.block_on(other).unwrap();
        }
    }

    #[test]
    fn a_thread_is_kept_to_one_core_if_there_is_one() {
        let cores_of = |number: usize| {
            thread::spawn(move || {
                keep_to_core(number);
                let allowed = sched_getaffinity(None).unwrap();
                (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect::<Vec<_>>()
            })
            .join()
            .unwrap()
        };
        let all: Vec<usize> = cores().collect();
        assert_eq!(cores_of(0), all[..1]);
        assert_eq!(cores_of(all.len() - 1), all[all.len() - 1..]);
        assert_eq!(cores_of(all.len()), all);
    }
}
