//! S9: no challenge carries a token that its issuer's clock calls expired.
//!
//! Reading: when a server challenges, the SMP's clock shows less than exp + λ. A clock calls a token expired
//! when validation by that clock would refuse it, hence λ. There is no σ: the invariant names its clock, and a
//! site with a slow one breaks it once it hands out what its issuer has given up.

use super::{
    checker::Checker,
    facts::Facts,
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::ActorId,
};

#[derive(Debug, Default)]
pub(super) struct ChallengeUnexpired;

impl Checker for ChallengeUnexpired {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Challenged { request, challenge: Some(challenge) } = &event.kind else { return };
        let assumptions = &before.assumptions;
        let issuer = assumptions.wall(ActorId::Smp, event.at);
        let bound = challenge.expires.wall().after(assumptions.leeway);
        if issuer >= bound {
            findings.violated(Invariant::S9, event.actor, || {
                format!(
                    "{} answered request {request} with the token {} of {}, {:?} after its expiry {} and the leeway of {:?} by the issuer's clock",
                    event.actor,
                    challenge.jti,
                    Who(challenge.agent),
                    issuer.since(bound),
                    challenge.expires.0,
                    assumptions.leeway
                )
            });
        }
    }
}
