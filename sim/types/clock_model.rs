//! How an actor's wall clock departs from true time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{UnixSeconds, VirtualTime, WallTime};

/// A wall clock: an offset that grows or shrinks with a constant drift, swings to and fro, and may be set anew.
///
/// It is what an actor reads as the time of day. Durations and time-outs are monotonic and follow true time: a clock
/// that is set anew ends no sleep early and makes none longer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockModel {
    /// How far the clock is ahead (or, negative, behind) at the start of the run, in milliseconds.
    pub offset_ms: i64,
    /// How fast the offset grows, in parts per million of true time.
    pub drift_ppm: i64,
    /// How the clock swings around that, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wander: Option<Wander>,
    /// When it is set anew, and by how much; in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ClockStep>,
}

/// A clock that swings around its course: up, down and back in each period, along straight lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wander {
    /// The greatest departure to either side, in milliseconds.
    pub amplitude_ms: u64,
    /// The time for one swing to both sides, in milliseconds; at least 4.
    pub period_ms: u64,
}

/// A clock is set anew: from then on it shows that much more (or, negative, less).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockStep {
    /// When, in milliseconds of virtual time.
    pub at_ms: u64,
    /// By how much, in milliseconds.
    pub by_ms: i64,
}

const NANOS_PER_MS: i128 = 1_000_000;

impl ClockModel {
    /// What this clock shows at a true instant, when true time started at `run_start`.
    pub fn wall_at(&self, run_start: UnixSeconds, at: VirtualTime) -> WallTime {
        let truth = i128::from(run_start.wall().0) + i128::from(at.nanos());
        let shown = truth + self.error_nanos(at);
        WallTime(u64::try_from(shown.max(0)).unwrap_or(u64::MAX))
    }

    /// How far the clock is ahead (negative: behind) at a true instant, in nanoseconds.
    pub fn error_nanos(&self, at: VirtualTime) -> i128 {
        let drifted = i128::from(at.nanos()) * i128::from(self.drift_ppm) / 1_000_000;
        let wandered = self.wander.map_or(0, |wander| wander.error_nanos(at));
        let stepped: i128 = self
            .steps
            .iter()
            .filter(|step| VirtualTime::from_millis(step.at_ms) <= at)
            .map(|step| i128::from(step.by_ms) * NANOS_PER_MS)
            .sum();
        i128::from(self.offset_ms) * NANOS_PER_MS + drifted + wandered + stepped
    }

    /// The least and the greatest error from one instant to a later one, in nanoseconds.
    pub fn error_bounds_nanos(&self, from: VirtualTime, to: VirtualTime) -> (i128, i128) {
        // Between two steps the error without the wander is linear: its extremes lie at the ends of the pieces.
        let course = Self { wander: None, ..self.clone() };
        let mut instants = vec![from, to];
        for step in &self.steps {
            let at = VirtualTime::from_millis(step.at_ms).clamp(from, to.max(from));
            instants.push(at);
            instants.push(VirtualTime(at.nanos().saturating_sub(1)).max(from));
        }
        let swing = self.wander.map_or(0, |wander| i128::from(wander.amplitude_ms) * NANOS_PER_MS);
        let errors = instants.into_iter().map(|at| course.error_nanos(at));
        let (least, most) = errors.fold((i128::MAX, i128::MIN), |(least, most), it| (least.min(it), most.max(it)));
        (least - swing, most + swing)
    }
}

impl Wander {
    fn error_nanos(self, at: VirtualTime) -> i128 {
        let period = (i128::from(self.period_ms) * NANOS_PER_MS).max(4);
        let amplitude = i128::from(self.amplitude_ms) * NANOS_PER_MS;
        let phase = i128::from(at.nanos()) % period;
        let quarter = period / 4;
        // From 0 up in the first quarter, down through the next two, back up to 0 in the last.
        let risen = if phase <= quarter {
            phase
        } else if phase <= 3 * quarter {
            2 * quarter - phase
        } else {
            phase - period
        };
        (amplitude * risen / quarter).clamp(-amplitude, amplitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(count: u64) -> VirtualTime {
        VirtualTime::from_millis(count * 60_000)
    }

    #[test]
    fn offset_and_drift_add_up() {
        let clock = ClockModel { offset_ms: -500, drift_ppm: 100, ..ClockModel::default() };
        let start = UnixSeconds(1_000_000);
        assert_eq!(clock.wall_at(start, VirtualTime::ZERO), WallTime(999_999_500_000_000));
        // 10,000 s at 100 ppm gain one second.
        assert_eq!(clock.error_nanos(VirtualTime::from_millis(10_000_000)), 500_000_000);
    }

    #[test]
    fn a_step_counts_from_its_instant_on_and_steps_add_up() {
        let steps = vec![ClockStep { at_ms: 120_000, by_ms: 7 }, ClockStep { at_ms: 60_000, by_ms: -10 }];
        let clock = ClockModel { steps, ..ClockModel::default() };
        let errors = [0, 59_999, 60_000, 119_999, 120_000].map(|ms| clock.error_nanos(VirtualTime::from_millis(ms)));
        assert_eq!(errors, [0, 0, -10_000_000, -10_000_000, -3_000_000]);
        assert_eq!(clock.error_bounds_nanos(VirtualTime::ZERO, minutes(5)), (-10_000_000, 0));
        assert_eq!(clock.error_bounds_nanos(minutes(2), minutes(5)), (-3_000_000, -3_000_000));
    }

    #[test]
    fn wander_swings_to_both_sides_and_comes_back() {
        let wander = Some(Wander { amplitude_ms: 100, period_ms: 4_000 });
        let clock = ClockModel { wander, ..ClockModel::default() };
        let errors = [0, 500, 1_000, 2_000, 3_000, 3_500, 4_000]
            .map(|ms| clock.error_nanos(VirtualTime::from_millis(ms)) / 1_000_000);
        assert_eq!(errors, [0, 50, 100, 0, -100, -50, 0]);
    }

    #[test]
    fn no_instant_lies_outside_the_bounds() {
        let clock = ClockModel {
            offset_ms: 300,
            drift_ppm: -200,
            wander: Some(Wander { amplitude_ms: 40, period_ms: 7_001 }),
            steps: vec![ClockStep { at_ms: 100_000, by_ms: 2_000 }, ClockStep { at_ms: 250_000, by_ms: -5_000 }],
        };
        let (least, most) = clock.error_bounds_nanos(VirtualTime::ZERO, minutes(10));
        for ms in (0..600_000).step_by(37) {
            let error = clock.error_nanos(VirtualTime::from_millis(ms));
            assert!(least <= error && error <= most, "{error} at {ms} ms");
        }
        assert!(most - least < 5_200_000_000, "the bounds are tight: {least} to {most}");
    }
}
