//! The tasks of an actor from one start to the next.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::task::JoinSet;

use crate::types::locked;

/// Everything that an actor does until its process ends: then all of it ends at once, in the middle of whatever it was.
#[derive(Debug, Default)]
pub struct Life {
    tasks: Mutex<JoinSet<()>>,
    is_over: AtomicBool,
}

impl Life {
    /// Starts a task, unless this life is over.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        if self.is_over() {
            return;
        }
        let mut tasks = locked(&self.tasks);
        // A task that has ended keeps its memory until somebody has looked.
        while tasks.try_join_next().is_some() {}
        // The host's own queue is first come, first served, whoever wakes a task. The runtime's queue is not: whether
        // a timer or a byte of the same instant comes first would depend on how often the runtime was idle before.
        tasks.spawn_local(task);
    }

    /// Ends it. What its tasks held is dropped; the peers of its connections see them end.
    pub fn end(&self) {
        self.is_over.store(true, Relaxed);
        locked(&self.tasks).abort_all();
    }

    /// Whether it has ended: what is torn down from then on says nothing any more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }
}
