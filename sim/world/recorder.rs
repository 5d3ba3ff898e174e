//! Passes events on.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use crate::{
    event::{Event, Listener, Visit},
    types::{ActorId, VirtualTime, locked},
};

/// Where all actors of a run report to.
pub struct Recorder {
    listener: Arc<Mutex<dyn Listener + Send>>,
    is_closed: AtomicBool,
}

impl Recorder {
    /// A recorder that passes everything to `listener`.
    pub fn new(listener: Arc<Mutex<dyn Listener + Send>>) -> Self {
        Self { listener, is_closed: AtomicBool::new(false) }
    }

    /// Passes an event on, unless the run is over.
    pub fn record(&self, event: &Event) {
        if !self.is_closed.load(Relaxed) {
            locked(&self.listener).hear(event);
        }
    }

    /// Passes on that a visit begins, unless the run is over.
    pub fn visit_begins(&self, agent: ActorId, visit: &Visit, at: VirtualTime) {
        if !self.is_closed.load(Relaxed) {
            locked(&self.listener).visit_begins(agent, visit, at);
        }
    }

    /// The run is over: what is torn down from now on did not happen.
    pub fn close(&self) {
        self.is_closed.store(true, Relaxed);
    }

    /// Whether the run is over.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Relaxed)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
