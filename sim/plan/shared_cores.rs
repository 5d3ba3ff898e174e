//! One machine for everybody.

use serde::{Deserialize, Serialize};

use crate::types::{Interruptions, Quantiles};

/// The cores of a machine that makes a load and serves it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedCores {
    /// How many there are, at least one.
    pub count: u32,
    /// What else takes them.
    pub interruptions: Interruptions,
    /// How late a timer rings while one of them is idle, or whoever is to wake up then.
    pub scatter: Quantiles,
}
