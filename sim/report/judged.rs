//! What the judge of a run says, as far as a report tells it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    plan::{Invariant, Milestone},
    types::{ActorId, VirtualTime},
};

/// What the judge of a run found, before it is held against what the scenario expects.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Judged {
    /// Violations in full: at least the first of each invariant that was violated.
    pub violations: Vec<Violation>,
    /// How often each invariant was violated; an invariant that holds is not there.
    pub counts: BTreeMap<Invariant, u64>,
    /// Invariants that could not be judged in this run, and why.
    pub not_judged: BTreeMap<Invariant, String>,
    /// How often each milestone was passed; one that was not need not be there.
    pub reached: BTreeMap<Milestone, u64>,
}

/// One violation of an invariant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// Which invariant.
    pub invariant: Invariant,
    /// When it was noticed, in nanoseconds of virtual time.
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

/// What became of an invariant that the scenario expects to be violated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedViolation {
    /// Which invariant.
    pub invariant: Invariant,
    /// How often it was violated; 0 makes the run inconclusive.
    pub count: u64,
    /// The first time.
    pub first: Option<Violation>,
}
