//! The result of a run in one word.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of a run in one word. Where several apply, the first of this order counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// An invariant was violated that the scenario does not expect to be, or something happened that it forbids.
    Violated,
    /// Something that the scenario must reach never happened, or the run was interrupted.
    Inconclusive,
    /// A service-level objective was missed.
    ThresholdMissed,
    /// Everything asked for holds.
    Passed,
}

impl Verdict {
    /// The exit code of the process that reports it.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Violated => 1,
            Self::ThresholdMissed => 3,
            Self::Inconclusive => 4,
        }
    }

    /// The verdict as a user reads it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Violated => "VIOLATED",
            Self::ThresholdMissed => "THRESHOLD MISSED",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }

    /// What the word means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Passed => "everything asked for holds",
            Self::Violated => "an invariant does not hold: a bug was found",
            Self::ThresholdMissed => "a service-level objective was missed",
            Self::Inconclusive => "something that the scenario must reach never happened",
        }
    }
}
