//! What each site's token cache holds, and how its validations went.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::{
    event::{Close, Event, EventKind, UpstreamPurpose},
    oracle::Assumptions,
    types::{ActorId, ConnectionId, Jti, NodeId, Uid, UnixSeconds, VirtualTime},
};

/// A cached token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CacheEntry {
    /// Its jti.
    pub jti: Jti,
    /// Its expiry.
    pub expires: UnixSeconds,
    /// When it was stored.
    pub stored_at: VirtualTime,
    /// When it was first asked for after it had been fetched (rule 37).
    pub requested_at: Option<VirtualTime>,
    /// Whether it or one that it refreshed was ever asked for again.
    pub requested_ever: bool,
    /// Whether it was fetched in place of one that was asked for, while a validation was under way that may have that
    /// one on its list.
    pub replaced_requested: bool,
}

/// A validation in progress.
#[derive(Clone, Copy, Debug)]
pub struct Validation {
    /// When it started.
    pub started: VirtualTime,
    /// Tokens asked for in batches that have not failed.
    pub asked: u32,
    /// The connection of the latest batch.
    pub connection: Option<ConnectionId>,
    /// How many of its connections the SMP closed between two batches.
    pub closed_by_smp: u32,
    /// Whether the latest batch failed.
    pub batch_failed: bool,
    /// Whether any batch failed or brought fewer tokens than it asked for.
    pub incomplete: bool,
    batch: u32,
}

/// One site's cache.
#[derive(Debug, Default)]
pub struct Cache {
    entries: HashMap<(NodeId, Uid), CacheEntry, FixedState>,
    by_expiry: BTreeSet<(UnixSeconds, NodeId, Uid)>,
    /// When a token that names an agent was last refused. Whoever presents one asks for the entry of its uid, which
    /// the refusal does not tell (rule 37).
    refused: HashMap<NodeId, VirtualTime, FixedState>,
    /// Entries that were asked for and are handed out no more, since the latest validation: the next one, or the one under
    /// way, may still have them on its list.
    gone: BTreeSet<(NodeId, Uid)>,
    /// The validation in progress.
    pub validation: Option<Validation>,
    /// When the latest validation that ended had started.
    pub validated: Option<VirtualTime>,
    /// How long the latest validation took.
    pub validation_took: Duration,
    /// When the latest validation started that could not refresh everything that was due.
    pub hindered: Option<VirtualTime>,
}

impl Cache {
    /// The entry of an agent and uid.
    pub fn get(&self, agent: NodeId, uid: Uid) -> Option<&CacheEntry> {
        self.entries.get(&(agent, uid))
    }

    /// The entries whose tokens expire after `from` and not after `to`, in that order.
    pub fn expiring(&self, from: UnixSeconds, to: UnixSeconds) -> impl Iterator<Item = (NodeId, Uid, &CacheEntry)> {
        let least =
            |second: UnixSeconds| (UnixSeconds(second.0.saturating_add(1)), NodeId::from_bits(0), Uid::from_bits(0));
        let keys = (from < to).then(|| self.by_expiry.range(least(from)..least(to))).into_iter().flatten();
        keys.filter_map(|(_, agent, uid)| Some((*agent, *uid, self.get(*agent, *uid)?)))
    }

    /// When a token that names this agent was last refused.
    pub fn refused_at(&self, agent: NodeId) -> Option<VirtualTime> {
        self.refused.get(&agent).copied()
    }

    fn store(&mut self, agent: NodeId, uid: Uid, entry: CacheEntry) {
        if let Some(old) = self.entries.insert((agent, uid), entry) {
            self.by_expiry.remove(&(old.expires, agent, uid));
        }
        self.by_expiry.insert((entry.expires, agent, uid));
    }

    fn remove(&mut self, agent: NodeId, uid: Uid) {
        if let Some(old) = self.entries.remove(&(agent, uid)) {
            self.by_expiry.remove(&(old.expires, agent, uid));
            if old.requested_ever || self.refused.contains_key(&agent) {
                self.gone.insert((agent, uid));
            }
        }
    }

    fn requested(&mut self, agent: NodeId, uid: Uid, at: VirtualTime) {
        if let Some(entry) = self.entries.get_mut(&(agent, uid)) {
            entry.requested_at.get_or_insert(at);
            entry.requested_ever = true;
        }
    }
}

