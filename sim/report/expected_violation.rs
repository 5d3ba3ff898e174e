//! What became of the violations that a scenario expects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{oracle::Violation, plan::Invariant};

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
