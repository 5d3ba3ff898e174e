//! Log records as those of a management agent and its module, beside the log (rules 75 to 78).

use tracing::{debug, error, field::display, info, trace, warn};

use super::config::LogTable;
use crate::{
    event::Event,
    logs::{LogFilter, LogLevels, LogRecord, Scribe, Severity, SeverityMask},
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
    /// Lets through from now on what the configuration wants.
    pub fn go_by(&mut self, table: &LogTable) {
        self.levels = LogLevels { management_agent: table.severity, module: table.module_severity };
        self.filters.clone_from(&table.filter);
    }

    /// Writes the records of an event, if it has any.
    pub fn hear(&mut self, event: &Event) {
        if self.levels.management_agent == SeverityMask::NOTHING {
            return;
        }
        let allowed = self.scribe.hear(event).filter(|record| self.levels.allow(record));
        allowed.filter(|record| self.is_selected(record)).for_each(|record| write(&record));
    }

    fn is_selected(&self, record: &LogRecord) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.selects(record))
    }
}

/// Writes a record as a line of the level that is nearest to its severity.
fn write(LogRecord { severity, number, request, text, .. }: &LogRecord) {
    let request = request.map(display);
    match severity {
        Severity::Error => error!(target: RECORDS, %severity, number, request, "{text}"),
        Severity::Warning => warn!(target: RECORDS, %severity, number, request, "{text}"),
        Severity::Info => info!(target: RECORDS, %severity, number, request, "{text}"),
        Severity::Verbose | Severity::Debug => debug!(target: RECORDS, %severity, number, request, "{text}"),
        Severity::Trace => trace!(target: RECORDS, %severity, number, request, "{text}"),
    }
}
