//! S5: the registry changes only after both signatures were verified.
//!
//! Reading: what `RegistryRecorded` names was issued by the SMP and countersigned by its agent, as in S2;
//! so a forgery never burns an honest counter (hole 2). Verification itself leaves no event of its own.

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
};

#[derive(Debug, Default)]
pub(super) struct RegistryOnlyVerified;

impl Checker for RegistryOnlyVerified {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::RegistryRecorded { request, presented, state } = &event.kind else { return };
        if let Some(fault) = before.signatures.fault(presented, state.expires) {
            findings.violated(Invariant::S5, event.actor, || {
                format!("{} recorded a use for request {request}: {fault}", event.actor)
            });
        }
    }
}
