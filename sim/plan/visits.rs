//! When an agent visits its server.

use serde::{Deserialize, Serialize};

/// The visits of one agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Visits {
    /// At intervals. The `k`th visit is due at `first_ms + k * interval_ms`, moved by a draw within
    /// ± `jitter_ms` from the agent's own stream, so that jitter never adds up.
    Every {
        /// The first visit, in milliseconds of virtual time.
        first_ms: u64,
        /// The interval, in milliseconds.
        interval_ms: u64,
        /// The greatest shift to either side, in milliseconds; less than half an interval.
        jitter_ms: u64,
    },
    /// At given instants, in microseconds of virtual time, ascending: arrivals of an open model. Thousands a second that came on whole
    /// milliseconds would come in bursts. In a simulation a wait ends on a whole millisecond, so that there they still do.
    At {
        /// The instants.
        times_us: Vec<u64>,
    },
}
