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
//! News that arrive within an exchange time-out after the revocation may be older than it. A stolen key is no excuse:
//! revocation is what ends its use.

use super::{
    checker::Checker,
    facts::Facts,
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
};

#[derive(Debug, Default)]
pub(super) struct RevokedStaysOut;

impl Checker for RevokedStaysOut {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Accepted { request, presented, .. } = &event.kind else { return };
        if let Some(since) = before.must_be_out(event.actor, presented.agent, event.at) {
            findings.violated(Invariant::S7, event.actor, || {
                format!(
                    "{} accepted request {request} of {}, jti {} at {}, though the agent was revoked at {since}",
                    event.actor,
                    Who(presented.agent),
                    presented.jti,
                    event.at
                )
            });
        }
    }
}
