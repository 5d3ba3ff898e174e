//! Everybody who listens to a server's events.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use super::{Figures, narrator::Narrator};
use crate::event::{Event, EventKind, Listener};

/// Passes events to the log and the figures, and notices when a site server is ready.
#[derive(Debug)]
pub struct Audience {
    narrator: Narrator,
    figures: Arc<Figures>,
    ready: Arc<AtomicBool>,
}

impl Audience {
    /// An audience that sets `ready` once the server has registered.
    pub fn new(figures: Arc<Figures>, ready: Arc<AtomicBool>) -> Self {
        Self { narrator: Narrator::default(), figures, ready }
    }
}

impl Listener for Audience {
    fn hear(&mut self, event: &Event) {
        self.narrator.hear(event);
        self.figures.hear(&event.kind);
        if matches!(event.kind, EventKind::Registered { .. }) {
            self.ready.store(true, Relaxed);
        }
    }
}
