//! How an actor's wall clock departs from true time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{UnixSeconds, VirtualTime, WallTime};

/// A wall clock: an offset that grows or shrinks with a constant drift.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockModel {
    /// How far the clock is ahead (or, negative, behind) at the start of the run, in milliseconds.
    pub offset_ms: i64,
    /// How fast the offset grows, in parts per million of true time.
    pub drift_ppm: i64,
}

impl ClockModel {
    /// What this clock shows at a true instant, when true time started at `run_start`.
    pub fn wall_at(&self, run_start: UnixSeconds, at: VirtualTime) -> WallTime {
        let truth = i128::from(run_start.wall().0) + i128::from(at.nanos());
        let shown = truth + self.error_nanos(at);
        WallTime(u64::try_from(shown.max(0)).unwrap_or(u64::MAX))
    }

    /// How far the clock is ahead (negative: behind) at a true instant, in nanoseconds.
    pub fn error_nanos(&self, at: VirtualTime) -> i128 {
        i128::from(self.offset_ms) * 1_000_000 + i128::from(at.nanos()) * i128::from(self.drift_ppm) / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_and_drift_add_up() {
        let clock = ClockModel { offset_ms: -500, drift_ppm: 100 };
        let start = UnixSeconds(1_000_000);
        assert_eq!(clock.wall_at(start, VirtualTime::ZERO), WallTime(999_999_500_000_000));
        // 10,000 s at 100 ppm gain one second.
        assert_eq!(clock.error_nanos(VirtualTime::from_millis(10_000_000)), 500_000_000);
    }
}
