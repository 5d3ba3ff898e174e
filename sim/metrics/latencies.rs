//! The latencies of a run, whole, so that those of many runs can be put together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Histogram;

/// How long what takes long took, in nanoseconds of virtual time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Latencies {
    /// Authentication with a stored token, in one step (rules 2, 10).
    pub one_step_ns: Histogram,
    /// Authentication with a challenge, in two steps (rule 2).
    pub two_step_ns: Histogram,
    /// How long first-time fetches waited for a slot (rule 42).
    pub slot_wait_ns: Histogram,
    /// Validations with something to ask for: the batch-refresh latency (rule 39).
    pub refresh_ns: Histogram,
}

impl Latencies {
    /// Each with its name.
    pub fn named(&self) -> [(&'static str, &Histogram); 4] {
        [
            ("one step", &self.one_step_ns),
            ("two steps", &self.two_step_ns),
            ("slot wait", &self.slot_wait_ns),
            ("batch refresh", &self.refresh_ns),
        ]
    }

    /// Adds all values of `other`, without loss.
    pub fn absorb(&mut self, other: &Self) {
        self.one_step_ns.absorb(&other.one_step_ns);
        self.two_step_ns.absorb(&other.two_step_ns);
        self.slot_wait_ns.absorb(&other.slot_wait_ns);
        self.refresh_ns.absorb(&other.refresh_ns);
    }
}
