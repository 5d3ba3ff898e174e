//! What each server's registry must hold.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::{
    event::{Event, EventKind, Presented},
    types::{ActorId, Jti, NodeId, UnixSeconds},
};

/// The uses of one token at one server since its start, as the oracle counts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegistryEntry {
    /// The expiry of the token.
    pub expires: UnixSeconds,
    /// The highest counter recorded.
    pub highest: u64,
    /// Bit `i` says whether counter `highest - i` was recorded.
    pub window: u64,
}

impl RegistryEntry {
    /// An entry for a first use.
    pub const fn first(counter: u64, expires: UnixSeconds) -> Self {
        Self { expires, highest: counter, window: 1 }
    }

    /// The entry after one more use.
    pub const fn with(self, counter: u64) -> Self {
        if counter > self.highest {
            let ahead = counter - self.highest;
            let window = if ahead < 64 { self.window << ahead | 1 } else { 1 };
            Self { highest: counter, window, ..self }
        } else {
            let behind = self.highest - counter;
            let window = if behind < 64 { self.window | 1 << behind } else { self.window };
            Self { window, ..self }
        }
    }
}

/// One server's registry.
#[derive(Debug, Default)]
pub struct Registry {
    entries: HashMap<(NodeId, Jti), RegistryEntry, FixedState>,
    by_expiry: BTreeSet<(UnixSeconds, NodeId, Jti)>,
}

impl Registry {
    /// The entries whose tokens expire after `from` and not after `to`, in that order.
    pub fn expiring(&self, from: UnixSeconds, to: UnixSeconds) -> impl Iterator<Item = (UnixSeconds, NodeId, Jti)> {
        let least =
            |second: UnixSeconds| (UnixSeconds(second.0.saturating_add(1)), NodeId::from_bits(0), Jti::from_bits(0));
        (from < to).then(|| self.by_expiry.range(least(from)..least(to))).into_iter().flatten().copied()
    }
}

/// The registries of all servers, each since the server's latest start.
#[derive(Debug, Default)]
pub struct Registries {
    servers: BTreeMap<ActorId, Registry>,
}

impl Registries {
    /// All registries that ever held an entry.
    pub fn iter(&self) -> impl Iterator<Item = (ActorId, &Registry)> {
        self.servers.iter().map(|(server, registry)| (*server, registry))
    }

    /// What a server must hold about a token.
    pub fn get(&self, server: ActorId, agent: NodeId, jti: Jti) -> Option<&RegistryEntry> {
        self.servers.get(&server)?.entries.get(&(agent, jti))
    }

    pub(super) fn learn(&mut self, event: &Event) {
        match &event.kind {
            // The registry is memory: a server that stops loses it, one that starts has an empty one.
            EventKind::Started { .. } | EventKind::Stopped { .. } => drop(self.servers.remove(&event.actor)),
            EventKind::RegistryRecorded { presented: Presented { agent, jti, counter, .. }, state, .. } => {
                let registry = self.servers.entry(event.actor).or_default();
                registry
                    .entries
                    .entry((*agent, *jti))
                    .and_modify(|entry| *entry = entry.with(*counter))
                    .or_insert_with(|| {
                        registry.by_expiry.insert((state.expires, *agent, *jti));
                        RegistryEntry::first(*counter, state.expires)
                    });
            }
            EventKind::RegistryRemoved { agent, jti, .. } => {
                let Some(registry) = self.servers.get_mut(&event.actor) else { return };
                if let Some(entry) = registry.entries.remove(&(*agent, *jti)) {
                    registry.by_expiry.remove(&(entry.expires, *agent, *jti));
                }
            }
            _ => {}
        }
    }
}
