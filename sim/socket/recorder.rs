//! Passes events on, in the order of their times.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::RealClock;
use crate::{
    event::{Event, EventKind, Listener, Visit},
    types::{ActorId, locked},
};

/// Where all actors of a process report to.
#[derive(Clone)]
pub struct SocketRecorder {
    listener: Arc<Mutex<dyn Listener + Send>>,
    clock: RealClock,
    is_closed: Arc<AtomicBool>,
}

impl SocketRecorder {
    /// A recorder that passes everything to `listener`, with the time of `clock`.
    pub fn new(listener: Arc<Mutex<dyn Listener + Send>>, clock: RealClock) -> Self {
        Self { listener, clock, is_closed: Arc::default() }
    }

    /// The same recorder with a time that begins now. Nobody may have recorded yet.
    pub fn from_now_on(&self) -> Self {
        Self { clock: RealClock::start(), ..self.clone() }
    }

    /// The clock by which it records.
    pub fn clock(&self) -> RealClock {
        self.clock
    }

    /// Passes a fact on, unless this is closed.
    pub fn record(&self, actor: ActorId, kind: EventKind) {
        let Some(mut listener) = self.open() else { return };
        // The time is read while nobody else can record: whoever listens sees it rise.
        listener.take(Event { at: self.clock.now(), actor, kind });
    }

    /// Passes on that a visit begins now, unless this is closed.
    pub fn visit_begins(&self, agent: ActorId, visit: &Visit) {
        let Some(mut listener) = self.open() else { return };
        listener.visit_begins(agent, visit, self.clock.now());
    }

    /// Passes nothing on any more: what is torn down from now on did not happen. Clones close together.
    pub fn close(&self) {
        self.is_closed.store(true, Relaxed);
        // Whoever is recording has done so when this comes back.
        drop(locked(&self.listener));
    }

    fn open(&self) -> Option<MutexGuard<'_, dyn Listener + Send + 'static>> {
        let listener = locked(&self.listener);
        (!self.is_closed.load(Relaxed)).then_some(listener)
    }
}

impl fmt::Debug for SocketRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketRecorder").finish_non_exhaustive()
    }
}
