//! Whether a plan can be run at all. Nothing is built before this holds.

mod attackers;
mod clock;
mod faults;
mod keys;
mod machine;
mod network;
mod parameters;
mod peers;
mod population;
mod portal;
mod proxies;
mod shared_cores;

pub(crate) use population::too_many_agents;

use super::{PLAN_VERSION, Plan, PlanError, RUN_DAYS_MAX};
use crate::types::{Bug, TimeSpan};
use clock::check_clock;
use keys::Keys;
use parameters::check_costs;
pub use parameters::check_parameters;

const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 86_400;
const DAY_MS: u64 = 86_400_000;
/// Two years after 1970, so that no clock of a run goes below zero.
const RUN_START_S_MIN: u64 = 2 * 366 * DAY_S;
/// In the year 2500: no clock of a run comes to the last instant that can be told, in 2554.
const RUN_START_S_MAX: u64 = 530 * 366 * DAY_S;
const RUN_MS_MAX: u64 = RUN_DAYS_MAX * DAY_MS;

impl Plan {
    /// Checks that the plan can be run, whoever wrote it.
    ///
    /// # Errors
    /// The first thing in it that cannot be.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.version != PLAN_VERSION {
            return Err(PlanError::new("version", self.version, PLAN_VERSION)
                .help("another build wrote this plan; resolve its scenario again with `run SCENARIO --plan-only`"));
        }
        if let Some(bug) = self.bug
            && !Bug::CAN_BE_PLANTED
        {
            return Err(PlanError::new("bug", format!("`{bug}`"), "no planted bug").help(Bug::BUILD_NEEDED));
        }
        within("duration_ms", self.duration_ms, 1..=RUN_MS_MAX, "ms", "a run lasts at most 400 days")?;
        let starts = RUN_START_S_MIN..=RUN_START_S_MAX;
        within("run_start", self.run_start.0, starts, "", "clocks show nanoseconds since 1970 in 64 bits")?;
        self.check_network()?;
        check_parameters(&self.parameters)?;
        check_costs(&self.costs)?;
        self.check_shared_cores()?;
        let mut keys = Keys::default();
        self.check_population(&mut keys)?;
        self.check_machine()?;
        self.check_portal()?;
        self.check_proxies()?;
        self.check_peers()?;
        self.check_faults(&mut keys)?;
        self.check_attackers(&mut keys)?;
        let served_ppm = self.expectation.thresholds.served_min_ppm.unwrap_or(0);
        within("expectation.thresholds.served_min_ppm", served_ppm, 0..=1_000_000, "", "1000000 is all of them")
    }
}

/// Microseconds as a scenario would write them; as a plain number where that is too many.
fn micros(number: u64) -> String {
    if number / 1_000 > RUN_MS_MAX { format!("{number} us") } else { TimeSpan::from_micros(number).to_string() }
}

/// The same of milliseconds.
fn millis(number: u64) -> String {
    if number > RUN_MS_MAX { format!("{number} ms") } else { TimeSpan::from_millis(number).to_string() }
}

fn within(
    place: &str,
    found: u64,
    bounds: std::ops::RangeInclusive<u64>,
    unit: &str,
    why: &str,
) -> Result<(), PlanError> {
    if bounds.contains(&found) {
        return Ok(());
    }
    let readable = |number: u64| match unit {
        "ns" => TimeSpan::from_nanos(number).to_string(),
        "ms" => millis(number),
        "s" => number.checked_mul(1_000).map_or(format!("{number} s"), millis),
        "" => number.to_string(),
        unit => format!("{number} {unit}"),
    };
    let expected = format!("from {} to {}", readable(*bounds.start()), readable(*bounds.end()));
    Err(PlanError::new(place, readable(found), expected).help(why))
}

/// The same error, at a place within `around`.
fn inside(around: &str, error: PlanError) -> PlanError {
    let place = if error.place.is_empty() { around.to_owned() } else { format!("{around}.{}", error.place) };
    PlanError { place, ..error }
}
