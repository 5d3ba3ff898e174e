//! How far clocks are off.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use crate::types::TimeSpan;

/// How far a clock is off: a [`TimeSpan`], behind true time if a minus sign leads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockOffset {
    /// Whether the clock is behind.
    pub behind: bool,
    /// How far it is off.
    pub span: TimeSpan,
}

impl<'de> Deserialize<'de> for ClockOffset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = ClockOffset;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}, with a minus sign for a clock that is behind", TimeSpan::EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ClockOffset, E> {
                let (behind, span) = text.strip_prefix('-').map_or((false, text), |span| (true, span));
                Ok(ClockOffset { behind, span: span.parse().map_err(E::custom)? })
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}
