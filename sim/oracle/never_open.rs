//! S4, at a server with a machine around it: it never fails open (rules 20, 29).
//!
//! Reading:
//! - A request for a protected path that a worker process took is not served without an agent, whether or not a module is
//!   registered there.
//! - A request for which the call to the management agent failed is not served.

use std::collections::BTreeMap;

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind, MachineCall, MachineChange},
    plan::Invariant,
    types::{ActorId, RequestId},
};

#[derive(Debug, Default)]
pub(super) struct NeverOpen {
    /// Requests for protected paths in hand, and which call for each has failed.
    protected: BTreeMap<RequestId, (ActorId, Option<MachineCall>)>,
}

impl Checker for NeverOpen {
    fn hear(&mut self, event: &Event, _before: &Facts, findings: &mut Findings) {
        match &event.kind {
            EventKind::Machine(MachineChange::RequestTaken { request, protected: true, .. }) => {
                self.protected.insert(*request, (event.actor, None));
            }
            EventKind::Machine(MachineChange::CallFailed { request, call, .. }) => {
                if let Some((_, failed)) = self.protected.get_mut(request) {
                    *failed = Some(*call);
                }
            }
            EventKind::Machine(MachineChange::RequestLeft { request, .. }) => drop(self.protected.remove(request)),
            EventKind::Stopped { .. } => self.protected.retain(|_, (server, _)| *server != event.actor),
            EventKind::Served { request, agent } => {
                let Some((_, failed)) = self.protected.get(request) else { return };
                let fault = match (failed, agent) {
                    (Some(MachineCall::Issue), _) => "its module could not ask the management agent for a token",
                    (Some(MachineCall::Validate), _) => "its module could not have the token judged",
                    (None, None) => "its path is protected, and nobody was authenticated",
                    (None, Some(_)) => return,
                };
                findings.violated(Invariant::S4, event.actor, || {
                    format!("{} served request {request} at {}, but {fault}", event.actor, event.at)
                });
            }
            _ => {}
        }
    }
}
