//! Wall clocks.

use super::{DAY_MS, RUN_MS_MAX, millis, within};
use crate::{
    plan::PlanError,
    types::{ClockModel, Wander},
};

/// How far one step may set a clock. Offset, drift and all steps together stay below the two years that lie between 1970 and
/// the earliest start of a run.
const STEP_MS_MAX: u64 = DAY_MS;
const STEPS_MS_MAX: u64 = 100 * DAY_MS;

pub(super) fn check_clock(place: &str, clock: &ClockModel) -> Result<(), PlanError> {
    let offset_max = DAY_MS * 400;
    if clock.offset_ms.unsigned_abs() > offset_max {
        let expected = "at most 400 days to either side";
        return Err(PlanError::new(format!("{place}.offset_ms"), format!("{} ms", clock.offset_ms), expected));
    }
    if clock.drift_ppm.unsigned_abs() > 100_000 {
        let expected = "from -100000 to 100000: a tenth of true time";
        return Err(PlanError::new(format!("{place}.drift_ppm"), clock.drift_ppm, expected));
    }
    if let Some(wander) = clock.wander {
        check_wander(&format!("{place}.wander"), wander)?;
    }
    let mut budget = StepBudget::default();
    for (index, step) in clock.steps.iter().enumerate() {
        let place = format!("{place}.steps[{index}]");
        within(&format!("{place}.at_ms"), step.at_ms, 0..=RUN_MS_MAX, "ms", "a run lasts at most 400 days")?;
        budget.spend(&format!("{place}.by_ms"), step.by_ms)?;
    }
    Ok(())
}

fn check_wander(place: &str, wander: Wander) -> Result<(), PlanError> {
    within(&format!("{place}.period_ms"), wander.period_ms, 4..=RUN_MS_MAX, "ms", "a swing has four quarters")?;
    if wander.amplitude_ms > wander.period_ms / 4 || wander.amplitude_ms > DAY_MS {
        let most = millis((wander.period_ms / 4).min(DAY_MS));
        let expected = format!("at most a quarter of the period and at most a day, which is {most}");
        return Err(PlanError::new(format!("{place}.amplitude_ms"), millis(wander.amplitude_ms), expected)
            .help("a clock that swung faster would run backwards"));
    }
    Ok(())
}

/// How far all steps of a plan set clocks, in milliseconds.
#[derive(Default)]
pub(super) struct StepBudget {
    spent_ms: u64,
}

impl StepBudget {
    pub fn spend(&mut self, place: &str, by_ms: i64) -> Result<(), PlanError> {
        if by_ms == 0 || by_ms.unsigned_abs() > STEP_MS_MAX {
            let sign = if by_ms < 0 { "-" } else { "" };
            let expected = "a step of at least 1 ms and at most a day, to either side";
            return Err(PlanError::new(place, format!("{sign}{}", millis(by_ms.unsigned_abs())), expected));
        }
        self.spent_ms = self.spent_ms.saturating_add(by_ms.unsigned_abs());
        if self.spent_ms > STEPS_MS_MAX {
            let expected = "steps of at most 100 days in the whole plan";
            return Err(PlanError::new(place, format!("steps of {} so far", millis(self.spent_ms)), expected));
        }
        Ok(())
    }
}
