//! What the oracle found.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::Event,
    plan::{Invariant, Plan},
    types::{ActorId, NodeId, VirtualTime},
};

/// One violation of an invariant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// Which invariant.
    pub invariant: Invariant,
    /// When the oracle noticed it, in true time.
    #[serde(rename = "at_ns")]
    #[schemars(with = "u64")]
    pub at: VirtualTime,
    /// Who broke it.
    #[schemars(with = "String")]
    pub actor: ActorId,
    /// The event at which it was noticed, counted from 1 as in the trace.
    pub event_number: u64,
    /// The facts, as a sentence.
    pub what: String,
}

/// Collects violations: the first of each invariant whole, the others as a count.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    event_number: u64,
    at: VirtualTime,
    kept: Vec<Violation>,
    counts: BTreeMap<Invariant, u64>,
}

impl Findings {
    /// How many violations of one invariant are kept whole.
    pub const KEPT_PER_INVARIANT: u64 = 20;

    /// How many violations there are.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The violations that are kept whole, in the order of their discovery.
    pub fn kept(&self) -> &[Violation] {
        &self.kept
    }

    /// Turns to the next event.
    pub(super) fn turn_to(&mut self, event: &Event) {
        self.event_number += 1;
        self.at = event.at;
    }

    /// Turns to the end of the run.
    pub(super) fn turn_to_end(&mut self, end: VirtualTime) {
        self.at = self.at.max(end);
    }

    /// Notes a violation; `what` is only put into words if it is kept.
    pub(super) fn violated(&mut self, invariant: Invariant, actor: ActorId, what: impl FnOnce() -> String) {
        let count = self.counts.entry(invariant).or_default();
        *count += 1;
        if *count <= Self::KEPT_PER_INVARIANT {
            let (at, event_number) = (self.at, self.event_number);
            self.kept.push(Violation { invariant, at, actor, event_number, what: what() });
        }
    }

    /// How many events were heard.
    pub(super) fn events(&self) -> u64 {
        self.event_number
    }

    /// The violations kept, and the counts of all.
    pub(super) fn into_parts(self) -> (Vec<Violation>, BTreeMap<Invariant, u64>) {
        (self.kept, self.counts)
    }
}

/// A node as people name it: by its actor, or by its identity if the plan has no such actor.
pub(super) struct Who(pub NodeId);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Plan::actor_of(self.0) {
            Some(actor) => actor.fmt(f),
            None => write!(f, "unknown node {}", self.0),
        }
    }
}
