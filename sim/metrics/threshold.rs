//! Whether a run kept its service-level objectives.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Measurements, PaceFigures};
use crate::plan::Thresholds;

/// An objective that a run missed (exit 3). Values are in the unit that ends the objective's name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MissedThreshold {
    /// The objective's name in the scenario.
    pub threshold: String,
    /// Whether the figure may not exceed `expected`; else it may not fall below.
    pub at_most: bool,
    /// The limit.
    pub expected: u64,
    /// What was measured; none if it never was.
    pub found: Option<u64>,
}

impl fmt::Display for MissedThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.at_most { "at most" } else { "at least" };
        write!(f, "{}: expected {bound} {}, ", self.threshold, self.expected)?;
        match self.found {
            Some(found) => write!(f, "found {found}"),
            None => f.write_str("but it was never measured"),
        }
    }
}

/// The objectives that a run missed. A figure that was never measured misses its objective. The latency of a load on real
/// sockets is that from when visits were due.
pub fn missed_thresholds(
    thresholds: &Thresholds,
    measured: &Measurements,
    pace: Option<&PaceFigures>,
) -> Vec<MissedThreshold> {
    let total = &measured.total;
    let authentication = &total.authentication;
    let (one_step_ns, two_step_ns) = match pace {
        None => (authentication.one_step_ns, authentication.two_step_ns),
        Some(pace) => (pace.one_step_from_due_ns, pace.two_step_from_due_ns),
    };
    let p99 = |distribution: Option<Distribution>| distribution.map(|found| found.p99);
    let slot_wait = total.upstream.as_ref().and_then(|upstream| upstream.slot_wait_ns);
    let refresh = total.validation.as_ref().and_then(|validation| validation.refresh_ns);
    [
        at_most("one_step_p99_ms", thresholds.one_step_p99_ms, p99(one_step_ns)),
        at_most("two_step_p99_ms", thresholds.two_step_p99_ms, p99(two_step_ns)),
        at_most("slot_wait_p99_ms", thresholds.slot_wait_p99_ms, p99(slot_wait)),
        at_most("validation_max_ms", thresholds.validation_max_ms, refresh.map(|found| found.max)),
        at_least("served_min_ppm", thresholds.served_min_ppm, measured.served_ppm()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Compares nanoseconds with a limit in milliseconds; any part of a millisecond over it is over it.
fn at_most(name: &str, limit_ms: Option<u64>, found_ns: Option<u64>) -> Option<MissedThreshold> {
    let expected = limit_ms?;
    let found = found_ns.map(|nanos| nanos.div_ceil(1_000_000));
    let kept = found.is_some_and(|millis| millis <= expected);
    (!kept).then(|| MissedThreshold { threshold: name.into(), at_most: true, expected, found })
}

fn at_least(name: &str, limit: Option<u64>, found: Option<u64>) -> Option<MissedThreshold> {
    let expected = limit?;
    let kept = found.is_some_and(|found| found >= expected);
    (!kept).then(|| MissedThreshold { threshold: name.into(), at_most: false, expected, found })
}
