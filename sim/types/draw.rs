//! Exact draws in integers: the same on every platform.

use rand_core::Rng;

/// A whole number drawn evenly from `min..=max`; `min` if the range is empty.
pub fn draw_between(rng: &mut impl Rng, min: u64, max: u64) -> u64 {
    let Some(width) = max.checked_sub(min) else { return min };
    let Some(count) = width.checked_add(1) else { return rng.next_u64() };
    // Lemire's multiplication: the low half tells which draws would make some numbers likelier.
    let rejected_below = count.wrapping_neg() % count;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(count);
        if product as u64 >= rejected_below {
            return min + (product >> 64) as u64;
        }
    }
}

/// How many fractional bits [`draw_exponential`] has.
pub const EXPONENTIAL_BITS: u32 = 32;

/// A draw from the exponential distribution with mean 1, in units of 2^-32.
///
/// Von Neumann's method: it compares uniform numbers and nothing else, so it needs no logarithm and no float. A run
/// of falling numbers has odd length with probability e^-u for the first number u; each failed trial adds a whole 1.
pub fn draw_exponential(rng: &mut impl Rng) -> u64 {
    let mut whole = 0;
    loop {
        let first = rng.next_u64();
        let mut last = first;
        let mut length = 1_u32;
        loop {
            let next = rng.next_u64();
            if next >= last {
                break;
            }
            last = next;
            length += 1;
        }
        if length % 2 == 1 {
            return (whole << EXPONENTIAL_BITS) | (first >> (64 - EXPONENTIAL_BITS));
        }
        whole += 1;
    }
}

/// An index below `count`.
pub fn pick(rng: &mut impl Rng, count: usize) -> usize {
    usize::try_from(draw_between(rng, 0, (count as u64).saturating_sub(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SeedStream;

    #[test]
    fn even_draws_stay_within_and_reach_both_ends() {
        let mut rng = SeedStream::new(1).rng("draw", 0);
        let mut seen = [0_u32; 6];
        for _ in 0..6_000 {
            seen[(draw_between(&mut rng, 10, 15) - 10) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert_eq!(draw_between(&mut rng, 7, 7), 7);
        assert_eq!(draw_between(&mut rng, 8, 7), 8);
        let _ = draw_between(&mut rng, 0, u64::MAX);
    }

    #[test]
    fn exponential_draws_have_the_mean_and_the_tail_of_their_law() {
        let mut rng = SeedStream::new(1).rng("draw", 0);
        let draws: Vec<u64> = (0..20_000).map(|_| draw_exponential(&mut rng)).collect();
        let sum: u128 = draws.iter().map(|draw| u128::from(*draw)).sum();
        let mean_millis = (sum / 20) >> EXPONENTIAL_BITS;
        assert!((980..1020).contains(&mean_millis), "{mean_millis}");
        // e^-1 = 36.8 %, e^-3 = 5.0 %.
        for (above, per_mille) in [(1, 368), (3, 50)] {
            let share = draws.iter().filter(|draw| **draw >> EXPONENTIAL_BITS >= above).count() / 20;
            assert!(share.abs_diff(per_mille) < 12, "{share} of 1000 above {above}");
        }
    }
}
