//! S8, the registry: no counter jumps further than the cap (hole 5, attack 13).
//!
//! Reading: the counter in a `RegistryRecorded` is at most `counter_jump_max` above the highest one that the server has
//! recorded for the token since its start; above 0 if there is none.

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
pub(super) struct CounterWithinCap;

impl Checker for CounterWithinCap {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::RegistryRecorded { request, presented, .. } = &event.kind else { return };
        let server = event.actor;
        let entry = before.registries.get(server, presented.agent, presented.jti);
        let highest = entry.map_or(0, |entry| entry.highest);
        let cap = before.assumptions.parameters.counter_jump_max;
        if presented.counter.saturating_sub(highest) > cap {
            findings.violated(Invariant::S8, server, || {
                format!(
                    "{server} recorded counter {} of {}, jti {} for request {request}, more than {cap} above the highest, which was {highest}",
                    presented.counter,
                    Who(presented.agent),
                    presented.jti
                )
            });
        }
    }
}
