//! One run among many: no trace, no progress, only what came of it.

use std::sync::atomic::AtomicBool;

use super::{Failure, environment::Gauge};
use crate::{
    plan::Plan,
    report::{self, Findings, Report},
    run::{self, Options},
};

/// Runs a plan and reports. `scenario` is the name or path by which its scenario was found.
///
/// # Errors
/// If it cannot be run.
pub fn judge(scenario: &str, plan: &Plan, interrupted: &AtomicBool) -> Result<Report, Failure> {
    let gauge = Gauge::start();
    let finished = run::run(plan, Options::new(interrupted, &mut |_| {})).map_err(|error| {
        let seed = plan.seed;
        let bug = plan.bug.map_or(String::new(), |bug| format!(" and the bug {bug}"));
        Failure::Internal(format!("failed to run {scenario} with seed {seed}{bug}: {error}"))
    })?;
    let findings = Findings {
        environment: gauge.read(finished.ended.at, &finished.ended.totals, finished.listening),
        judgement: finished.judgement,
        measurements: finished.measurements,
        latencies: finished.latencies,
        digest: finished.digest,
        interrupted: finished.ended.was_interrupted,
        reproduce: report::reproduce(scenario, plan),
    };
    Ok(Report::new(plan, findings))
}
