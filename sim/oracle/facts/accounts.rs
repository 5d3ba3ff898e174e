//! What accounts did: what servers offered, which connections an account authenticates, who has which password.

use std::collections::BTreeMap;

use super::{Connections, FadingMap};
use crate::{
    event::{Event, EventKind, MachineChange},
    oracle::Assumptions,
    types::{AccountScheme, ActorId, Authentication, ConnectionId, NodeId, RequestId, VirtualTime},
};

/// An account that was accepted on a connection.
#[derive(Clone, Copy, Debug)]
pub struct AcceptedAccount {
    /// Who accepted.
    pub server: ActorId,
    /// Whose account.
    pub account: NodeId,
    /// For which request.
    pub request: RequestId,
    /// When.
    pub at: VirtualTime,
}

/// All that is known of accounts. Nothing is kept where nobody uses any.
#[derive(Debug, Default)]
pub struct Accounts {
    offered: FadingMap<ConnectionId, Authentication>,
    accepted: FadingMap<ConnectionId, AcceptedAccount>,
    answered: FadingMap<ConnectionId, AccountScheme>,
    /// When tokens of an agent failed at a server last.
    token_failed: FadingMap<(ActorId, ActorId), VirtualTime>,
    password_changed: Option<VirtualTime>,
    /// When each agent learned of policy last.
    policy: BTreeMap<ActorId, VirtualTime>,
}

impl Accounts {
    /// What the server offered last on a connection, as it said itself.
    pub fn offered(&self, connection: ConnectionId) -> Option<Authentication> {
        self.offered.get(&connection).copied()
    }

    /// The account that was accepted on a connection.
    pub fn accepted(&self, connection: ConnectionId) -> Option<&AcceptedAccount> {
        self.accepted.get(&connection)
    }

    /// By which scheme the opener of a connection answered a challenge on it last.
    pub fn answered(&self, connection: ConnectionId) -> Option<AccountScheme> {
        self.answered.get(&connection).copied()
    }

    /// When tokens of an agent failed at a server last.
    pub fn token_failed(&self, agent: ActorId, server: ActorId) -> Option<VirtualTime> {
        self.token_failed.get(&(agent, server)).copied()
    }

    /// When an agent learned of policy last; at the start if it never did.
    pub fn learned_of_policy(&self, agent: ActorId) -> VirtualTime {
        self.policy.get(&agent).copied().unwrap_or(VirtualTime::ZERO)
    }

    /// Since when an agent must not get in with the ACC: it has not learned of the password that was set then.
    pub fn has_old_password(&self, agent: ActorId) -> Option<VirtualTime> {
        let changed = self.password_changed?;
        (self.learned_of_policy(agent) < changed).then_some(changed)
    }

    pub(super) fn learn(&mut self, event: &Event, connections: &Connections, assumptions: &Assumptions) {
        if assumptions.kinds.is_tokens_only() {
            return;
        }
        let (actor, at) = (event.actor, event.at);
        let keep_until = || assumptions.forget_connection_at(at);
        match event.kind {
            EventKind::AuthenticationOffered { request, offered } => {
                self.offered.insert(request.connection, offered, keep_until());
            }
            EventKind::AccountAccepted { request, account, .. } => {
                let accepted = AcceptedAccount { server: actor, account, request, at };
                self.accepted.insert(request.connection, accepted, keep_until());
            }
            // The module that knew it is gone.
            EventKind::Machine(MachineChange::ConnectionForgotten { connection }) => {
                self.accepted.remove(&connection);
            }
            EventKind::Served { request, .. } => {
                self.accepted.touch(&request.connection, keep_until());
            }
            EventKind::CredentialsSent { connection, scheme, .. } => {
                self.answered.insert(connection, scheme, keep_until());
            }
            EventKind::ResponseReceived { request, status: 403 | 429 | 503 } => {
                if let Some(connection) = connections.get(request.connection) {
                    self.token_failed.insert((actor, connection.server), at, keep_until());
                }
            }
            EventKind::Refused { request, .. } => {
                if let Some(connection) = connections.get(request.connection) {
                    self.token_failed.insert((connection.opener, actor), at, keep_until());
                }
            }
            EventKind::TokenDeclined { server, .. } => self.token_failed.insert((actor, server), at, keep_until()),
            EventKind::AccPasswordChanged { .. } => self.password_changed = Some(at),
            EventKind::PolicyReceived { .. } | EventKind::Registered { .. } => drop(self.policy.insert(actor, at)),
            _ => {}
        }
    }

    pub(super) fn fade(&mut self, now: VirtualTime) {
        self.offered.fade(now);
        self.accepted.fade(now);
        self.answered.fade(now);
        self.token_failed.fade(now);
    }
}
