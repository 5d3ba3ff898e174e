//! When a sweep is over before it has made all its runs.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a sweep was over early.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Somebody interrupted it.
    Interrupted,
    /// The time that it was given was over.
    Time,
    /// As many runs did not pass as were asked for.
    Failures,
    /// For as many runs as were asked for, nothing was reached that had not been reached before.
    Stale,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted => "interrupted",
            Self::Time => "its time was over",
            Self::Failures => "enough runs had failed",
            Self::Stale => "nothing new was reached any more",
        })
    }
}
