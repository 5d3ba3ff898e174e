//! Instants. Each kind of time has a type of its own, so that no clock is read for another.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// True time since the start of a run, in nanoseconds. Actors never see it; events and the oracle do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VirtualTime(pub u64);

impl VirtualTime {
    /// The start of the run.
    pub const ZERO: Self = Self(0);

    /// Makes an instant from milliseconds since the start of the run.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Makes an instant from microseconds since the start of the run.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// Nanoseconds since the start of the run.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The time since `earlier`, zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant that lies `duration` later, or the last one that can be told.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturating_nanos(duration)))
    }
}

impl fmt::Display for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 / 1_000_000;
        let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
        write!(f, "{hours}:{minutes:02}:{seconds:02}.{:03}", millis % 1000)
    }
}

/// What one actor's wall clock shows: nanoseconds since the Unix epoch, possibly wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(pub u64);

impl WallTime {
    /// The whole seconds that have passed since the Unix epoch.
    pub const fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0 / 1_000_000_000)
    }

    /// The instant that lies `duration` later, or the last one that can be told.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturating_nanos(duration)))
    }

    /// The time since `earlier`, zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A `NumericDate` of whole seconds (RFC 7519 section 2), as in the claims `iat` and `exp`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub u64);

impl UnixSeconds {
    /// The instant at which this second starts.
    pub const fn wall(self) -> WallTime {
        WallTime(self.0.saturating_mul(1_000_000_000))
    }

    /// The instant `duration` later, in whole seconds (fractions are cut), or the last one that can be told.
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }
}

/// A duration in nanoseconds, or the most that can be told.
pub fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
