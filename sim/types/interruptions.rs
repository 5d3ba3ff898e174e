//! What else a machine does.

use serde::{Deserialize, Serialize};

use super::Quantiles;

/// How often something else takes a core away from whatever computes on it, and for how long: other programs, the kernel,
/// other guests of the same hardware ("steal time").
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruptions {
    /// How long a core is left alone, from the end of one to the beginning of the next, on average and in nanoseconds. They
    /// come at random. 0: there are none.
    pub every_ns: u64,
    /// How long they last.
    pub lengths: Quantiles,
}
