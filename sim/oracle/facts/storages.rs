//! Which token each agent has stored for which server.

use std::collections::BTreeMap;

use crate::{
    event::{Event, EventKind},
    types::{ActorId, Jti, UnixSeconds, VirtualTime},
};

/// A stored token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredToken {
    /// Its jti.
    pub jti: Jti,
    /// Its expiry.
    pub expires: UnixSeconds,
    /// When it was stored or used last.
    pub used_at: VirtualTime,
}

/// The storages of all agents, each since the agent's latest start (rule 11).
#[derive(Debug, Default)]
pub struct Storages {
    tokens: BTreeMap<(ActorId, ActorId), StoredToken>,
}

impl Storages {
    /// The token that an agent has stored for a server.
    pub fn get(&self, agent: ActorId, server: ActorId) -> Option<&StoredToken> {
        self.tokens.get(&(agent, server))
    }

    /// All stored tokens, by agent and server.
    pub fn iter(&self) -> impl Iterator<Item = (ActorId, ActorId, &StoredToken)> {
        self.tokens.iter().map(|((agent, server), token)| (*agent, *server, token))
    }

    pub(super) fn learn(&mut self, event: &Event) {
        let agent = event.actor;
        match event.kind {
            // What is in a memory that went back nobody can tell.
            EventKind::Started { .. } | EventKind::Stopped { .. } | EventKind::RolledBack => {
                let of_agent = (agent, ActorId::Smp)..=(agent, ActorId::Agent(u32::MAX));
                while let Some((key, _)) = self.tokens.range(of_agent.clone()).next() {
                    let key = *key;
                    self.tokens.remove(&key);
                }
            }
            EventKind::TokenStored { server, jti, expires, .. } => {
                self.tokens.insert((agent, server), StoredToken { jti, expires, used_at: event.at });
            }
            EventKind::Countersigned { jti, .. } => {
                let of_agent = (agent, ActorId::Smp)..=(agent, ActorId::Agent(u32::MAX));
                for (_, token) in self.tokens.range_mut(of_agent).filter(|(_, token)| token.jti == jti) {
                    token.used_at = event.at;
                }
            }
            EventKind::StoredTokenRemoved { server, jti, .. }
                if self.get(agent, server).is_some_and(|token| token.jti == jti) =>
            {
                self.tokens.remove(&(agent, server));
            }
            _ => {}
        }
    }
}
