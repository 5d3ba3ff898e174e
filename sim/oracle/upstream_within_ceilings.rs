//! S8, the way upstream: fetches in flight, batches and validations keep their ceilings.
//!
//! Reading, for each site since its start (who stops gives up its requests):
//! - `UpstreamStarted` without its `UpstreamEnded`: at most `upstream_slots`, the validation's included
//!   (rule 42).
//! - Agents in one `UpstreamStarted`: at most `batch_size_max` (rule 40).
//! - Tokens asked for in one validation, by the sum of its batches that did not fail and by its own account:
//!   at most `validation_tokens_max` (rule 39).
//! - Connections of one validation, by its batches and by its own account: one (rule 41). After a batch that failed, and
//!   for each that the SMP closed (`ConnectionClosed` by the peer), it may take another.

use std::collections::BTreeMap;

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind, UpstreamPurpose},
    plan::Invariant,
    types::ActorId,
};

#[derive(Debug, Default)]
pub(super) struct UpstreamWithinCeilings {
    in_flight: BTreeMap<ActorId, u32>,
}

impl Checker for UpstreamWithinCeilings {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let parameters = &before.assumptions.parameters;
        let site = event.actor;
        match &event.kind {
            EventKind::Started { .. } | EventKind::Stopped { .. } => drop(self.in_flight.remove(&site)),
            EventKind::UpstreamStarted { purpose, agents, connection, .. } => {
                let in_flight = self.in_flight.entry(site).or_default();
                *in_flight = in_flight.saturating_add(1);
                if *in_flight > parameters.upstream_slots {
                    findings.violated(Invariant::S8, site, || {
                        format!(
                            "{site} has {in_flight} requests in flight to the issuer; the ceiling is {}",
                            parameters.upstream_slots
                        )
                    });
                }
                if *agents > parameters.batch_size_max {
                    findings.violated(Invariant::S8, site, || {
                        format!(
                            "{site} asked for {agents} agents in one request; the ceiling is {}",
                            parameters.batch_size_max
                        )
                    });
                }
                let validation = before.caches.get(site).and_then(|cache| cache.validation.as_ref());
                let (UpstreamPurpose::Validation, Some(validation)) = (purpose, validation) else { return };
                let asked = validation.asked.saturating_add(*agents);
                if asked > parameters.validation_tokens_max {
                    findings.violated(Invariant::S8, site, || {
                        format!(
                            "{site} asked for {asked} tokens in the validation of {}; the ceiling is {}",
                            validation.started, parameters.validation_tokens_max
                        )
                    });
                }
                if let (Some(first), Some(second)) = (validation.connection, connection)
                    && first != *second
                    && !validation.batch_failed
                {
                    findings.violated(Invariant::S8, site, || {
                        format!(
                            "{site} used connections {first} and {second} in the validation of {}",
                            validation.started
                        )
                    });
                }
            }
            EventKind::UpstreamEnded { .. } => {
                if let Some(in_flight) = self.in_flight.get_mut(&site) {
                    *in_flight = in_flight.saturating_sub(1);
                }
            }
            EventKind::ValidationEnded { requested, connections, .. } => {
                if *requested > parameters.validation_tokens_max {
                    findings.violated(Invariant::S8, site, || {
                        format!(
                            "{site} asked for {requested} tokens in one validation; the ceiling is {}",
                            parameters.validation_tokens_max
                        )
                    });
                }
                let validation = before.caches.get(site).and_then(|cache| cache.validation.as_ref());
                if validation
                    .is_some_and(|validation| !validation.batch_failed && *connections > 1 + validation.closed_by_smp)
                {
                    findings.violated(Invariant::S8, site, || {
                        format!("{site} used {connections} connections in one validation")
                    });
                }
            }
            _ => {}
        }
    }
}
