//! S13: every accept is on a connection that the named agent's own actor opened, and every request served
//! there came from it (attacks 11, 12, 21).
//!
//! Reading: for each `Accepted`, each `AccountAccepted`, and each `Served` that names an agent, `ConnectionOpened` was by the actor
//! whose node is that agent and led to that server, and `RequestSent` was by the same actor. Where two claim
//! to have sent a request, a stranger did. A clone (hole 15) and, from its start on, an attacker to whom the plan gives
//! the agent's key count as that agent on connections of their own.

use super::{
    checker::Checker,
    facts::Facts,
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, BearerKind, NodeId, RequestId, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct OwnConnection;

impl Checker for OwnConnection {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let (verb, request, agent) = match &event.kind {
            EventKind::Accepted { request, presented, .. } => ("accepted a token in", *request, presented.agent),
            EventKind::AccountAccepted { request, account, .. } => ("accepted an account in", *request, *account),
            // Of bearer tokens, `bearer_is_good` speaks.
            EventKind::Served { request, agent: Some(agent) } if BearerKind::of_identity(*agent).is_none() => {
                ("served", *request, *agent)
            }
            _ => return,
        };
        if let Some(fault) = fault(event.actor, event.at, request, agent, before) {
            findings.violated(Invariant::S13, event.actor, || {
                format!("{} {verb} request {request} for {}, but {fault}", event.actor, Who(agent))
            });
        }
    }
}

fn fault(server: ActorId, at: VirtualTime, request: RequestId, agent: NodeId, before: &Facts) -> Option<String> {
    let Some(connection) = before.connections.get(request.connection) else {
        return Some(format!("nobody opened the connection {}", request.connection));
    };
    if !before.assumptions.identities.may_act_for(connection.opener, agent, at) {
        return Some(format!("the connection was opened by {}", connection.opener));
    }
    if connection.server != server {
        return Some(format!("the connection was opened to {}", connection.server));
    }
    match before.connections.sent(request) {
        None => Some(format!("{} sent no such request as its latest", connection.opener)),
        Some(sent) if sent.by != connection.opener => Some(format!("the request was sent by {}", sent.by)),
        Some(_) => None,
    }
}
