//! One record of a log.

use std::fmt;

use super::Severity;
use crate::types::{ActorId, RequestId, VirtualTime};

/// Who wrote a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The module in a worker process.
    Module,
    /// The management agent of a server.
    ManagementAgent,
    /// The management agent of a client.
    Client,
}

/// One record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRecord {
    /// When.
    pub at: VirtualTime,
    /// On whose machine.
    pub actor: ActorId,
    /// Who wrote it.
    pub source: Source,
    /// How grave it is.
    pub severity: Severity,
    /// Which request it is about: the same at both ends of the connection (rule 77).
    pub request: Option<RequestId>,
    /// The request's number at the module, so that its records can be grouped (rule 77).
    pub number: Option<u32>,
    /// What it says. It begins with the part that says it, such as `Token cache:`.
    pub text: String,
}

impl LogRecord {
    /// What the words of a filter are looked for in: everything but when and where.
    pub(super) fn searched(&self) -> &str {
        &self.text
    }

    #[cfg(test)]
    pub(super) fn example(source: Source, severity: Severity) -> Self {
        let (at, actor, text) = (VirtualTime::ZERO, ActorId::Smp, "SiteServer: example".to_owned());
        Self { at, actor, source, severity, request: None, number: None, text }
    }
}

impl fmt::Display for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {:<10}  {:<7}  ", self.at, self.actor.to_string(), self.severity)?;
        if let Some(number) = self.number {
            write!(f, "[{number}] ")?;
        }
        f.write_str(&self.text)?;
        match self.request {
            Some(request) => write!(f, " (connection {}, request {request})", request.connection),
            None => Ok(()),
        }
    }
}
