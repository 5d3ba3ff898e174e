//! The report as a user reads it: the verdict first, then what it rests on, then the figures.

mod agents;
mod environment;
mod load;
mod page;
mod schemes;
mod servers;
mod verdict;

use page::Page;

use super::Report;

/// The report as text of at most 100 columns; `colour` for a terminal that shows it.
pub fn text(report: &Report, colour: bool) -> String {
    let mut page = Page::new(colour);
    verdict::write(&mut page, report);
    load::write(&mut page, report);
    agents::write(&mut page, report);
    schemes::write(&mut page, report);
    servers::write(&mut page, report);
    environment::write(&mut page, report);
    page.finish()
}
