//! S4: every served request follows exactly one accept on its connection, for that agent; hardened bounds
//! its age.
//!
//! Reading, for each `Served` that names an agent:
//! - The server has accepted a token of that agent on that connection: exactly one (rules 9, 15).
//! - Hardened over plain HTTP every request carries its own token: the accept is for the same request, and
//!   there is one for it.
//! - Hardened over TLS the request was sent within min(exp + λ + σ, accept + `connection_age_max` + σ). The
//!   time of sending counts because the server decides before it works on the request. Once an
//!   authentication has run out, the connection may be authenticated anew.

use std::time::Duration;

use super::{
    assumptions::Assumptions,
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, ConnectionId, NodeId, RequestId, UnixSeconds, VirtualTime},
};

#[derive(Clone, Copy, Debug)]
struct Authentication {
    server: ActorId,
    agent: NodeId,
    request: RequestId,
    at: VirtualTime,
    expires: UnixSeconds,
    accepts: u32,
}

impl Authentication {
    fn ends(&self, assumptions: &Assumptions) -> VirtualTime {
        let by_token = assumptions.instant_of(self.expires).after(assumptions.leeway);
        let by_age = self.at.after(Duration::from_secs(assumptions.parameters.connection_age_max_s));
        by_token.min(by_age)
    }

    /// Whether an accept after this one starts a new authentication rather than doubling it.
    fn is_over(&self, request: RequestId, now: VirtualTime, assumptions: &Assumptions) -> bool {
        if assumptions.token_per_request() {
            return self.request != request;
        }
        assumptions.profile.bounds_connection_age() && now.after(assumptions.skew) >= self.ends(assumptions)
    }
}

#[derive(Debug, Default)]
pub(super) struct ServedAfterAccept {
    authentications: FadingMap<ConnectionId, Authentication>,
}

impl ServedAfterAccept {
    fn fault(&self, event: &Event, request: RequestId, agent: NodeId, before: &Facts) -> Option<String> {
        let assumptions = &before.assumptions;
        let Some(authentication) = self.authentications.get(&request.connection) else {
            return Some("no token was accepted on its connection".to_owned());
        };
        let Authentication { server, agent: accepted, request: first, at, accepts, .. } = *authentication;
        if server != event.actor {
            return Some(format!("the accept on its connection is by {server} (request {first}, {at})"));
        }
        if accepted != agent {
            return Some(format!("the accept on its connection is for {} (request {first}, {at})", Who(accepted)));
        }
        if assumptions.token_per_request() && first != request {
            return Some(format!(
                "every request needs an accept of its own, and the latest is for request {first} at {at}"
            ));
        }
        if accepts != 1 {
            return Some(format!("{accepts} tokens were accepted for it, the first at {at} for request {first}"));
        }
        let bounded = assumptions.profile.bounds_connection_age() && !assumptions.token_per_request();
        let sent = before.connections.sent(request).map_or(event.at, |sent| sent.at);
        let bound = authentication.ends(assumptions).after(assumptions.skew);
        (bounded && sent > bound).then(|| {
            format!("it was sent at {sent}, and the authentication of {at} (request {first}) was good until {bound}")
        })
    }
}

impl Checker for ServedAfterAccept {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let keep_until = || before.assumptions.forget_connection_at(event.at);
        match event.kind {
            EventKind::Accepted { request, presented, expires } => {
                let mut this = Authentication {
                    server: event.actor,
                    agent: presented.agent,
                    request,
                    at: event.at,
                    expires,
                    accepts: 1,
                };
                if let Some(earlier) = self.authentications.get(&request.connection)
                    && !earlier.is_over(request, event.at, &before.assumptions)
                {
                    this = Authentication { accepts: earlier.accepts.saturating_add(1), ..*earlier };
                }
                self.authentications.insert(request.connection, this, keep_until());
            }
            EventKind::Served { request, agent } => {
                if let Some(agent) = agent
                    && let Some(fault) = self.fault(event, request, agent, before)
                {
                    findings.violated(Invariant::S4, event.actor, || {
                        format!(
                            "{} served request {request} of {} at {}, but {fault}",
                            event.actor,
                            Who(agent),
                            event.at
                        )
                    });
                }
                self.authentications.touch(&request.connection, keep_until());
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.authentications.fade(now);
    }
}
