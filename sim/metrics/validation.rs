//! A site's periodic validation of its token cache.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Histogram, Latencies};
use crate::event::EventKind;

/// A site's validations (rules 36 to 41).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ValidationFigures {
    /// Validations started.
    pub started: u64,
    /// Validations ended.
    pub ended: u64,
    /// Validations that found more to refresh than one validation may ask for (rule 39).
    pub overflowed: u64,
    /// Most tokens due at once.
    pub due_max: u64,
    /// Tokens asked for.
    pub requested: u64,
    /// Most tokens asked for in one validation (rule 39).
    pub requested_max: u64,
    /// Tokens refreshed.
    pub refreshed: u64,
    /// Expired tokens removed (rule 36).
    pub removed: u64,
    /// Batch requests made (rule 40).
    pub batches: u64,
    /// Most connections that one validation used (rule 41).
    pub connections_max: u64,
    /// The longest period announced, in seconds (rule 38).
    pub period_max_s: u64,
    /// How long a validation with something to ask for took, in nanoseconds: the batch-refresh latency.
    pub refresh_ns: Option<Distribution>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ValidationRecorder {
    started: u64,
    ended: u64,
    overflowed: u64,
    due_max: u64,
    requested: u64,
    requested_max: u64,
    refreshed: u64,
    removed: u64,
    batches: u64,
    connections_max: u64,
    period_max_s: u64,
    refresh_ns: Histogram,
}

impl ValidationRecorder {
    pub(super) fn hear(&mut self, kind: &EventKind, tokens_max: u32) {
        match kind {
            EventKind::ValidationStarted { due, period_s, .. } => {
                self.started += 1;
                self.overflowed += u64::from(*due > tokens_max);
                self.due_max = self.due_max.max(u64::from(*due));
                self.period_max_s = self.period_max_s.max(*period_s);
            }
            EventKind::ValidationEnded { requested, refreshed, removed, batches, connections, took_ns } => {
                self.ended += 1;
                self.requested += u64::from(*requested);
                self.requested_max = self.requested_max.max(u64::from(*requested));
                self.refreshed += u64::from(*refreshed);
                self.removed += u64::from(*removed);
                self.batches += u64::from(*batches);
                self.connections_max = self.connections_max.max(u64::from(*connections));
                // Validations without anything to ask for end at once; they would hide the others.
                if *requested > 0 {
                    self.refresh_ns.record(*took_ns);
                }
            }
            _ => {}
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.started += other.started;
        self.ended += other.ended;
        self.overflowed += other.overflowed;
        self.due_max = self.due_max.max(other.due_max);
        self.requested += other.requested;
        self.requested_max = self.requested_max.max(other.requested_max);
        self.refreshed += other.refreshed;
        self.removed += other.removed;
        self.batches += other.batches;
        self.connections_max = self.connections_max.max(other.connections_max);
        self.period_max_s = self.period_max_s.max(other.period_max_s);
        self.refresh_ns.absorb(&other.refresh_ns);
    }

    pub(super) fn add_to(&self, latencies: &mut Latencies) {
        latencies.refresh_ns.absorb(&self.refresh_ns);
    }

    pub(super) fn figures(&self) -> ValidationFigures {
        ValidationFigures {
            started: self.started,
            ended: self.ended,
            overflowed: self.overflowed,
            due_max: self.due_max,
            requested: self.requested,
            requested_max: self.requested_max,
            refreshed: self.refreshed,
            removed: self.removed,
            batches: self.batches,
            connections_max: self.connections_max,
            period_max_s: self.period_max_s,
            refresh_ns: self.refresh_ns.distribution(),
        }
    }
}
