//! A site's requests to the issuer, and the slots that they wait for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Histogram, Latencies};
use crate::event::{EventKind, UpstreamPurpose};

/// A site's GetClientTokens requests (rules 40 to 42).
///
/// Over all sites together, counts are sums and the greatest values are those of any one site.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UpstreamFigures {
    /// First-time fetches sent.
    pub first_fetches: u64,
    /// Batches of validations sent.
    pub batches: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Tokens that came back.
    pub tokens: u64,
    /// Most requests in flight at any time (rule 42).
    pub in_flight_max: u64,
    /// Requests that had to wait for a slot.
    pub slot_waits: u64,
    /// Most requests that one found waiting before it.
    pub slot_queue_max: u64,
    /// How long first-time fetches waited for a slot, those that found one free included, in nanoseconds.
    pub slot_wait_ns: Option<Distribution>,
    /// How long first-time fetches took, without the wait, in nanoseconds.
    pub first_fetch_ns: Option<Distribution>,
    /// How long a batch of a validation took, in nanoseconds.
    pub batch_ns: Option<Distribution>,
    /// How many agents a batch of a validation asked for (rule 40).
    pub batch_agents: Option<Distribution>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct UpstreamRecorder {
    first_fetches: u64,
    batches: u64,
    failed: u64,
    tokens: u64,
    in_flight: u64,
    in_flight_max: u64,
    slot_waits: u64,
    slot_queue_max: u64,
    slot_wait_ns: Histogram,
    first_fetch_ns: Histogram,
    batch_ns: Histogram,
    batch_agents: Histogram,
}

impl UpstreamRecorder {
    pub(super) fn hear(&mut self, kind: &EventKind) {
        match kind {
            // What was in flight at a crash never ends.
            EventKind::Started { .. } => self.in_flight = 0,
            EventKind::SlotAwaited { position } => {
                self.slot_queue_max = self.slot_queue_max.max(u64::from(*position));
            }
            EventKind::UpstreamStarted { purpose, agents, slot_waited_ns, .. } => {
                self.in_flight += 1;
                self.in_flight_max = self.in_flight_max.max(self.in_flight);
                self.slot_waits += u64::from(*slot_waited_ns > 0);
                match purpose {
                    UpstreamPurpose::FirstFetch => {
                        self.first_fetches += 1;
                        self.slot_wait_ns.record(*slot_waited_ns);
                    }
                    UpstreamPurpose::Validation => {
                        self.batches += 1;
                        self.batch_agents.record(u64::from(*agents));
                    }
                }
            }
            EventKind::UpstreamEnded { purpose, tokens, took_ns } => {
                self.in_flight = self.in_flight.saturating_sub(1);
                match tokens {
                    Some(tokens) => self.tokens += u64::from(*tokens),
                    None => self.failed += 1,
                }
                match purpose {
                    UpstreamPurpose::FirstFetch => self.first_fetch_ns.record(*took_ns),
                    UpstreamPurpose::Validation => self.batch_ns.record(*took_ns),
                }
            }
            _ => {}
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.first_fetches += other.first_fetches;
        self.batches += other.batches;
        self.failed += other.failed;
        self.tokens += other.tokens;
        self.in_flight += other.in_flight;
        self.in_flight_max = self.in_flight_max.max(other.in_flight_max);
        self.slot_waits += other.slot_waits;
        self.slot_queue_max = self.slot_queue_max.max(other.slot_queue_max);
        self.slot_wait_ns.absorb(&other.slot_wait_ns);
        self.first_fetch_ns.absorb(&other.first_fetch_ns);
        self.batch_ns.absorb(&other.batch_ns);
        self.batch_agents.absorb(&other.batch_agents);
    }

    pub(super) fn add_to(&self, latencies: &mut Latencies) {
        latencies.slot_wait_ns.absorb(&self.slot_wait_ns);
    }

    pub(super) fn figures(&self) -> UpstreamFigures {
        UpstreamFigures {
            first_fetches: self.first_fetches,
            batches: self.batches,
            failed: self.failed,
            tokens: self.tokens,
            in_flight_max: self.in_flight_max,
            slot_waits: self.slot_waits,
            slot_queue_max: self.slot_queue_max,
            slot_wait_ns: self.slot_wait_ns.distribution(),
            first_fetch_ns: self.first_fetch_ns.distribution(),
            batch_ns: self.batch_ns.distribution(),
            batch_agents: self.batch_agents.distribution(),
        }
    }
}
