//! S2: every accept follows an issue by the trusted issuer and a signature by that agent over those bytes.
//!
//! Reading: the fingerprints in `Accepted` are those of an earlier `Issued` by the SMP and of an earlier
//! `Countersigned` by the actor whose node the token names; and agent, uid, jti, expiry and counter are the
//! ones that were signed.

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
};

#[derive(Debug, Default)]
pub(super) struct AcceptIsSigned;

impl Checker for AcceptIsSigned {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Accepted { request, presented, expires } = &event.kind else { return };
        if let Some(fault) = before.signatures.fault(presented, *expires) {
            findings.violated(Invariant::S2, event.actor, || {
                format!("{} accepted request {request}: {fault}", event.actor)
            });
        }
    }
}
