//! S3: an accept at true time τ implies τ ≤ exp + λ + σ.
//!
//! Reading: at the `Accepted` the server's own clock shows exp + λ at most (attack 22). Since no clock is further
//! from the truth than σ, τ is then within its bound too; and a clock that was set wrong does not loosen the bound for
//! anybody else. A server that keeps the issuer's time (hole 17) may go by that instead. That the expiry in the event is the issued one is judged by S2.

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
pub(super) struct AcceptIsInTime;

impl Checker for AcceptIsInTime {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Accepted { request, presented, expires } = &event.kind else { return };
        let assumptions = &before.assumptions;
        let (clock, _) = assumptions.reckoning(event.actor, before.profile(event.actor), event.at);
        let bound = expires.wall().after(assumptions.leeway);
        if clock > bound {
            findings.violated(Invariant::S3, event.actor, || {
                format!(
                    "{} accepted request {request} of {}, jti {}, counter {} at {}, {:?} after the token had expired and the leeway of {:?} had passed by its own clock; it expired at {}",
                    event.actor,
                    Who(presented.agent),
                    presented.jti,
                    presented.counter,
                    event.at,
                    clock.since(bound),
                    assumptions.leeway,
                    assumptions.instant_of(*expires)
                )
            });
        }
    }
}
