//! What else a machine does.

use serde::{Deserialize, Serialize};

/// How often something else takes a core away from whatever computes on it, and for how long: other programs, the kernel,
/// other guests of the same hardware ("steal time").
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruptions {
    /// How long a core is left alone, from the end of one to the beginning of the next, on average and in nanoseconds. They
    /// come at random. 0: there are none.
    pub every_ns: u64,
    /// How long they last, in nanoseconds: each as often as any other. What takes a core is short for the most part, and ten times
    /// as long now and then, with little between: a few quantiles of it would tell of lengths that there are not.
    pub lengths_ns: Vec<u64>,
}
