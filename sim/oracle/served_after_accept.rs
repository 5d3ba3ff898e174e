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
//! - Hardened over TLS the agent was not one whom the server had to know as revoked, as S7 reads it, when the request
//!   was sent (hole 13).
//!
//! - Where an account was accepted on the connection (rules 56, 60), it is by that server; hardened it is no older than
//!   `connection_age_max` and σ, whatever the scheme of the network: no message of an account is bound to a request.
//!
//! Hardened is what the server was at the accept. No connection outlives its server's process.

use std::time::Duration;

use super::{
    checker::Checker,
    facts::{AcceptedAccount, Facts, FadingMap},
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{BearerKind, NodeId, RequestId, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct ServedAfterAccept {
    /// Requests for agents that had to be out when they were sent, and since when.
    revoked: FadingMap<RequestId, VirtualTime>,
}

impl Checker for ServedAfterAccept {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        if let EventKind::RequestSent { request, .. } = event.kind
            && let Some(authentication) = before.authentications.get(request.connection)
            && authentication.profile.bounds_connection_age()
            && let Some(since) = before.must_be_out(authentication.server, authentication.agent, event.at)
        {
            self.revoked.insert(request, since, before.assumptions.forget_connection_at(event.at));
        }
        let EventKind::Served { request, agent: Some(agent) } = event.kind else { return };
        // Of these, `bearer_is_good` speaks.
        if BearerKind::of_identity(agent).is_some() {
            return;
        }
        if let Some(since) = self.revoked.remove(&request) {
            findings.violated(Invariant::S4, event.actor, || {
                format!("{} served request {request} of {}, which was revoked at {since}", event.actor, Who(agent))
            });
        }
        if let Some(fault) = fault(event, request, agent, before) {
            findings.violated(Invariant::S4, event.actor, || {
                format!("{} served request {request} of {} at {}, but {fault}", event.actor, Who(agent), event.at)
            });
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.revoked.fade(now);
    }
}

fn fault(event: &Event, request: RequestId, agent: NodeId, before: &Facts) -> Option<String> {
    let assumptions = &before.assumptions;
    if let Some(accepted) = before.accounts.accepted(request.connection).filter(|it| it.account == agent) {
        return fault_of_account(event, request, accepted, before);
    }
    let Some(authentication) = before.authentications.get(request.connection) else {
        return Some("no token was accepted on its connection".to_owned());
    };
    let (at, first, accepts) = (authentication.at, authentication.request, authentication.accepts);
    let (server, accepted) = (authentication.server, authentication.agent);
    if server != event.actor {
        return Some(format!("the accept on its connection is by {server} (request {first}, {at})"));
    }
    if accepted != agent {
        return Some(format!("the accept on its connection is for {} (request {first}, {at})", Who(accepted)));
    }
    let token_per_request = assumptions.token_per_request(authentication.profile);
    if token_per_request && first != request {
        return Some(format!(
            "every request needs an accept of its own, and the latest is for request {first} at {at}"
        ));
    }
    if accepts != 1 {
        return Some(format!("{accepts} tokens were accepted for it, the first at {at} for request {first}"));
    }
    let bounded = authentication.profile.bounds_connection_age() && !token_per_request;
    let sent = before.connections.sent(request).map_or(event.at, |sent| sent.at);
    let bound = authentication.ends(assumptions).after(assumptions.skew);
    (bounded && sent > bound).then(|| {
        format!("it was sent at {sent}, and the authentication of {at} (request {first}) was good until {bound}")
    })
}

fn fault_of_account(event: &Event, request: RequestId, accepted: &AcceptedAccount, before: &Facts) -> Option<String> {
    let (server, at, first) = (accepted.server, accepted.at, accepted.request);
    if server != event.actor {
        return Some(format!("the accept on its connection is by {server} (request {first}, {at})"));
    }
    let assumptions = &before.assumptions;
    let age_max = Duration::from_secs(assumptions.parameters.connection_age_max_s);
    let bound = at.after(age_max).after(assumptions.skew);
    let sent = before.connections.sent(request).map_or(event.at, |sent| sent.at);
    (before.profile(server).bounds_connection_age() && sent > bound)
        .then(|| format!("it was sent at {sent}, and the account of {at} (request {first}) was good until {bound}"))
}
