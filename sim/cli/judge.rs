//! One run among many: no trace, no progress, only what came of it.

use std::sync::{Arc, atomic::AtomicBool};

use super::{Failure, environment::Gauge, outcome::Outcome, watchdog::Watchdog};
use crate::{
    plan::Plan,
    report::{self, Report},
    run::{self, Options, Standing},
};

/// Runs a plan and reports. `scenario` is the name or path by which its scenario was found.
///
/// # Errors
/// If it cannot be run.
pub fn judge(scenario: &str, plan: &Plan, interrupted: &AtomicBool) -> Result<Report, Failure> {
    let gauge = Gauge::start();
    let mut nobody = |_: Standing<'_>| {};
    let options = Options::new(interrupted, &mut nobody);
    let watchdog = Watchdog::start(Arc::clone(&options.pulse), format!("`{}`", report::reproduce(scenario, plan)));
    let finished = run::run(plan, options).map_err(|error| {
        let seed = plan.seed;
        let bug = plan.bug.map_or(String::new(), |bug| format!(" and the bug {bug}"));
        Failure::Internal(format!("failed to run {scenario} with seed {seed}{bug}: {error}"))
    })?;
    drop(watchdog);
    let environment = gauge.read(finished.ended.at, &finished.ended.totals, finished.listening);
    Ok(Outcome::of(plan, finished, report::reproduce(scenario, plan), environment).report)
}
