//! What was foretold of a load on real sockets, beside what was measured.

use super::{
    super::{
        Report,
        prediction::{Foretold, foretold},
        table::Table,
    },
    page::Page,
};

pub(super) fn write(page: &mut Page, report: &Report) {
    let mut table = Table::new("Prediction", &["predicted", "measured", "off by"]);
    for Foretold { name, predicted, measured, off_by } in foretold(report) {
        table.row(name, [predicted, measured, off_by]);
    }
    page.table(&table);
}
