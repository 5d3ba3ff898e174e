//! What was foretold of a load on real sockets, beside what was measured.

use super::{Report, human};
use crate::{
    metrics::{Distribution, LoadFigures},
    types::ppm,
};

/// One figure of a load, foretold and measured.
#[derive(Clone, Debug)]
pub(super) struct Foretold {
    pub name: String,
    pub predicted: String,
    pub measured: String,
    /// How far the one is from the other, in percent of what came.
    pub off_by: String,
}

/// Every figure that was foretold and came; nothing of a run of which nothing was foretold.
pub(super) fn foretold(report: &Report) -> Vec<Foretold> {
    let Some((load, predicted)) = report.load.as_ref().and_then(|load| Some((load, load.predicted.as_ref()?))) else {
        return Vec::new();
    };
    let signs = &report.environment.signs;
    let measured = LoadFigures {
        served_per_s: load.served_per_s,
        one_step_ns: load.one_step_from_due_ns,
        two_step_ns: load.two_step_from_due_ns,
        cpu_ppm: cpu_ppm(report, load.workers),
        sign_ns: signs.took_ns.checked_div(signs.count),
    };
    let mut all = Vec::new();
    let mut row = |name: String, found: [Option<u64>; 2], shown: fn(u64) -> String| {
        let [Some(predicted), Some(measured)] = found else { return };
        let off_by = off_by(predicted, measured);
        all.push(Foretold { name, predicted: shown(predicted), measured: shown(measured), off_by });
    };
    row("served in a second".into(), [Some(predicted.served_per_s), Some(measured.served_per_s)], human::count);
    let steps = [
        ("one step", predicted.one_step_ns, measured.one_step_ns),
        ("two steps", predicted.two_step_ns, measured.two_step_ns),
    ];
    for (name, predicted, measured) in steps {
        let quantiles = |found: Option<Distribution>| found.map(|found| [found.p50, found.p90, found.p99]);
        let (predicted, measured) = (quantiles(predicted), quantiles(measured));
        for (index, quantile) in ["p50", "p90", "p99"].into_iter().enumerate() {
            let found = [predicted, measured].map(|quantiles| quantiles?.get(index).copied());
            row(format!("{name}, {quantile}"), found, human::duration);
        }
    }
    row("CPU".into(), [predicted.cpu_ppm, measured.cpu_ppm], human::percent);
    row("a signature".into(), [predicted.sign_ns, measured.sign_ns], human::duration);
    all
}

/// How busy all cores were together.
fn cpu_ppm(report: &Report, cores: u64) -> Option<u64> {
    ppm(report.environment.cpu_ns?, report.measurements.duration_ns.saturating_mul(cores.max(1)))
}

fn off_by(predicted: u64, measured: u64) -> String {
    let (predicted, measured) = (i128::from(predicted), i128::from(measured).max(1));
    let per_mille = (predicted - measured) * 1_000 / measured;
    let sign = if per_mille < 0 { '-' } else { '+' };
    format!("{sign}{}.{} %", per_mille.abs() / 10, per_mille.abs() % 10)
}
