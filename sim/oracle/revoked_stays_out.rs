//! S7: after a revocation no accept beyond its bound: 0 at the SMP; min(L, policy interval) at a site.
//!
//! Reading: no `Accepted` of an agent that is `Revoked` and not `Reinstated` since,
//! - by the SMP, from the revocation on;
//! - by a site, from L + λ + σ and the granularity of time after the revocation on: the tokens issued before have
//!   expired by then, and none is issued since. L is the longest lifetime that policy ever says;
//! - by a site that knows: one policy interval after the revocation (plus the time-outs of the fetch before and of the
//!   fetch after it, and the granularity), if it has had policy since, or if nothing in the plan kept it from having
//!   it. While it cannot reach the SMP it cannot know, and L is the bound.
//!
//! No `AccountAccepted` of the own account of its machine either, by a hardened server that knows. Literal, revocation ends
//! tokens and nothing else: that is all that the documents say of it. Two things no server can tell, and nobody is blamed
//! for them: who comes with the ACC, which all agents share (a milestone shows it); and, to a web server that is by itself
//! because its module is not registered, who is revoked.
//!
//! News that arrive within an exchange time-out after the revocation may be older than it. A stolen key is no excuse:
//! revocation is what ends its use.

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind, MachineChange},
    plan::Invariant,
    types::{RequestId, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct RevokedStaysOut {
    /// Requests that no module sees.
    without_module: FadingMap<RequestId, ()>,
}

impl Checker for RevokedStaysOut {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let (server, at) = (event.actor, event.at);
        match &event.kind {
            EventKind::Accepted { request, presented, .. } => {
                let Some(since) = before.must_be_out(server, presented.agent, at) else { return };
                findings.violated(Invariant::S7, server, || {
                    format!(
                        "{server} accepted request {request} of {}, jti {} at {at}, though the agent was revoked at {since}",
                        Who(presented.agent),
                        presented.jti,
                    )
                });
            }
            EventKind::AccountAccepted { request, account, .. } => {
                let can_tell =
                    before.profile(server).turns_revoked_accounts_away() && self.without_module.get(request).is_none();
                let Some(since) = before.account_must_be_out(server, *account, at).filter(|_| can_tell) else { return };
                findings.violated(Invariant::S7, server, || {
                    format!(
                        "{server} accepted the account of {} for request {request} at {at}, though the agent was revoked at {since}",
                        Who(*account)
                    )
                });
            }
            EventKind::Machine(MachineChange::RequestTaken { request, module: None, protected: true, .. }) => {
                self.without_module.insert(*request, (), before.assumptions.forget_connection_at(at));
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.without_module.fade(now);
    }
}
