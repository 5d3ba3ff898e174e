//! Passes events on, in the order of their times.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use super::RealClock;
use crate::{
    event::{Event, EventKind, Listener},
    types::ActorId,
};

/// Where all actors of a process report to.
#[derive(Clone)]
pub struct SocketRecorder {
    listener: Arc<Mutex<dyn Listener + Send>>,
    clock: RealClock,
}

impl SocketRecorder {
    /// A recorder that passes everything to `listener`, with the time of `clock`.
    pub fn new(listener: Arc<Mutex<dyn Listener + Send>>, clock: RealClock) -> Self {
        Self { listener, clock }
    }

    /// The clock by which it records.
    pub fn clock(&self) -> RealClock {
        self.clock
    }

    /// Passes a fact on.
    pub fn record(&self, actor: ActorId, kind: EventKind) {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        // The time is read while nobody else can record: whoever listens sees it rise.
        listener.hear(&Event { at: self.clock.now(), actor, kind });
    }
}

impl fmt::Debug for SocketRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketRecorder").finish_non_exhaustive()
    }
}
