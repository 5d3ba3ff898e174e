//! Log records as those of a management agent and its module, beside the log (rules 75 to 78).

use tracing::{field::display, info};

use super::config::LogTable;
use crate::{
    event::Event,
    logs::{LogFilter, LogLevels, Scribe, SeverityMask},
};

/// By which lines of the log are known as records: masks decide about them, and not the level of the log.
pub const RECORDS: &str = concat!(env!("CARGO_PKG_NAME"), "::records");

/// Writes what masks and filters let through.
#[derive(Debug, Default)]
pub struct Records {
    scribe: Scribe,
    levels: LogLevels,
    filters: Vec<LogFilter>,
}

impl Records {
    /// What the configuration wants.
    pub fn new(table: &LogTable) -> Self {
        let levels = LogLevels { management_agent: table.severity, module: table.module_severity };
        Self { scribe: Scribe::default(), levels, filters: table.filter.clone() }
    }

    /// Writes the record of an event, if it has one.
    pub fn hear(&mut self, event: &Event) {
        if self.levels.management_agent == SeverityMask::NOTHING {
            return;
        }
        let Some(record) = self.scribe.hear(event).filter(|record| self.levels.allow(record)) else { return };
        if self.filters.is_empty() || self.filters.iter().any(|filter| filter.selects(&record)) {
            let (severity, request) = (record.severity, record.request.map(display));
            info!(target: RECORDS, %severity, number = record.number, request, "{}", record.text);
        }
    }
}
