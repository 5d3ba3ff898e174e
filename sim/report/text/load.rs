//! Who made a load on real sockets; and what was foretold of it, beside what was measured.

use super::{
    super::{
        Report, human,
        prediction::{Foretold, foretold, prediction_title, told_round},
        table::Table,
    },
    page::Page,
};

pub(super) fn write(page: &mut Page, report: &Report) {
    generators(page, report);
    let mut table =
        Table::new(prediction_title(report), &["predicted", "least to most", "measured", "least to most", "off by"]);
    for Foretold { name, predicted, measured, off_by } in foretold(report) {
        table.row(name, [predicted.middle, predicted.range, measured.middle, measured.range, off_by]);
    }
    page.table(&table);
    if let Some(told) = told_round(report) {
        page.remark(&told);
    }
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
