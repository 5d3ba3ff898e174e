//! S6, once an entry is gone: a hardened server knows that it has forgotten (hole 19).
//!
//! Reading: when a hardened server has removed an entry from its registry, it records no use of a token with the same
//! expiry or an earlier one until it starts again, whatever its clock says by then: it cannot tell which of their
//! counters were used.

use std::collections::BTreeMap;

use super::{
    checker::Checker,
    facts::Facts,
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, UnixSeconds},
};

#[derive(Debug, Default)]
pub(super) struct PurgedStaysOut {
    /// The latest expiry of what each server has removed since its start.
    forgotten: BTreeMap<ActorId, UnixSeconds>,
}

impl Checker for PurgedStaysOut {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let server = event.actor;
        match &event.kind {
            EventKind::Started { .. } | EventKind::Stopped { .. } => drop(self.forgotten.remove(&server)),
            EventKind::RegistryRemoved { agent, jti, .. } => {
                let Some(entry) = before.registries.get(server, *agent, *jti) else { return };
                let latest = self.forgotten.entry(server).or_insert(entry.expires);
                *latest = entry.expires.max(*latest);
            }
            EventKind::RegistryRecorded { request, presented, state } => {
                let Some(latest) = self.forgotten.get(&server).filter(|latest| state.expires <= **latest) else {
                    return;
                };
                if before.profile(server).keeps_purge_high_water() {
                    findings.violated(Invariant::S6, server, || {
                        format!(
                            "{server} recorded a use of {}, jti {} for request {request}, though it has forgotten tokens that expired {} s later",
                            Who(presented.agent),
                            presented.jti,
                            latest.0.saturating_sub(state.expires.0)
                        )
                    });
                }
            }
            _ => {}
        }
    }
}
