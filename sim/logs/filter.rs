//! The filters by which people look at logs (rule 78).

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

use super::{LogRecord, Severity, SeverityMask};

/// A word that stands in the records that somebody wants to see.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(with = "String")]
pub struct LogFilter(&'static str);

/// Why a text names no filter.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("there is no log filter `{0}`; expected one of {list}", list = LogFilter::NAMES.join(", "))]
pub struct LogFilterError(String);

impl LogFilter {
    /// All filters. `Token` takes in what is said of caches, registry and storage.
    pub const NAMES: [&str; 11] = [
        "NetworkOperation",
        "IISModule",
        "Token",
        "Request:",
        "Response:",
        "SiteServer",
        "Token cache",
        "Token registry",
        "Token storage",
        "Server keys:",
        "_SMP_IUSR",
    ];

    /// With which severities a served server writes records that this word selects; none for what only clients and Windows
    /// machines write.
    pub fn severities(self) -> SeverityMask {
        SeverityMask::of(match self.0 {
            "IISModule" | "Request:" | "Response:" => &[Severity::Debug],
            "Token" => &[Severity::Error, Severity::Warning, Severity::Trace, Severity::Verbose],
            "Token cache" => &[Severity::Error, Severity::Trace, Severity::Verbose],
            "SiteServer" => &[Severity::Warning, Severity::Info, Severity::Verbose],
            "Token registry" => &[Severity::Trace, Severity::Verbose],
            "Server keys:" => &[Severity::Info],
            _ => &[],
        })
    }

    /// Whether it selects what modules say, which both masks decide about.
    pub fn is_of_modules(self) -> bool {
        matches!(self.0, "IISModule" | "Request:" | "Response:")
    }

    /// Whether only site servers have what it selects: a token cache, and keys that they receive.
    pub fn is_of_sites(self) -> bool {
        matches!(self.0, "Token cache" | "Server keys:")
    }

    /// Whether it selects a record.
    pub fn selects(self, record: &LogRecord) -> bool {
        record.searched().contains(self.0)
    }
}

impl<'de> Deserialize<'de> for LogFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(text: &str) -> Result<Self, LogFilterError> {
        Self::NAMES.into_iter().find(|name| *name == text).map(Self).ok_or_else(|| LogFilterError(text.to_owned()))
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
