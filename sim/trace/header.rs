//! The first line of a trace file, and its last.

use serde::{Deserialize, Serialize};

use crate::{plan::Plan, types::Profile};

/// The version of the trace's form that this build writes and reads.
pub const TRACE_VERSION: u32 = 2;

/// The first line of a trace: which run it is of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TraceHeader {
    /// [`TRACE_VERSION`] of the build that wrote it.
    pub countersign_trace: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Which face of the protocol ran.
    pub profile: Profile,
}

impl TraceHeader {
    /// The header of a run of `plan`.
    pub fn of(plan: &Plan) -> Self {
        Self {
            countersign_trace: TRACE_VERSION,
            scenario: plan.scenario.clone(),
            seed: plan.seed,
            profile: plan.profile,
        }
    }
}

/// The last line of a trace. A trace that lacks it was cut off.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct TraceEnd {
    /// How many events there were.
    pub events: u64,
    /// The digest of all of them.
    pub digest: String,
    /// The first 64 bits of the SHA-256 of all lines before this one, in hexadecimal: the digest leaves out the header,
    /// and what may differ between two runs of one plan.
    pub check: String,
}

impl TraceEnd {
    /// How it starts, and no event does.
    pub const START: &str = "{\"events\":";
}

/// As much of a header as every version has.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    pub countersign_trace: u32,
}
