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
        ("one step", "authentication.one_step_ns"),
        ("two steps", "authentication.two_step_ns"),
        ("connection authenticated", "authentication.authenticated_ns"),
        ("none needed", "authentication.public_ns"),
        ("failed", "authentication.failed_ns"),
        ("slot wait", "upstream.slot_wait_ns"),
        ("batch refresh", "validation.refresh_ns"),
    ];
    let row = |(name, path)| {
        let count = figures.count(&format!("measurements.total.{path}.count"))?;
        let of = |what| figures.duration(&format!("measurements.total.{path}.{what}"));
        let cells = [Some(count)].into_iter().chain(["p50", "p90", "p99", "p999", "max"].map(of));
        Some(LatencyRow { name, cells: cells.flatten().collect() })
    };
    kinds.into_iter().filter_map(row).collect()
}
