//! The tasks of an actor from one start to the next.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::task::AbortHandle;

/// Everything that an actor does until its process ends: then all of it ends at once, in the middle of whatever it was.
#[derive(Debug, Default)]
pub struct Life {
    tasks: Mutex<Vec<AbortHandle>>,
    is_over: AtomicBool,
}

/// Tasks that have ended are forgotten when there are this many more than at the time before.
const FORGET_FROM: usize = 64;

impl Life {
    /// Starts a task, unless this life is over.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        if self.is_over() {
            return;
        }
        // The host's own queue is first come, first served, whoever wakes a task. The runtime's queue is not: whether
        // a timer or a byte of the same instant comes first would depend on how often the runtime was idle before.
        let handle = tokio::task::spawn_local(task).abort_handle();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if tasks.len() == tasks.capacity() && tasks.len() >= FORGET_FROM {
            tasks.retain(|task| !task.is_finished());
        }
        tasks.push(handle);
    }

    /// Ends it. What its tasks held is dropped; the peers of its connections see them end.
    pub fn end(&self) {
        self.is_over.store(true, Relaxed);
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }

    /// Whether it has ended: what is torn down from then on says nothing any more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }
}
