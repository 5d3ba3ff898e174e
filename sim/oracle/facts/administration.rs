//! What administrators decided at the SMP, and who must have heard of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    event::{Event, EventKind},
    oracle::Assumptions,
    types::{ActorId, NodeId, VirtualTime},
};

/// Revocations, removed sites, withdrawn keys, and when sites heard from the SMP.
#[derive(Debug, Default)]
pub struct Administration {
    revoked: BTreeMap<NodeId, VirtualTime>,
    reinstated: BTreeMap<NodeId, VirtualTime>,
    removed_sites: BTreeSet<NodeId>,
    key: Option<u32>,
    withdrawn: BTreeMap<u32, VirtualTime>,
    keys_changed: BTreeSet<ActorId>,
    policies: BTreeMap<ActorId, VirtualTime>,
}

impl Administration {
    /// Since when an agent has been revoked, if it is.
    pub fn revoked(&self, agent: NodeId) -> Option<VirtualTime> {
        self.revoked.get(&agent).copied()
    }

    /// Whether an agent is revoked, or was so recently that some server may not know of its reinstatement.
    pub fn may_be_taken_for_revoked(&self, agent: NodeId, at: VirtualTime, assumptions: &Assumptions) -> bool {
        let recently = |since: &VirtualTime| at <= since.after(assumptions.policy_delay());
        self.revoked.contains_key(&agent) || self.reinstated.get(&agent).is_some_and(recently)
    }

    /// Since when an agent has been revoked, if this server must not let it in any more (S7).
    pub fn must_be_out(
        &self,
        server: ActorId,
        agent: NodeId,
        now: VirtualTime,
        assumptions: &Assumptions,
    ) -> Option<VirtualTime> {
        let since = self.revoked(agent)?;
        let tokens_end = since
            .after(assumptions.lifetime)
            .after(assumptions.leeway)
            .after(assumptions.skew)
            .after(assumptions.granularity);
        let is_out = now > tokens_end || self.must_know_at_once(server, since, now, assumptions);
        is_out.then_some(since)
    }

    /// Since when a server key has been withdrawn, if this server must not trust it any more (S2).
    pub fn must_distrust(
        &self,
        server: ActorId,
        key: u32,
        now: VirtualTime,
        assumptions: &Assumptions,
    ) -> Option<VirtualTime> {
        let since = *self.withdrawn.get(&key)?;
        self.must_know(server, since, now, assumptions).then_some(since)
    }

    /// Whether a server must know by now what changed at the SMP: a policy interval has passed, and it has heard from
    /// the SMP since, or nothing kept it from doing so.
    pub fn must_know(&self, server: ActorId, since: VirtualTime, now: VirtualTime, assumptions: &Assumptions) -> bool {
        let by = since.after(assumptions.policy_delay());
        // What arrives within a time-out after the change may have been said before it.
        let news = since.after(assumptions.parameters.exchange_timeout()).after(assumptions.granularity);
        now > by
            && (server == ActorId::Smp
                || self.policies.get(&server).is_some_and(|heard| *heard >= news)
                || assumptions.hindrances.leave_alone(server, since, by))
    }

    /// The same, where the SMP knows at once what it decides by itself.
    pub fn must_know_at_once(
        &self,
        server: ActorId,
        since: VirtualTime,
        now: VirtualTime,
        assumptions: &Assumptions,
    ) -> bool {
        server == ActorId::Smp || self.must_know(server, since, now, assumptions)
    }

    /// Whether a site server is removed.
    pub fn is_removed(&self, site: NodeId) -> bool {
        self.removed_sites.contains(&site)
    }

    /// Whether an agent has another key than in the beginning.
    pub fn has_new_key(&self, agent: ActorId) -> bool {
        self.keys_changed.contains(&agent)
    }

    /// The key with which the SMP signs tokens now.
    pub fn key(&self, assumptions: &Assumptions) -> u32 {
        self.key.unwrap_or(assumptions.server_key)
    }

    pub(super) fn learn(&mut self, event: &Event) {
        match event.kind {
            EventKind::Revoked { agent } => {
                self.revoked.entry(agent).or_insert(event.at);
            }
            EventKind::Reinstated { agent } => {
                self.revoked.remove(&agent);
                self.reinstated.insert(agent, event.at);
            }
            EventKind::SiteRemoved { site } => drop(self.removed_sites.insert(site)),
            EventKind::SiteApproved { site } => drop(self.removed_sites.remove(&site)),
            EventKind::ServerKeyRotated { key } => {
                self.key = Some(key);
                self.withdrawn.remove(&key);
            }
            EventKind::ServerKeyWithdrawn { key } => {
                self.withdrawn.entry(key).or_insert(event.at);
            }
            EventKind::AgentKeyChanged { .. } => drop(self.keys_changed.insert(event.actor)),
            EventKind::Registered { .. } | EventKind::PolicyReceived { .. } => {
                if matches!(event.actor, ActorId::Site(_)) {
                    self.policies.insert(event.actor, event.at);
                }
            }
            _ => {}
        }
    }
}
