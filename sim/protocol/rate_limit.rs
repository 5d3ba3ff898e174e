//! A limit on how often each source may cause costly work (hole 18).

use std::{hash::Hash, time::Duration};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

const NANOS_PER_S: u64 = 1_000_000_000;
/// Below this many sources, looking for full buckets is not worth it.
const SWEEP_FROM: usize = 1_024;

/// One token bucket per source (hole 18): `burst` requests at once, `rate_per_s` on average.
///
/// Sources whose bucket is full again are forgotten, so the memory follows the sources that were active
/// within the last `burst / rate_per_s` seconds. Time is a monotonic clock in nanoseconds; all arithmetic
/// is exact.
#[derive(Clone, Debug)]
pub struct RateLimit<S> {
    // A request costs `NANOS_PER_S` and a nanosecond earns `rate_per_s`, so that no rate is rounded.
    rate_per_s: u64,
    level_max: u64,
    buckets: HashMap<S, Bucket, FixedState>,
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u64,
    at_ns: u64,
}

impl<S: Eq + Hash> RateLimit<S> {
    /// A limit under which every source has a full bucket. Both numbers are taken as at least 1.
    pub fn new(rate_per_s: u32, burst: u32) -> Self {
        Self {
            rate_per_s: u64::from(rate_per_s.max(1)),
            level_max: u64::from(burst.max(1)) * NANOS_PER_S,
            buckets: HashMap::default(),
            sweep_at: SWEEP_FROM,
        }
    }

    /// Takes one request from the source's bucket.
    ///
    /// # Errors
    /// How long the source must wait until a request is admitted. A refused request costs nothing.
    pub fn admit(&mut self, source: S, now_ns: u64) -> Result<(), Duration> {
        self.forget_full_buckets(now_ns);
        let full = Bucket { level: self.level_max, at_ns: now_ns };
        let bucket = self.buckets.entry(source).or_insert(full);
        bucket.level = bucket.level_at(now_ns, self.rate_per_s, self.level_max);
        bucket.at_ns = bucket.at_ns.max(now_ns);
        match bucket.level.checked_sub(NANOS_PER_S) {
            Some(rest) => {
                bucket.level = rest;
                Ok(())
            }
            None => Err(Duration::from_nanos((NANOS_PER_S - bucket.level).div_ceil(self.rate_per_s))),
        }
    }

    /// How many sources are remembered.
    pub fn sources(&self) -> usize {
        self.buckets.len()
    }

    /// Looks at every bucket once the sources have doubled, so that each request pays for a few.
    fn forget_full_buckets(&mut self, now_ns: u64) {
        if self.buckets.len() < self.sweep_at {
            return;
        }
        let (rate_per_s, level_max) = (self.rate_per_s, self.level_max);
        self.buckets.retain(|_, bucket| bucket.level_at(now_ns, rate_per_s, level_max) < level_max);
        self.sweep_at = self.buckets.len().saturating_mul(2).max(SWEEP_FROM);
    }
}

impl Bucket {
    fn level_at(&self, now_ns: u64, rate_per_s: u64, level_max: u64) -> u64 {
        let earned = now_ns.saturating_sub(self.at_ns).saturating_mul(rate_per_s);
        self.level.saturating_add(earned).min(level_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hole_18_a_source_has_its_burst_and_then_its_rate() {
        let mut limit = RateLimit::new(20, 40);
        for _ in 0..40 {
            assert_eq!(limit.admit("flood", 5), Ok(()));
        }
        assert_eq!(limit.admit("flood", 5), Err(Duration::from_millis(50)));
        assert_eq!(limit.admit("flood", 5 + 49_999_999), Err(Duration::from_nanos(1)));
        assert_eq!(limit.admit("flood", 5 + 50_000_000), Ok(()));
        assert_eq!(limit.admit("flood", 5 + 50_000_000), Err(Duration::from_millis(50)));
        assert_eq!(limit.admit("another", 5), Ok(()), "sources do not share a bucket");
    }

    #[test]
    fn no_rate_is_rounded() {
        // A third of a second is no whole number of nanoseconds; after an hour nothing is lost or won.
        let mut limit = RateLimit::new(3, 1);
        let admitted = (0..=3_600_000).filter(|ms| limit.admit(1, ms * 1_000_000).is_ok()).count();
        // Asked once per millisecond, each admission waits for the next whole one: 334 ms.
        assert_eq!(admitted, 1 + 3_600_000 / 334);
        let mut limit = RateLimit::new(3, 10_800);
        assert!((0..10_800).all(|_| limit.admit(1, 0).is_ok()));
        let hour_ns = 3_600 * NANOS_PER_S;
        assert_eq!((0..20_000).filter(|_| limit.admit(1, hour_ns).is_ok()).count(), 10_800);
    }

    #[test]
    fn full_buckets_are_forgotten_and_others_are_not() {
        let mut limit = RateLimit::new(20, 40);
        for source in 0..100_000u64 {
            // A thousand new sources each second, whose buckets are full again after 50 ms each.
            assert_eq!(limit.admit(source, source * 1_000_000), Ok(()));
            assert!(limit.sources() <= SWEEP_FROM, "{} sources", limit.sources());
        }
        let mut limit = RateLimit::new(1, 1);
        for source in 0..5_000 {
            assert_eq!(limit.admit(source, 0), Ok(()));
        }
        assert!((0..5_000).all(|source| limit.admit(source, 999_999_999).is_err()));
    }

    #[test]
    fn extreme_settings_and_times_neither_panic_nor_lock_out() {
        let mut limit = RateLimit::new(u32::MAX, u32::MAX);
        assert_eq!(limit.admit(0, u64::MAX), Ok(()));
        assert_eq!(limit.admit(0, 0), Ok(()), "a clock that steps back earns nothing and costs nothing");
        let mut limit = RateLimit::new(0, 0);
        assert_eq!(limit.admit(0, 0), Ok(()));
        assert_eq!(limit.admit(0, 0), Err(Duration::from_secs(1)));
        assert_eq!(limit.admit(0, u64::MAX), Ok(()));
    }
}
