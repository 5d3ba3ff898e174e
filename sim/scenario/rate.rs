//! Rates as people write them: `5/s`, `30/m`, `100/h`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

use super::scaling::times;

/// How often something happens, exactly: so many times per day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    per_day: u64,
}

/// What an error message calls a well-formed rate.
pub(super) const EXPECTED: &str = "a rate such as \"5/s\", \"30/m\", \"100/h\" or \"2/d\"";

impl Rate {
    /// How many times per day; at most 2^32 times a second.
    pub const fn per_day(self) -> u64 {
        self.per_day
    }

    /// A multiple of it in thousandths.
    pub(super) fn scaled(self, per_mille: u64) -> Self {
        Self { per_day: times(self.per_day, per_mille) }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || format!("found `{text}`, expected {EXPECTED}, with a whole number below 2^32");
        let (count, unit) = text.split_once('/').ok_or_else(malformed)?;
        let units_per_day = match unit {
            "s" => 86_400,
            "m" => 1_440,
            "h" => 24,
            "d" => 1,
            _ => return Err(malformed()),
        };
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        let count: u32 = count.parse().map_err(|_| malformed())?;
        Ok(Self { per_day: u64::from(count) * units_per_day })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Rate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_whole_number_per_unit() {
        for (text, per_day) in [("5/s", 432_000), ("30/m", 43_200), ("1/h", 24), ("2/d", 2), ("0/s", 0)] {
            assert_eq!(text.parse::<Rate>().map(Rate::per_day), Ok(per_day));
        }
        for text in ["", "5", "/s", "5/", "5/ms", "-1/s", "+1/s", "1.5/s", "99999999999/s", "5/s/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
