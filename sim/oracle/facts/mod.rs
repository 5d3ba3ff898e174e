//! What really happened so far, as far as several checkers need it. Facts only: nothing here judges.

mod accounts;
mod administration;
mod authentications;
mod caches;
mod connections;
mod cut_off;
mod fading_map;
mod lives;
mod login_tokens;
mod registries;
mod settlements;
mod signatures;
mod storages;

pub use accounts::{AcceptedAccount, Accounts};
pub use administration::Administration;
pub use authentications::{Authentication, Authentications};
pub use caches::{Cache, CacheEntry, Caches};
pub use connections::Connections;
pub use cut_off::CutOffs;
pub use fading_map::FadingMap;
pub use lives::Lives;
pub use login_tokens::{LoginTokens, opener};
pub use registries::{Registries, RegistryEntry};
pub use settlements::Settlements;
pub use signatures::Signatures;
pub use storages::{Storages, StoredToken};

use super::Assumptions;
use crate::{
    event::{Event, EventKind, Outcome},
    types::{ActorId, NodeId, Profile, VirtualTime},
};

/// What is known before the event that is judged.
#[derive(Debug)]
pub struct Facts {
    /// What the plan says.
    pub assumptions: Assumptions,
    /// Who has started, and with which software.
    pub lives: Lives,
    /// What administrators decided.
    pub administration: Administration,
    /// Connections and the latest request on each.
    pub connections: Connections,
    /// Which connections are authenticated.
    pub authentications: Authentications,
    /// What accounts did.
    pub accounts: Accounts,
    /// Tokens issued and countersigned.
    pub signatures: Signatures,
    /// Uses recorded per server.
    pub registries: Registries,
    /// Tokens cached per site.
    pub caches: Caches,
    /// Tokens stored per agent.
    pub storages: Storages,
    /// Agents that have got through since the network has been fair.
    pub settlements: Settlements,
    /// Agents that had lost their servers when everything healed.
    pub cut_offs: CutOffs,
    /// Login tokens of a portal.
    pub login_tokens: LoginTokens,
}

impl Facts {
    /// Nothing has happened yet.
    pub fn new(assumptions: Assumptions) -> Self {
        Self {
            assumptions,
            lives: Lives::default(),
            administration: Administration::default(),
            connections: Connections::default(),
            authentications: Authentications::default(),
            accounts: Accounts::default(),
            signatures: Signatures::default(),
            registries: Registries::default(),
            caches: Caches::default(),
            storages: Storages::default(),
            settlements: Settlements::default(),
            cut_offs: CutOffs::default(),
            login_tokens: LoginTokens::default(),
        }
    }

    /// The profile of an actor's software.
    pub fn profile(&self, actor: ActorId) -> Profile {
        self.lives.profile(actor, &self.assumptions)
    }

    /// Since when an agent has been revoked, if this server must not let it in any more (S7).
    pub fn must_be_out(&self, server: ActorId, agent: NodeId, now: VirtualTime) -> Option<VirtualTime> {
        self.administration.must_be_out(server, agent, now, &self.assumptions)
    }

    /// Since when an agent has been revoked, if this server must not let its machine's own account in any more (S7): no
    /// expiry ends what an account can do, so that a server that cannot know cannot tell either.
    pub fn account_must_be_out(&self, server: ActorId, account: NodeId, now: VirtualTime) -> Option<VirtualTime> {
        let since = self.administration.revoked(account)?;
        self.administration.must_know_at_once(server, since, now, &self.assumptions).then_some(since)
    }

    /// Whether liveness is judged for an exchange that ended now: an honest agent's own, on a fair network.
    pub fn is_fair_exchange(&self, ended: &Event, took_ns: u64) -> bool {
        let (actor, at, assumptions) = (ended.actor, ended.at, &self.assumptions);
        let started = VirtualTime(at.nanos().saturating_sub(took_ns));
        // What accounts do takes a trip more, and fails for other reasons: liveness speaks of tokens.
        let EventKind::ExchangeEnded { server, outcome, .. } = ended.kind else { return false };
        let by_account =
            matches!(outcome, Outcome::ServedByAccount | Outcome::NoCredentials | Outcome::DowngradeRefused);
        matches!(actor, ActorId::Agent(_))
            && !by_account
            && assumptions.kinds.is_about_tokens(actor, server)
            && assumptions.fairness.includes(actor, started, at)
            && !assumptions.is_left_behind(actor)
    }

    /// Whether an agent is revoked, or may still be taken for it.
    pub fn may_be_taken_for_revoked(&self, actor: ActorId, at: VirtualTime) -> bool {
        let node = self.assumptions.identities.node_of(actor);
        self.administration.may_be_taken_for_revoked(node, at, &self.assumptions)
    }

    /// Takes an event in, once it has been judged.
    pub fn learn(&mut self, event: &Event) {
        let is_restart = self.lives.get(event.actor).is_some();
        self.cut_offs.learn(event, is_restart, &self.assumptions);
        self.lives.learn(event, &self.assumptions);
        self.administration.learn(event);
        self.connections.learn(event, &self.assumptions);
        self.authentications.learn(event, || self.lives.profile(event.actor, &self.assumptions), &self.assumptions);
        self.signatures.learn(event, self.administration.key(&self.assumptions), &self.assumptions);
        self.accounts.learn(event, &self.connections, &self.assumptions);
        self.registries.learn(event);
        self.caches.learn(event, &self.assumptions);
        self.storages.learn(event);
        self.settlements.learn(event, &self.assumptions);
        self.login_tokens.learn(event, &self.assumptions);
    }

    /// Forgets what is over.
    pub fn fade(&mut self, now: VirtualTime) {
        self.connections.fade(now);
        self.authentications.fade(now);
        self.accounts.fade(now);
        self.signatures.fade(now);
        self.login_tokens.fade(now);
    }
}
