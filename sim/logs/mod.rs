//! What happens, as the records of an agent's and a server's logs (rules 16 and 75 to 78).
//!
//! Records are derived from events: of any trace, and of what is served. They hold no token, no key and no password, since
//! events hold none; names of tokens (`jti`) they do.

mod filter;
mod record;
mod scribe;
mod severity;

pub use filter::{LogFilter, LogFilterError};
pub use record::{LogRecord, Source};
pub use scribe::Scribe;
pub use severity::{LogLevels, Severity, SeverityError, SeverityMask};
