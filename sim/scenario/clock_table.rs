//! Clocks in a scenario file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    ClockOffset, Ranged,
    draws::{Draws, MILLISECOND},
    problem::Problem,
};
use crate::types::{ClockModel, TimeSpan, Wander};

/// How a clock departs from true time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClockTable {
    /// How far it is ahead when the run starts or, with a minus sign, behind: `"500ms"`, `"-2s"`.
    pub offset: Option<Ranged<ClockOffset>>,
    /// How fast it gains, in parts per million.
    #[schemars(range(min = -100_000, max = 100_000))]
    pub drift_ppm: Option<Ranged<i64>>,
    /// How it swings around that course. Default: not at all.
    pub wander: Option<WanderTable>,
}

/// A clock that swings around its course: up, down and back in each period.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WanderTable {
    /// The greatest departure to either side, at most a quarter of the period.
    pub amplitude: Ranged<TimeSpan>,
    /// The time for one swing to both sides.
    pub period: Ranged<TimeSpan>,
}

impl ClockTable {
    /// The clock of the `user`th whom the table at `key` describes.
    pub(super) fn resolve(&self, draws: &Draws, key: &str, user: u64) -> Result<ClockModel, Problem> {
        let offset = |range| draws.offset_ms(&format!("{key}.offset"), user, range);
        let drift = |range| draws.signed(&format!("{key}.drift_ppm"), user, range);
        let time = |name, range| draws.time(&format!("{key}.wander.{name}"), user, range, MILLISECOND);
        let wander = |table: &WanderTable| -> Result<Wander, Problem> {
            let amplitude_ms = time("amplitude", table.amplitude)?;
            Ok(Wander { amplitude_ms, period_ms: time("period", table.period)? })
        };
        Ok(ClockModel {
            offset_ms: self.offset.map_or(Ok(0), offset)?,
            drift_ppm: self.drift_ppm.map_or(Ok(0), drift)?,
            wander: self.wander.as_ref().map(wander).transpose()?,
            steps: Vec::new(),
        })
    }
}
