//! Who got in by which way of authentication, and how many of those were attackers.

use super::{
    super::{Report, human, table::Table},
    agents::cell,
    page::Page,
};
use crate::metrics::{Scheme, SchemeFigures};

pub(super) fn write(page: &mut Page, report: &Report) {
    let schemes = &report.measurements.schemes;
    // Agent tokens alone have tables of their own.
    let is_told = |(scheme, figures): (&Scheme, &SchemeFigures)| {
        *scheme != Scheme::AgentToken || figures.accepted_from_attackers > 0
    };
    if !schemes.iter().any(is_told) {
        return;
    }
    let columns = ["accepted", "refused", "of attackers, accepted", "refused", "from their first to last"];
    let mut table = Table::new("Ways of authentication", &columns);
    for (scheme, figures) in schemes {
        let counts =
            [figures.accepted, figures.refused, figures.accepted_from_attackers, figures.refused_from_attackers];
        let span =
            if figures.attackers_span_ns > 0 { human::duration(figures.attackers_span_ns) } else { String::new() };
        table.row(scheme.name(), counts.map(cell).into_iter().chain([span]));
    }
    page.table(&table);
}
