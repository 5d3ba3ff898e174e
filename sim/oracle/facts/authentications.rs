//! Which connections are authenticated, for whom, and for how long.

use std::time::Duration;

use super::FadingMap;
use crate::{
    event::{Event, EventKind, MachineChange},
    oracle::Assumptions,
    types::{ActorId, ConnectionId, NodeId, Profile, RequestId, UnixSeconds, VirtualTime},
};

/// What an accept made of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Authentication {
    /// Who accepted.
    pub server: ActorId,
    /// The profile of that server.
    pub profile: Profile,
    /// For whom.
    pub agent: NodeId,
    /// The request whose token was accepted.
    pub request: RequestId,
    /// When.
    pub at: VirtualTime,
    /// The expiry of the token.
    pub expires: UnixSeconds,
    /// How many tokens were accepted for it.
    pub accepts: u32,
}

impl Authentication {
    /// Until when a hardened server takes it for good, by its own clock.
    pub fn ends(&self, assumptions: &Assumptions) -> VirtualTime {
        let by_token = assumptions.instant_of(self.expires).after(assumptions.leeway);
        let by_age = self.at.after(Duration::from_secs(assumptions.parameters.connection_age_max_s));
        by_token.min(by_age)
    }

    /// Whether an accept after this one starts a new authentication rather than doubling it.
    fn is_over(&self, request: RequestId, now: VirtualTime, assumptions: &Assumptions) -> bool {
        if assumptions.token_per_request(self.profile) {
            return self.request != request;
        }
        self.profile.bounds_connection_age() && now.after(assumptions.skew) >= self.ends(assumptions)
    }
}

/// The authentications of all connections of late.
#[derive(Debug, Default)]
pub struct Authentications {
    authentications: FadingMap<ConnectionId, Authentication>,
}

impl Authentications {
    /// The authentication of a connection, good or not.
    pub fn get(&self, connection: ConnectionId) -> Option<&Authentication> {
        self.authentications.get(&connection)
    }

    pub(super) fn learn(&mut self, event: &Event, profile: impl Fn() -> Profile, assumptions: &Assumptions) {
        let keep_until = || assumptions.forget_connection_at(event.at);
        match event.kind {
            EventKind::Accepted { request, presented, expires } => {
                let (server, agent, at) = (event.actor, presented.agent, event.at);
                let mut this = Authentication { server, profile: profile(), agent, request, at, expires, accepts: 1 };
                if let Some(earlier) = self.get(request.connection)
                    && !earlier.is_over(request, event.at, assumptions)
                {
                    this = Authentication { accepts: earlier.accepts.saturating_add(1), ..*earlier };
                }
                self.authentications.insert(request.connection, this, keep_until());
            }
            EventKind::Machine(MachineChange::ConnectionForgotten { connection }) => {
                self.authentications.remove(&connection);
            }
            EventKind::Served { request, .. } => {
                self.authentications.touch(&request.connection, keep_until());
            }
            _ => {}
        }
    }

    pub(super) fn fade(&mut self, now: VirtualTime) {
        self.authentications.fade(now);
    }
}