/// The caches of all sites, each since the site's latest start.
#[derive(Debug, Default)]
pub struct Caches {
    sites: BTreeMap<ActorId, Cache>,
}

impl Caches {
    /// All caches that ever held an entry or were validated.
    pub fn iter(&self) -> impl Iterator<Item = (ActorId, &Cache)> {
        self.sites.iter().map(|(site, cache)| (*site, cache))
    }

    /// A site's cache.
    pub fn get(&self, site: ActorId) -> Option<&Cache> {
        self.sites.get(&site)
    }

    pub(super) fn learn(&mut self, event: &Event, assumptions: &Assumptions) {
        if !matches!(event.actor, ActorId::Site(_)) {
            return;
        }
        match &event.kind {
            EventKind::Started { .. } | EventKind::Stopped { .. } => drop(self.sites.remove(&event.actor)),
            EventKind::CacheStored { agent, uid, jti, expires, refreshed } => {
                let cache = self.sites.entry(event.actor).or_default();
                let old = cache.get(*agent, *uid);
                let requested_ever = *refreshed && old.is_some_and(|old| old.requested_ever);
                let replaced_requested = !refreshed
                    && cache.validation.is_some()
                    && old.map_or(cache.gone.contains(&(*agent, *uid)), |old| {
                        old.requested_ever || old.replaced_requested || cache.refused_at(*agent).is_some()
                    });
                let entry = CacheEntry {
                    jti: *jti,
                    expires: *expires,
                    stored_at: event.at,
                    requested_at: None,
                    requested_ever,
                    replaced_requested,
                };
                cache.store(*agent, *uid, entry);
            }
            EventKind::ValidationStarted { .. } => {
                self.sites.entry(event.actor).or_default().validation = Some(Validation {
                    started: event.at,
                    asked: 0,
                    connection: None,
                    closed_by_smp: 0,
                    batch_failed: false,
                    incomplete: false,
                    batch: 0,
                });
            }
            kind => {
                if let Some(cache) = self.sites.get_mut(&event.actor) {
                    cache.learn(kind, event.at, assumptions);
                }
            }
        }
    }
}

impl Cache {
    fn learn(&mut self, kind: &EventKind, at: VirtualTime, assumptions: &Assumptions) {
        match kind {
            // Of several who wait for one fetch, none asks for what it brings: they asked before it was there. And who is
            // not handed the token that is there has asked for it all the same.
            EventKind::CacheHit { agent, uid, .. } | EventKind::CacheMissed { agent, uid } => {
                self.requested(*agent, *uid, at);
            }
            EventKind::Accepted { presented, .. } => self.requested(presented.agent, presented.uid, at),
            EventKind::Refused { claimed_agent: Some(agent), .. } => drop(self.refused.insert(*agent, at)),
            EventKind::CacheRemoved { agent, uid, .. } => self.remove(*agent, *uid),
            EventKind::UpstreamStarted { purpose: UpstreamPurpose::Validation, agents, connection, .. } => {
                let Some(validation) = &mut self.validation else { return };
                validation.batch = *agents;
                validation.asked = validation.asked.saturating_add(*agents);
                validation.connection = connection.or(validation.connection);
                validation.batch_failed = false;
            }
            EventKind::ConnectionClosed { connection, why: Close::ByPeer } => {
                let of_batch = |validation: &&mut Validation| validation.connection == Some(*connection);
                if let Some(validation) = self.validation.as_mut().filter(of_batch) {
                    validation.connection = None;
                    validation.closed_by_smp += 1;
                }
            }
            EventKind::UpstreamEnded { purpose: UpstreamPurpose::Validation, tokens, .. } => {
                let Some(validation) = &mut self.validation else { return };
                if tokens.is_none() {
                    validation.asked = validation.asked.saturating_sub(validation.batch);
                    validation.batch_failed = true;
                }
                validation.incomplete |= tokens.is_none_or(|tokens| tokens < validation.batch);
            }
            EventKind::ValidationEnded { requested, .. } => {
                let Some(validation) = self.validation.take() else { return };
                self.gone.clear();
                self.validated = Some(validation.started);
                self.validation_took = at.since(validation.started);
                if validation.incomplete || *requested >= assumptions.parameters.validation_tokens_max {
                    self.hindered = Some(validation.started);
                }
            }
            _ => {}
        }
    }
}
