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
//!   `connection_age_max` and σ, whatever the scheme of the network: no message of an account is bound to a request. Nor was
//!   its agent one whom that server had to turn away, as S7 reads it, when the request was sent.
//! - An agent's own account and its tokens have one name. Where both were accepted on a connection, either is enough; but
//!   no token is accepted twice over.
//!
//! Hardened is what the server was at the accept. No connection outlives its server's process.

use std::time::Duration;

use super::{
    checker::Checker,
    facts::{AcceptedAccount, Authentication, Facts, FadingMap},
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind, MachineChange},
    plan::Invariant,
    types::{BearerKind, NodeId, RequestId, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct ServedAfterAccept {
    /// Requests on connections of agents that had to be out when they were sent: who, and since when.
    revoked: FadingMap<RequestId, (NodeId, VirtualTime)>,
}

impl Checker for ServedAfterAccept {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        if let EventKind::RequestSent { request, .. } = event.kind
            && let Some(revoked) = must_be_out(request, before, event.at)
        {
            self.revoked.insert(request, revoked, before.assumptions.forget_connection_at(event.at));
        }
        // No module sees that request, so that nobody there knows who is revoked.
        if let EventKind::Machine(MachineChange::RequestTaken { request, module: None, .. }) = event.kind {
            self.revoked.remove(&request);
        }
        let EventKind::Served { request, agent: Some(agent) } = event.kind else { return };
        // Of these, `bearer_is_good` speaks.
        if BearerKind::of_identity(agent).is_some() {
            return;
        }
        if let Some((_, since)) = self.revoked.remove(&request).filter(|(revoked, _)| *revoked == agent) {
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

/// Whose connection it is, and since when that agent has to be out, if the hardened server of the connection can tell. Where
/// both are there, the agent's own account goes by what the server knows, and no expiry ends that.
fn must_be_out(request: RequestId, before: &Facts, at: VirtualTime) -> Option<(NodeId, VirtualTime)> {
    let account = before.accounts.accepted(request.connection);
    let authentication = before.authentications.get(request.connection);
    match (authentication, account) {
        (Some(it), account) if account.is_none_or(|account| account.account != it.agent) => {
            let since = before.must_be_out(it.server, it.agent, at)?;
            it.profile.bounds_connection_age().then_some((it.agent, since))
        }
        (_, Some(it)) => {
            let since = before.account_must_be_out(it.server, it.account, at)?;
            before.profile(it.server).turns_revoked_accounts_away().then_some((it.account, since))
        }
        _ => None,
    }
}

fn fault(event: &Event, request: RequestId, agent: NodeId, before: &Facts) -> Option<String> {
    let account = before.accounts.accepted(request.connection).filter(|it| it.account == agent);
    let authentication = before.authentications.get(request.connection);
    let Some(accepted) = account else {
        let Some(authentication) = authentication else {
            return Some("no token was accepted on its connection".to_owned());
        };
        return doubled(authentication).or_else(|| fault_of_token(event, request, agent, authentication, before));
    };
    let Some(authentication) = authentication else { return fault_of_account(event, request, accepted, before) };
    doubled(authentication).or_else(|| {
        let by_token = fault_of_token(event, request, agent, authentication, before)?;
        let by_account = fault_of_account(event, request, accepted, before)?;
        // The later of the two is what the server goes by.
        Some(if authentication.at > accepted.at { by_token } else { by_account })
    })
}

fn doubled(authentication: &Authentication) -> Option<String> {
    let Authentication { accepts, at, request, .. } = *authentication;
    (accepts != 1).then(|| format!("{accepts} tokens were accepted for it, the first at {at} for request {request}"))
}

fn fault_of_token(
    event: &Event,
    request: RequestId,
    agent: NodeId,
    authentication: &Authentication,
    before: &Facts,
) -> Option<String> {
    let assumptions = &before.assumptions;
    let Authentication { at, request: first, server, agent: accepted, .. } = *authentication;
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
