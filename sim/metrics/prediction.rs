//! What the simulation says of a load before it is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Measurements};
use crate::types::Costs;

/// The figures of a load, predicted or measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoadFigures {
    /// Exchanges served in a second.
    pub served_per_s: u64,
    /// Latency with a stored token, in nanoseconds.
    pub one_step_ns: Option<Distribution>,
    /// Latency with a challenge, in nanoseconds.
    pub two_step_ns: Option<Distribution>,
    /// How busy all cores were together, in parts per million.
    pub cpu_ppm: Option<u64>,
}

impl LoadFigures {
    /// What a simulation of a plan that was slower by a factor foretells for the plan itself on so many shared cores.
    /// `signs` and `verifies` are those of everybody, `costs` those of the plan itself.
    pub fn of_slower(slower: &Measurements, times: u64, cores: u64, costs: &Costs, signs: u64, verifies: u64) -> Self {
        let times = times.max(1);
        let duration_ns = (slower.duration_ns / times).max(1);
        let authentication = &slower.total.authentication;
        let requests = slower.total.cpu.requests;
        let work =
            [(signs, costs.sign_ns), (verifies, costs.verify_ns), (requests, costs.request_ns + costs.closing_ns)];
        let busy_ns: u128 = work.into_iter().map(|(count, cost_ns)| u128::from(count) * u128::from(cost_ns)).sum();
        let whole_ns = u128::from(duration_ns) * u128::from(cores.max(1));
        Self {
            served_per_s: per_s(authentication.served, duration_ns),
            one_step_ns: authentication.one_step_ns.map(|found| quicker(found, times)),
            two_step_ns: authentication.two_step_ns.map(|found| quicker(found, times)),
            cpu_ppm: u64::try_from(busy_ns * 1_000_000 / whole_ns).ok().map(|ppm| ppm.min(1_000_000)),
        }
    }
}

/// So many in so long, by the second.
pub fn per_s(count: u64, duration_ns: u64) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000_000 / u128::from(duration_ns.max(1))).unwrap_or(u64::MAX)
}

fn quicker(found: Distribution, times: u64) -> Distribution {
    let Distribution { count, min, mean, p50, p90, p99, p999, max } = found;
    let [min, mean, p50, p90, p99, p999, max] = [min, mean, p50, p90, p99, p999, max].map(|nanos| nanos / times);
    Distribution { count, min, mean, p50, p90, p99, p999, max }
}
