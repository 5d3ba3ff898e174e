//! The simulated network.

use super::{millis, within};
use crate::plan::{Plan, PlanError};

impl Plan {
    pub(super) fn check_network(&self) -> Result<(), PlanError> {
        let network = &self.network;
        within("network.tick_ms", network.tick_ms, 1..=1_000, "ms", "host clocks would run fast at a finer tick")?;
        if network.latency_ms_min < network.tick_ms {
            return Err(PlanError::new(
                "network.latency_ms_min",
                millis(network.latency_ms_min),
                format!("at least one tick, which is {}", millis(network.tick_ms)),
            )
            .help(
                "bytes arrive on tick boundaries only: with a shorter latency they could arrive before they were sent",
            ));
        }
        if network.latency_ms_max < network.latency_ms_min {
            return Err(PlanError::new(
                "network.latency_ms_max",
                millis(network.latency_ms_max),
                format!("at least the minimum, which is {}", millis(network.latency_ms_min)),
            ));
        }
        within("network.latency_ms_max", network.latency_ms_max, 1..=60_000, "ms", "")
    }
}
