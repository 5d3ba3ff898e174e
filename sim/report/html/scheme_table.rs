//! Who got in by which way of authentication, in figures.

use super::{
    super::{Report, human},
    figure::{Figure, Figures},
};
use crate::metrics::Scheme;

/// The row of one way of authentication.
#[derive(Clone, Debug)]
pub(super) struct SchemeRow {
    pub name: &'static str,
    /// Accepted, refused, both again of attackers, and for how long attackers got in.
    pub cells: Vec<Figure>,
}

/// Those ways that somebody tried.
pub(super) fn rows(report: &Report, figures: &Figures) -> Vec<SchemeRow> {
    let row = |scheme: Scheme| {
        let path = |what| format!("measurements.schemes.{}.{what}", human::words(&scheme).replace(' ', "_"));
        let counts = ["accepted", "refused", "accepted_from_attackers", "refused_from_attackers"];
        let counts = counts.map(|what| figures.count(&path(what)));
        let cells = counts.into_iter().chain([figures.duration(&path("attackers_span_ns"))]).flatten().collect();
        SchemeRow { name: scheme.name(), cells }
    };
    report.measurements.schemes.keys().copied().map(row).collect()
}
