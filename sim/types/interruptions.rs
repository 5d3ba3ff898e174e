//! What else a machine does.

use serde::{Deserialize, Serialize};

/// What took the cores of a machine away from whatever computed on them while it was watched: other programs, the kernel, other
/// guests of the same hardware ("steal time"), or a core that was slow for a while.
///
/// It is kept as it came: what makes the tails comes in clusters and on all cores at once, which lengths and distances alone would
/// not tell.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruptions {
    /// How long the machine was watched, in nanoseconds. 0: nobody did.
    pub watched_ns: u64,
    /// What took each of its cores, in order.
    pub cores: Vec<Vec<Interruption>>,
}

/// Once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruption {
    /// When it came, in nanoseconds from when the watch began.
    pub at_ns: u64,
    /// How long it took the core, in nanoseconds.
    pub length_ns: u64,
}
