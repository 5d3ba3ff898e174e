//! S3: an accept at true time τ implies τ ≤ exp + λ + σ.
//!
//! Reading: literally so, with the time of the `Accepted` event as τ. That the expiry in the event is the
//! issued one is judged by S2.

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
        let expiry = assumptions.instant_of(*expires);
        let bound = expiry.after(assumptions.leeway).after(assumptions.skew);
        if event.at > bound {
            findings.violated(Invariant::S3, event.actor, || {
                format!(
                    "{} accepted request {request} of {}, jti {}, counter {} at {}; the token expired at {expiry}, and with a leeway of {:?} and a skew of {:?} the bound was {bound}",
                    event.actor,
                    Who(presented.agent),
                    presented.jti,
                    presented.counter,
                    event.at,
                    assumptions.leeway,
                    assumptions.skew
                )
            });
        }
    }
}
