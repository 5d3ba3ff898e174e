//! What of `[log]` would let no record through: whoever turns records on is to see some.

use super::LogTable;
use crate::{
    logs::{LogFilter, Severity, SeverityMask},
    protocol::ServerKind,
    scenario::{Configuration, ScenarioError},
};

/// What a served server says as its own module has this severity.
const OF_MODULES: Severity = Severity::Debug;

impl LogTable {
    /// Refuses masks and filters that select nothing which a server of this kind writes; a portal is none.
    pub(super) fn check(&self, source: &Configuration<'_>, server: Option<ServerKind>) -> Result<(), ScenarioError> {
        let Some(server) = server else { return self.check_without_records(source) };
        let nothing = SeverityMask::NOTHING;
        if self.severity == nothing && !self.filter.is_empty() {
            let help = "filters choose among records, and there are none: 0x3f has all of them";
            return Err(source.problem("log.filter", "a filter while `log.severity` is 0", "a `log.severity`", help));
        }
        if self.module_severity != nothing && !self.writes_of_modules() {
            let found = format!("{} with a `log.severity` of {}", self.module_severity, self.severity);
            let help =
                "what a served module says of requests has severity 0x20 (debug), and is written where both have it";
            return Err(source.problem("log.module_severity", found, "0x20 in both, or 0 here", help));
        }
        for (index, filter) in self.filter.iter().enumerate() {
            if let Some((expected, help)) = self.why_silent(*filter, server) {
                return Err(source.problem(&format!("log.filter[{index}]"), format!("`{filter}`"), expected, help));
            }
        }
        Ok(())
    }

    /// Why no record with this word will be written, if none will: what is expected, and a reason.
    fn why_silent(&self, filter: LogFilter, server: ServerKind) -> Option<(String, &'static str)> {
        let severities = filter.severities();
        if severities == SeverityMask::NOTHING {
            let help =
                "clients and the Windows machine around a server say that: `countersign logs` shows it of a trace";
            return Some(("a word that a served server says".to_owned(), help));
        }
        if filter.is_of_sites() && server == ServerKind::Smp {
            return Some(("a word that an SMP says".to_owned(), "only site servers say that"));
        }
        if filter.is_of_modules() && !self.writes_of_modules() {
            let expected = "0x20 in `log.severity` and in `log.module_severity`, or another word";
            return Some((expected.to_owned(), "it is what modules say of requests"));
        }
        let is_silent = self.severity & severities == SeverityMask::NOTHING;
        let help = "no record with this word has a severity that is on";
        is_silent.then(|| (format!("some of {severities} in `log.severity`, or another word"), help))
    }

    fn writes_of_modules(&self) -> bool {
        (self.severity & self.module_severity).has(OF_MODULES)
    }

    fn check_without_records(&self, source: &Configuration<'_>) -> Result<(), ScenarioError> {
        let is_on = [
            ("log.severity", self.severity != SeverityMask::NOTHING),
            ("log.module_severity", self.module_severity != SeverityMask::NOTHING),
            ("log.filter", !self.filter.is_empty()),
        ];
        match is_on.into_iter().find(|(_, is_on)| *is_on) {
            Some((key, _)) => {
                let help = "what the logs of a portal's servers were like is not known; `log.level` is what it has";
                Err(source.problem(key, "records", "none: a portal writes no records", help))
            }
            None => Ok(()),
        }
    }
}
