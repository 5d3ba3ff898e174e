//! What the seed settles: one value from each range.

use std::fmt::Display;

use super::{ClockOffset, Ranged, problem::Problem};
use crate::types::{SeedStream, TimeSpan, draw_between};

/// One second, in nanoseconds.
pub(super) const SECOND: u64 = 1_000_000_000;
/// One millisecond, in nanoseconds.
pub(super) const MILLISECOND: u64 = 1_000_000;
/// One microsecond, in nanoseconds.
pub(super) const MICROSECOND: u64 = 1_000;

/// Draws values for keys. Each key has a stream of its own, so that a range at one key changes nothing at another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    seed: SeedStream,
    allows_ranges: bool,
}

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self { seed: SeedStream::new(seed), allows_ranges: true }
    }

    /// Draws nothing: a range is a problem.
    pub fn none() -> Self {
        Self { seed: SeedStream::new(0), allows_ranges: false }
    }

    /// The stream of a key, for its `number`th user.
    pub fn stream(&self, key: &str, number: u64) -> rand_chacha::ChaCha20Rng {
        self.seed.rng(&format!("scenario {key}"), number)
    }

    /// A number for the `number`th user of `key`.
    pub fn number(&self, key: &str, number: u64, range: Ranged<u64>) -> Result<u64, Problem> {
        if range.min > range.max {
            return Err(empty(key, range.min, range.max));
        }
        // Most keys have one value: spare the generator.
        if range.min == range.max {
            return Ok(range.min);
        }
        if !self.allows_ranges {
            let found = format!("a range from {} to {}", range.min, range.max);
            return Err(
                Problem::new(key, found, "one value").help("there is no seed here that could draw from a range")
            );
        }
        Ok(draw_between(&mut self.stream(key, number), range.min, range.max))
    }

    /// A count for the `number`th user of `key`.
    pub fn count(&self, key: &str, number: u64, range: Ranged<u32>) -> Result<u32, Problem> {
        let drawn = self.number(key, number, Ranged { min: range.min.into(), max: range.max.into() })?;
        Ok(u32::try_from(drawn).unwrap_or(range.max))
    }

    /// A number of parts per million for the `number`th user of `key`.
    pub fn signed(&self, key: &str, number: u64, range: Ranged<i64>) -> Result<i64, Problem> {
        if range.min > range.max {
            return Err(empty(key, range.min, range.max));
        }
        let drawn = self.number(key, number, Ranged { min: 0, max: range.min.abs_diff(range.max) })?;
        Ok(range.min.saturating_add_unsigned(drawn))
    }

    /// A duration in whole units for the `number`th user of `key`.
    pub fn time(&self, key: &str, number: u64, range: Ranged<TimeSpan>, unit_ns: u64) -> Result<u64, Problem> {
        if range.min > range.max {
            return Err(empty(key, range.min, range.max));
        }
        self.number(key, number, range.try_map(|span| whole(key, span, unit_ns))?)
    }

    /// A clock's offset in milliseconds for the `number`th user of `key`.
    pub fn offset_ms(&self, key: &str, number: u64, range: Ranged<ClockOffset>) -> Result<i64, Problem> {
        let range = range.try_map(|offset| {
            // A u64 of nanoseconds is always an i64 of milliseconds.
            let millis = i64::try_from(whole(key, offset.span, MILLISECOND)?).unwrap_or(i64::MAX);
            Ok(if offset.behind { -millis } else { millis })
        })?;
        if range.min > range.max {
            return Err(empty(key, format!("{} ms", range.min), format!("{} ms", range.max)));
        }
        self.signed(key, number, range)
    }
}

/// How many whole units a duration is.
pub(super) fn whole(key: &str, span: TimeSpan, unit_ns: u64) -> Result<u64, Problem> {
    span.in_whole(unit_ns).ok_or_else(|| {
        let unit = match unit_ns {
            SECOND => "seconds",
            MILLISECOND => "milliseconds",
            _ => "microseconds",
        };
        Problem::new(key, span, format!("a whole number of {unit}"))
    })
}

fn empty(key: &str, min: impl Display, max: impl Display) -> Problem {
    Problem::new(key, format!("a range from {min} to {max}"), "a range whose `min` is not above its `max`")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_and_every_user_of_it_draws_on_its_own() {
        let draws = Draws::new(1);
        let all = Ranged { min: 0, max: u64::MAX };
        let drawn: BTreeSet<u64> = ["agents.start", "agents.leave", "sites.start"]
            .iter()
            .flat_map(|key| (0..10).map(|user| draws.number(key, user, all).unwrap()))
            .collect();
        assert_eq!(drawn.len(), 30);
    }

    #[test]
    fn signed_draws_stay_within_their_range_and_reach_both_ends() {
        let draws = Draws::new(1);
        let range = Ranged { min: -2, max: 2 };
        let drawn: BTreeSet<i64> =
            (0..100).map(|user| draws.signed("agents.clock.drift_ppm", user, range).unwrap()).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
        assert!(draws.signed("key", 0, Ranged { min: i64::MIN, max: i64::MAX }).is_ok());
    }
}
