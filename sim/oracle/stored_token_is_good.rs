//! S8, the agent's storage: it has only tokens that succeeded, and none that its server forbids (rules 5, 14).
//!
//! Reading:
//! - A `TokenStored` comes after a 200, or the 307 of a server that sends on whom it lets in, to a request of that agent that carried the token.
//! - A stored token to which 403 came is not countersigned and sent as a stored one again, later than the granularity of
//!   time allows, unless a 200 came to it since or the agent started again or went back in memory.

use std::collections::BTreeMap;

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::Findings,
};
use crate::{
    event::{Carried, Event, EventKind},
    plan::Invariant,
    types::{ActorId, Jti, RequestId, UnixSeconds, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct StoredTokenIsGood {
    signed: BTreeMap<ActorId, (Jti, UnixSeconds, VirtualTime)>,
    sent: FadingMap<RequestId, (Jti, UnixSeconds)>,
    succeeded: FadingMap<(ActorId, Jti), ()>,
    forbidden: BTreeMap<ActorId, (Jti, VirtualTime)>,
}

impl Checker for StoredTokenIsGood {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let (agent @ ActorId::Agent(_), at) = (event.actor, event.at) else { return };
        let assumptions = &before.assumptions;
        match event.kind {
            EventKind::Started { .. } | EventKind::RolledBack => {
                self.signed.remove(&agent);
                self.forbidden.remove(&agent);
            }
            EventKind::Countersigned { jti, expires, .. } => drop(self.signed.insert(agent, (jti, expires, at))),
            EventKind::RequestSent { request, carries, .. } => {
                let (Carried::StoredToken | Carried::NewToken, Some(signed)) = (carries, self.signed.get(&agent))
                else {
                    return;
                };
                // It may be long until there is a connection to send it over.
                let (signed_jti, expires, signed_at) = *signed;
                self.sent.insert(request, (signed_jti, expires), assumptions.forget_connection_at(at));
                let Some((jti, since)) = self.forbidden.get(&agent).copied() else { return };
                let is_late = signed_at > since.after(assumptions.granularity);
                if carries == Carried::StoredToken && jti == signed_jti && is_late {
                    findings.violated(Invariant::S8, agent, || {
                        format!("{agent} still stores the token {jti}, to which 403 came at {since}: it sent it with request {request}")
                    });
                }
            }
            EventKind::ResponseReceived { request, status: 200 | 307 } => {
                let Some((jti, expires)) = self.sent.remove(&request) else { return };
                self.succeeded.insert((agent, jti), (), assumptions.forget_token_at(expires, at));
                if self.forbidden.get(&agent).is_some_and(|(forbidden, _)| *forbidden == jti) {
                    self.forbidden.remove(&agent);
                }
            }
            EventKind::ResponseReceived { request, status: 403 } => {
                let Some((jti, _)) = self.sent.remove(&request) else { return };
                self.forbidden.insert(agent, (jti, at));
            }
            EventKind::TokenStored { server, jti, .. } if self.succeeded.get(&(agent, jti)).is_none() => {
                findings.violated(Invariant::S8, agent, || {
                    format!("{agent} stored the token {jti} for {server}, which has not succeeded")
                });
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.sent.fade(now);
        self.succeeded.fade(now);
    }
}
