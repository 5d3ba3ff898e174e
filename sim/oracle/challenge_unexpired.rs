//! S9: no challenge carries a token that its issuer's clock calls expired.
//!
//! Reading: when a server challenges, the SMP's clock shows less than exp + λ. A clock calls a token expired
//! when validation by that clock would refuse it, hence λ. A site cannot see its issuer's clock: it is blamed if its
//! own calls the token expired as well (or, where it keeps the issuer's time, whatever that may be by now: hole 17), and neither of the two was set within the time-outs of one fetch, since the
//! token may have been fresh when it was sent for.

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
        let fetch = assumptions.parameters.upstream_timeout().saturating_add(assumptions.granularity);
        if issuer >= bound
            && assumptions.reckoning(event.actor, before.profile(event.actor), event.at).0 >= bound
            && !assumptions.is_set_within(event.actor, event.at, fetch)
        {
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
