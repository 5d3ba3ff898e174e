//! How long things took, in figures.

use super::figure::{Figure, Figures};

/// The row of one kind.
#[derive(Clone, Debug)]
pub(super) struct LatencyRow {
    pub name: &'static str,
    /// Count, median, 90 %, 99 %, 99.9 % and the greatest.
    pub cells: Vec<Figure>,
}

/// Those kinds that occurred.
pub(super) fn rows(figures: &Figures) -> Vec<LatencyRow> {
    let kinds = [
        ("one step", "measurements.total.authentication.one_step_ns"),
        ("two steps", "measurements.total.authentication.two_step_ns"),
        ("by an account", "measurements.total.authentication.account_ns"),
        ("connection authenticated", "measurements.total.authentication.authenticated_ns"),
        ("none needed", "measurements.total.authentication.public_ns"),
        ("failed", "measurements.total.authentication.failed_ns"),
        ("one step, from when it was due", "load.one_step_from_due_ns"),
        ("two steps, from when it was due", "load.two_step_from_due_ns"),
        ("lag of the generator", "load.lag_ns"),
        ("slot wait", "measurements.total.upstream.slot_wait_ns"),
        ("batch refresh", "measurements.total.validation.refresh_ns"),
    ];
    let row = |(name, path)| {
        let count = figures.count(&format!("{path}.count"))?;
        let of = |what| figures.duration(&format!("{path}.{what}"));
        let cells = [Some(count)].into_iter().chain(["p50", "p90", "p99", "p999", "max"].map(of));
        Some(LatencyRow { name, cells: cells.flatten().collect() })
    };
    kinds.into_iter().filter_map(row).collect()
}
