//! What really happened so far, as far as several checkers need it. Facts only: nothing here judges.

mod caches;
mod connections;
mod fading_map;
mod registries;
mod signatures;
mod storages;

pub use caches::{Cache, CacheEntry, Caches};
pub use connections::Connections;
pub use fading_map::FadingMap;
pub use registries::{Registries, RegistryEntry};
pub use signatures::Signatures;
pub use storages::{Storages, StoredToken};

use super::Assumptions;
use crate::{event::Event, types::VirtualTime};

/// What is known before the event that is judged.
#[derive(Debug)]
pub struct Facts {
    /// What the plan says.
    pub assumptions: Assumptions,
    /// Connections and the latest request on each.
    pub connections: Connections,
    /// Tokens issued and countersigned.
    pub signatures: Signatures,
    /// Uses recorded per server.
    pub registries: Registries,
    /// Tokens cached per site.
    pub caches: Caches,
    /// Tokens stored per agent.
    pub storages: Storages,
}

impl Facts {
    /// Nothing has happened yet.
    pub fn new(assumptions: Assumptions) -> Self {
        Self {
            assumptions,
            connections: Connections::default(),
            signatures: Signatures::default(),
            registries: Registries::default(),
            caches: Caches::default(),
            storages: Storages::default(),
        }
    }

    /// Takes an event in, once it has been judged.
    pub fn learn(&mut self, event: &Event) {
        self.connections.learn(event, &self.assumptions);
        self.signatures.learn(event, &self.assumptions);
        self.registries.learn(event);
        self.caches.learn(event, &self.assumptions);
        self.storages.learn(event);
    }

    /// Forgets what is over.
    pub fn fade(&mut self, now: VirtualTime) {
        self.connections.fade(now);
        self.signatures.fade(now);
    }
}
