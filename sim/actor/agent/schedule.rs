//! When the next visit is due.

use std::time::Duration;

use rand_core::Rng;

use super::Visits;
use crate::types::VirtualTime;

/// Walks through an agent's visits. A visit that is over by the time the one before has ended is skipped: an agent
/// that was cut off for an hour does not come back with an hour of visits.
#[derive(Debug)]
pub struct Schedule {
    visits: Visits,
    next: u64,
}

impl Schedule {
    /// From the first visit on.
    pub fn new(visits: Visits) -> Self {
        Self { visits, next: 0 }
    }

    /// When the next visit is due, be it long ago; `None` if there is none left.
    pub fn next(&mut self, now: VirtualTime, rng: &mut dyn Rng) -> Option<VirtualTime> {
        match &self.visits {
            Visits::Every { first, interval, jitter } => {
                let interval_ns = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
                let passed = now.nanos().saturating_sub(first.nanos()) / interval_ns;
                self.next = self.next.max(passed);
                let planned = first.nanos().saturating_add(self.next.saturating_mul(interval_ns));
                self.next += 1;
                let jitter_ns = u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX / 4);
                let shifted = planned.saturating_add(offset_ns(*jitter, rng)).saturating_sub(jitter_ns);
                Some(VirtualTime(shifted))
            }
            Visits::At(times) => {
                let due = times.get(usize::try_from(self.next).ok()?)?;
                self.next += 1;
                Some(*due)
            }
        }
    }
}

/// A draw from 0 to twice the jitter, in whole milliseconds.
fn offset_ns(jitter: Duration, rng: &mut dyn Rng) -> u64 {
    let span_ms = 2 * u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX / 4_000_000) + 1;
    rng.next_u64() % span_ms * 1_000_000
}
