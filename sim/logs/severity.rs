//! How much is logged (rules 75, 76).

use std::{fmt, ops::BitAnd, str::FromStr};

use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

use super::{LogRecord, Source};

/// How grave a record is: a bit of a mask.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u32)]
pub enum Severity {
    /// Something failed.
    Error = 0x01,
    /// Something was turned down.
    Warning = 0x02,
    /// Something that happens now and then.
    Info = 0x04,
    /// A step of periodic work.
    Trace = 0x08,
    /// What was decided about a token.
    Verbose = 0x10,
    /// Each step of each request.
    Debug = 0x20,
}

impl Severity {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Error, Self::Warning, Self::Info, Self::Trace, Self::Verbose, Self::Debug];
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Info => "Info",
            Self::Trace => "Trace",
            Self::Verbose => "Verbose",
            Self::Debug => "Debug",
        })
    }
}

/// Some of the severities, as the registry value `LoggingSeverity` has them: a number, decimal or hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
#[schemars(with = "u32")]
pub struct SeverityMask(u32);

/// Why a text is no mask.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error(
    "`{0}` is no mask of severities; expected the sum of 1 (error), 2 (warning), 4 (info), 8 (trace), 0x10 (verbose) and 0x20 (debug), such as 0x3f"
)]
pub struct SeverityError(String);

impl SeverityMask {
    /// Nothing: what a module logs by default (rule 75).
    pub const NOTHING: Self = Self(0);
    /// Everything.
    pub const ALL: Self = Self(0x3f);

    /// Some severities.
    pub const fn of(severities: &[Severity]) -> Self {
        let (mut bits, mut place) = (0, 0);
        while place < severities.len() {
            bits |= severities[place] as u32;
            place += 1;
        }
        Self(bits)
    }

    /// Whether a severity is in it.
    pub const fn has(self, severity: Severity) -> bool {
        self.0 & severity as u32 != 0
    }
}

impl BitAnd for SeverityMask {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl TryFrom<u32> for SeverityMask {
    type Error = SeverityError;

    fn try_from(bits: u32) -> Result<Self, SeverityError> {
        if bits <= Self::ALL.0 { Ok(Self(bits)) } else { Err(SeverityError(bits.to_string())) }
    }
}

impl FromStr for SeverityMask {
    type Err = SeverityError;

    fn from_str(text: &str) -> Result<Self, SeverityError> {
        let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        match number {
            Ok(bits) if !text.starts_with('+') => Self::try_from(bits).map_err(|_| SeverityError(text.to_owned())),
            _ => Err(SeverityError(text.to_owned())),
        }
    }
}

impl fmt::Display for SeverityMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02x}", self.0)
    }
}

/// The two masks of a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LogLevels {
    /// Of the management agent, into whose files everybody writes.
    pub management_agent: SeverityMask,
    /// Of the module.
    pub module: SeverityMask,
}

impl LogLevels {
    /// Whether a record is logged: what a module says must be on in both masks (rule 76).
    pub fn allow(&self, record: &LogRecord) -> bool {
        let mask = match record.source {
            Source::Module => self.management_agent & self.module,
            Source::ManagementAgent | Source::Client => self.management_agent,
        };
        mask.has(record.severity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_76_a_mask_is_the_sum_of_its_bits() {
        for (severity, bit) in Severity::ALL.into_iter().zip(["1", "2", "4", "8", "0x10", "0x20"]) {
            let mask: SeverityMask = bit.parse().unwrap();
            let has: Vec<_> = Severity::ALL.into_iter().filter(|it| mask.has(*it)).collect();
            assert_eq!(has, [severity]);
        }
        assert_eq!("63".parse(), Ok(SeverityMask::ALL));
        assert_eq!(SeverityMask::ALL.to_string().parse(), Ok(SeverityMask::ALL));
        for wrong in ["", "64", "-1", "+1", "0x", "debug", "0x100000000"] {
            assert!(wrong.parse::<SeverityMask>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn rule_76_both_masks_must_be_on_for_a_module_and_one_for_others() {
        let mask = |text: &str| text.parse::<SeverityMask>().unwrap();
        assert_eq!(mask("0x23") & mask("0x31"), mask("0x21"));
        let record = |source| LogRecord::example(source, Severity::Debug);
        for (management_agent, module, from_module, from_agent) in [
            ("0x3f", "0", false, true),
            ("0x3f", "0x20", true, true),
            ("0x1f", "0x20", false, false),
            ("0x20", "0x1f", false, true),
        ] {
            let levels = LogLevels { management_agent: mask(management_agent), module: mask(module) };
            assert_eq!(levels.allow(&record(Source::Module)), from_module, "{levels:?}");
            assert_eq!(levels.allow(&record(Source::ManagementAgent)), from_agent, "{levels:?}");
            assert_eq!(levels.allow(&record(Source::Client)), from_agent, "{levels:?}");
        }
    }
}
