//! The simulated network of a plan.

use serde::{Deserialize, Serialize};

/// How the network behaves when nothing is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The simulation's step, in milliseconds: bytes arrive on its boundaries only.
    pub tick_ms: u64,
    /// Least time that bytes need from host to host, in milliseconds; at least one tick.
    pub latency_ms_min: u64,
    /// Most time that bytes need from host to host, in milliseconds.
    pub latency_ms_max: u64,
}
