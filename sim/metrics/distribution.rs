//! Many values, told by a few.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a measured quantity is distributed. Its unit is the last word of the field that holds it.
///
/// `count`, `min`, `mean` and `max` are exact. Percentiles are rounded down to the resolution of the
/// histogram, by less than a thousandth, so that a limit is reported as missed only if it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// How many values were measured.
    pub count: u64,
    /// The least.
    pub min: u64,
    /// The arithmetic mean, rounded down.
    pub mean: u64,
    /// Half of the values are at most this.
    pub p50: u64,
    /// 90 % of the values are at most this.
    pub p90: u64,
    /// 99 % of the values are at most this.
    pub p99: u64,
    /// 99.9 % of the values are at most this.
    pub p999: u64,
    /// The greatest.
    pub max: u64,
}
