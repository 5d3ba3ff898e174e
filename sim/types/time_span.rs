//! Durations as people write them: `250ms`, `10m`, `1h 30m`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};
use thiserror::Error;

/// A length of time in whole nanoseconds, written as whole numbers with units: `1h 30m`, `250ms`, `1200ns`.
///
/// The crates for human durations accept fractions, months and years, or a dozen spellings of each unit. A plan
/// needs an exact number, so the grammar is this small one; the space between two parts may be left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimeSpan {
    nanos: u64,
}

/// The units, greatest first, with their length in nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

const EXPECTED: &str = "a duration such as \"250ms\", \"10m\" or \"1h 30m\" (units: d h m s ms us ns)";

/// Why a text is not a [`TimeSpan`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TimeSpanError {
    /// There is no number where one should be.
    #[error("found `{0}` where a whole number should be, expected {EXPECTED}")]
    Number(String),
    /// There is no known unit after a number.
    #[error("found {} after {number}, expected one of the units d h m s ms us ns", describe(unit))]
    Unit {
        /// The number before it.
        number: String,
        /// What was found.
        unit: String,
    },
    /// The units do not get smaller from left to right.
    #[error("found `{0}` out of place, expected each unit once, the greatest first, as in \"1h 30m\"")]
    Order(String),
    /// The sum does not fit.
    #[error("`{0}` is too long, expected less than 500 years")]
    TooLong(String),
}

fn describe(unit: &str) -> String {
    if unit.is_empty() { "no unit".to_owned() } else { format!("the unit `{unit}`") }
}

impl TimeSpan {
    /// What an error message calls a well-formed duration.
    pub const EXPECTED: &str = EXPECTED;

    /// So many nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// So many microseconds, or the longest span that can be told.
    pub const fn from_micros(micros: u64) -> Self {
        Self { nanos: micros.saturating_mul(1_000) }
    }

    /// So many milliseconds, or the longest span that can be told.
    pub const fn from_millis(millis: u64) -> Self {
        Self { nanos: millis.saturating_mul(1_000_000) }
    }

    /// So many seconds, or the longest span that can be told.
    pub const fn from_secs(seconds: u64) -> Self {
        Self { nanos: seconds.saturating_mul(1_000_000_000) }
    }

    /// Its length in nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.nanos
    }

    /// How many of `unit_ns` it is, if it is a whole number of them.
    pub const fn in_whole(self, unit_ns: u64) -> Option<u64> {
        if self.nanos.is_multiple_of(unit_ns) { Some(self.nanos / unit_ns) } else { None }
    }
}

impl FromStr for TimeSpan {
    type Err = TimeSpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text;
        let mut nanos = 0_u64;
        let mut next_unit = 0;
        loop {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at(digits);
            if number.is_empty() {
                return Err(TimeSpanError::Number(rest.to_owned()));
            }
            let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, after) = after.split_at(letters);
            let Some(position) = UNITS.iter().position(|(name, _)| *name == unit) else {
                let unit = if unit.is_empty() { after.trim() } else { unit };
                return Err(TimeSpanError::Unit { number: number.to_owned(), unit: unit.to_owned() });
            };
            if position < next_unit {
                return Err(TimeSpanError::Order(format!("{number}{unit}")));
            }
            next_unit = position + 1;
            nanos = number
                .parse::<u64>()
                .ok()
                .and_then(|number| number.checked_mul(UNITS[position].1))
                .and_then(|part| nanos.checked_add(part))
                .ok_or_else(|| TimeSpanError::TooLong(text.to_owned()))?;
            if after.is_empty() {
                return Ok(Self { nanos });
            }
            rest = after.strip_prefix(' ').unwrap_or(after);
        }
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.nanos;
        let mut separator = "";
        for (name, unit) in UNITS {
            if rest >= unit {
                write!(f, "{separator}{}{name}", rest / unit)?;
                rest %= unit;
                separator = " ";
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = TimeSpan;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TimeSpan, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_has_whole_numbers_and_falling_units() {
        for (text, nanos) in [
            ("0s", 0),
            ("1200ns", 1_200),
            ("240us", 240_000),
            ("1h 30m", 5_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("2s 5ms", 2_005_000_000),
        ] {
            assert_eq!(text.parse::<TimeSpan>().map(TimeSpan::nanos), Ok(nanos), "{text}");
        }
        for text in [
            "",
            " ",
            "s",
            "10",
            "1.5h",
            "30m 1h",
            "1m 1m",
            "-1s",
            "1month",
            "1 h",
            "1h ",
            "9e9s",
            "99999999999d",
            "5µs",
        ] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_parses_to_the_same(nanos: u64) {
            let span = TimeSpan { nanos };
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = text.parse::<TimeSpan>();
        }
    }
}
