//! What the simulation says of a load before it is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Histogram, Measurements, PaceFigures};
use crate::types::ppm;

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
    /// What a signature took on average, in nanoseconds: a machine among others is faster now and slower then.
    #[serde(default)]
    pub sign_ns: Option<u64>,
}

/// One of several times that a load was foretold and made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Round {
    /// The seed of its plan.
    pub seed: u64,
    /// What the simulation foretold.
    pub predicted: LoadFigures,
    /// What came.
    pub measured: LoadFigures,
}

impl LoadFigures {
    /// What a simulation of a plan that was slower by a factor foretells for the plan itself on the same cores.
    pub fn foretold(slower: &Slower<'_>) -> Self {
        let Slower { measured, pace, times, busy_ns, sign_ns } = slower;
        let times = (*times).max(1);
        let duration_ns = (measured.duration_ns / times).max(1);
        let busy_ppm = ppm(*busy_ns, measured.duration_ns.saturating_mul(pace.workers.max(1)));
        let latency = |slower: &Histogram| quicker(slower, times);
        Self {
            served_per_s: per_s(measured.total.authentication.served, duration_ns),
            one_step_ns: latency(&pace.latencies.one_step_from_due_ns),
            two_step_ns: latency(&pace.latencies.two_step_from_due_ns),
            cpu_ppm: busy_ppm.map(|busy_ppm| busy_ppm.min(1_000_000)),
            sign_ns: *sign_ns,
        }
    }
}

/// A simulation of a load that was slower by a factor.
#[derive(Clone, Copy, Debug)]
pub struct Slower<'a> {
    /// What it measured.
    pub measured: &'a Measurements,
    /// What it measured from when visits were due.
    pub pace: &'a PaceFigures,
    /// The factor.
    pub times: u64,
    /// How long its cores were busy, all together, in its own nanoseconds.
    pub busy_ns: u64,
    /// What a signature takes on average by the costs of the load itself, in nanoseconds.
    pub sign_ns: Option<u64>,
}

/// So many in so long, by the second.
pub fn per_s(count: u64, duration_ns: u64) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000_000 / u128::from(duration_ns.max(1))).unwrap_or(u64::MAX)
}

/// Latencies that were longer by a factor.
fn quicker(slower: &Histogram, times: u64) -> Option<Distribution> {
    let (mut all, mut before) = (Histogram::default(), 0);
    for (value, up_to) in slower.steps() {
        all.record_often(value / times, up_to - before);
        before = up_to;
    }
    all.distribution()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_of_slow_motion_are_shorter_by_its_factor() {
        let mut slower = Histogram::default();
        slower.record_often(100_000_000, 90);
        slower.record_often(900_000_000, 10);
        let found = quicker(&slower, 100).unwrap();
        assert_eq!((found.count, found.p50, found.p90), (100, 1_000_000, 1_000_000));
        assert!(found.p99 > 8_990_000);
    }
}
