//! Everybody who listens to a server's events.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::{Figures, config::LogTable, narrator::Narrator, records::Records};
use crate::{
    event::{Event, EventKind, Listener},
    types::{NodeId, Thumbprint},
};

/// What is done once, when a site server has registered: before it opens its door.
pub type OnRegistered = Box<dyn FnOnce() + Send>;

/// Passes events to the log and the figures, and notices when a site server has registered.
pub struct Audience {
    narrator: Narrator,
    records: Records,
    figures: Arc<Figures>,
    ready: Arc<AtomicBool>,
    on_registered: Option<OnRegistered>,
}

impl Audience {
    /// An audience that sets `ready` once the server has registered.
    pub fn new(figures: Arc<Figures>, ready: Arc<AtomicBool>) -> Self {
        Self { narrator: Narrator::default(), records: Records::default(), figures, ready, on_registered: None }
    }

    /// Learns which site server this is.
    pub fn tells_of(&mut self, site: NodeId, kid: Thumbprint) {
        self.narrator.tells_of(site, kid);
    }

    /// Writes records beside the log from now on, as far as the configuration wants them.
    pub fn writes_records(&mut self, table: &LogTable) {
        self.records.go_by(table);
    }

    /// Has something done once the server has registered.
    pub fn once_registered(&mut self, act: OnRegistered) {
        self.on_registered = Some(act);
    }
}

impl Listener for Audience {
    fn hear(&mut self, event: &Event) {
        self.narrator.hear(event);
        self.records.hear(event);
        self.figures.hear(&event.kind);
        if matches!(event.kind, EventKind::Registered { .. }) {
            if let Some(act) = self.on_registered.take() {
                act();
            }
            self.ready.store(true, Relaxed);
        }
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience").finish_non_exhaustive()
    }
}
