//! Who made a load on real sockets; and what was foretold of it, beside what was measured.

use super::{
    super::{Report, human, table::Table},
    page::Page,
};
use crate::metrics::{Distribution, LoadFigures};

pub(super) fn write(page: &mut Page, report: &Report) {
    let Some(load) = &report.load else { return };
    generators(page, report);
    let Some(predicted) = &load.predicted else { return };
    let measured = LoadFigures {
        served_per_s: load.served_per_s,
        one_step_ns: load.one_step_from_due_ns,
        two_step_ns: load.two_step_from_due_ns,
        cpu_ppm: cpu_ppm(report, load.workers),
    };
    let mut table = Table::new("Prediction", &["predicted", "measured", "off by"]);
    let mut row = |name: String, found: [Option<u64>; 2], shown: fn(u64) -> String| {
        let [Some(predicted), Some(measured)] = found else { return };
        table.row(name, [shown(predicted), shown(measured), off_by(predicted, measured)]);
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
    page.table(&table);
}

/// The processes that made the load together.
fn generators(page: &mut Page, report: &Report) {
    let first_ms = report.generators.iter().filter_map(|one| one.began_unix_ms).min();
    let mut table = Table::new("Generators", &["agents", "visits", "lag, p99", "began", "CPU", ""]);
    for one in &report.generators {
        let lag = one.lag_ns.map_or_else(String::new, |lag| human::duration(lag.p99));
        let after_ms = one.began_unix_ms.zip(first_ms).map(|(began_ms, first_ms)| began_ms.saturating_sub(first_ms));
        let began = after_ms.map(|millis| format!("+{}", human::duration(millis.saturating_mul(1_000_000))));
        let cpu = one.environment.cpu_ns.map_or_else(String::new, human::duration);
        let remark = if one.is_late { "late" } else { "" };
        let (agents, visits) = (human::count(one.agents), human::count(one.visits));
        table.row(one.shard.to_string(), [agents, visits, lag, began.unwrap_or_default(), cpu, remark.to_owned()]);
    }
    page.table(&table);
}

/// How busy all cores were together.
fn cpu_ppm(report: &Report, cores: u64) -> Option<u64> {
    let whole = u128::from(report.measurements.duration_ns) * u128::from(cores.max(1));
    let ppm = (u128::from(report.environment.cpu_ns?) * 1_000_000).checked_div(whole)?;
    u64::try_from(ppm).ok()
}

/// How far a prediction is from what came, in percent of what came.
fn off_by(predicted: u64, measured: u64) -> String {
    let (predicted, measured) = (i128::from(predicted), i128::from(measured).max(1));
    let per_mille = (predicted - measured) * 1_000 / measured;
    let sign = if per_mille < 0 { '-' } else { '+' };
    format!("{sign}{}.{} %", per_mille.abs() / 10, per_mille.abs() % 10)
}
