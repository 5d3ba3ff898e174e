//! When the visits of an open model are due.

use rand_core::Rng;

use super::{
    ArrivalsTable, Phase, Spacing,
    draws::{MILLISECOND, whole},
    problem::Problem,
};
use crate::{
    plan::VISITS_AT_MAX,
    types::{EXPONENTIAL_BITS, TimeSpan, draw_exponential},
};

const DAY_MS: u128 = 86_400_000;

/// The instants of all arrivals in microseconds from the start of the group, ascending.
///
/// Arrivals are marks on the axis of expected arrivals, one apart (even) or exponentially apart (Poisson); each is
/// due at the first microsecond by which so many are expected, within its phase; a ramp is a line within each millisecond. All of
/// it is computed in integers.
///
/// # Errors
/// If a phase has no length, is no whole number of milliseconds, or if more arrivals are expected than a plan holds.
pub(super) fn arrival_times_us(
    key: &str,
    table: &ArrivalsTable,
    ends_within_ms: u64,
    rng: &mut impl Rng,
) -> Result<Vec<u64>, Problem> {
    let phases = table.phases.iter().enumerate().map(|(index, phase)| {
        let key = format!("{key}.phases[{index}].for");
        let length_ms = whole(&key, phase.length, MILLISECOND)?;
        if length_ms == 0 {
            return Err(Problem::new(key, "a phase of no length", "at least 1ms"));
        }
        Ok(Curve::new(phase, length_ms))
    });
    let phases: Vec<Curve> = phases.collect::<Result<_, _>>()?;
    if phases.is_empty() {
        return Err(Problem::new(
            format!("{key}.phases"),
            "no phase",
            "at least one, such as { rate = \"5/s\", for = \"10m\" }",
        ));
    }
    let length_ms = phases.iter().map(|phase| u128::from(phase.length_ms)).sum::<u128>();
    if length_ms > u128::from(ends_within_ms) {
        return Err(Problem::new(
            format!("{key}.phases"),
            format!("phases of {} in all", TimeSpan::from_millis(u64::try_from(length_ms).unwrap_or(u64::MAX))),
            format!("at most {}: what is left of the run when the group starts", TimeSpan::from_millis(ends_within_ms)),
        ));
    }
    let expected = phases.iter().map(Curve::total_ceiling).sum::<u128>();
    if expected > u128::from(VISITS_AT_MAX) {
        return Err(Problem::new(
            format!("{key}.phases"),
            format!("about {expected} arrivals"),
            format!("at most {VISITS_AT_MAX}: the plan holds the instant of each in memory"),
        ));
    }
    Ok(marks(table.spacing, &phases, rng))
}

fn marks(spacing: Spacing, phases: &[Curve], rng: &mut impl Rng) -> Vec<u64> {
    let mut gap = || match spacing {
        Spacing::Even => 1 << EXPONENTIAL_BITS,
        Spacing::Poisson => u128::from(draw_exponential(rng)),
    };
    let mut times = Vec::new();
    let mut start_ms = 0;
    // An even first arrival comes after half a gap, so that phases of one rate can be cut anywhere.
    let mut mark = if spacing == Spacing::Even { 1 << (EXPONENTIAL_BITS - 1) } else { gap() };
    for phase in phases {
        let mut earliest_ms = 0;
        while let Some(due_us) = phase.when_us(mark, earliest_ms) {
            times.push(start_ms * 1_000 + due_us);
            earliest_ms = due_us / 1_000;
            mark += gap();
        }
        mark -= phase.total_marks();
        start_ms += phase.length_ms;
    }
    times
}

/// Expected arrivals over a phase: a parabola, or a line where the rate is constant.
struct Curve {
    from_per_day: u128,
    to_per_day: u128,
    length_ms: u64,
}

impl Curve {
    fn new(phase: &Phase, length_ms: u64) -> Self {
        let (from, to) = (phase.rate.from.per_day(), phase.rate.to.per_day());
        Self { from_per_day: from.into(), to_per_day: to.into(), length_ms }
    }

    /// Expected arrivals after `at_ms`, times [`Self::denominator`].
    ///
    /// Rates stay below 2^49 a day and a run below 2^36 ms, so this stays below 2^122; and since the quotient is capped
    /// before anything is shifted, so does the rest. What one millisecond holds of it, at most 2/L, is less than 2^90 when shifted.
    fn expected(&self, at_ms: u64) -> u128 {
        let (at, length) = (u128::from(at_ms), u128::from(self.length_ms));
        // from * t + (to - from) * t^2 / 2L, over the common denominator, without a negative term.
        self.from_per_day * at * (2 * length - at) + self.to_per_day * at * at
    }

    fn denominator(&self) -> u128 {
        2 * u128::from(self.length_ms) * DAY_MS
    }

    fn total_ceiling(&self) -> u128 {
        self.expected(self.length_ms).div_ceil(self.denominator())
    }

    /// Expected arrivals in the whole phase, in the unit of the marks.
    fn total_marks(&self) -> u128 {
        (self.expected(self.length_ms) << EXPONENTIAL_BITS) / self.denominator()
    }

    /// The first microsecond by which `mark` arrivals are expected, if it lies within the phase: within a millisecond the rate is
    /// taken for constant.
    fn when_us(&self, mark: u128, earliest_ms: u64) -> Option<u64> {
        if mark >= self.total_marks() {
            return None;
        }
        let target = mark * self.denominator();
        let reached = |at_ms: u64| self.expected(at_ms) << EXPONENTIAL_BITS >= target;
        // Gallop, then halve: the next arrival is seldom far.
        let mut step = 1;
        let mut low = earliest_ms;
        let mut high = earliest_ms;
        while !reached(high) {
            low = high;
            high = (high + step).min(self.length_ms);
            step *= 2;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if reached(middle) { high = middle } else { low = middle }
        }
        let Some(before_ms) = if reached(low) { low } else { high }.checked_sub(1) else { return Some(0) };
        let before = self.expected(before_ms) << EXPONENTIAL_BITS;
        let in_this_one = (self.expected(before_ms + 1) << EXPONENTIAL_BITS).saturating_sub(before);
        let micros = (target.saturating_sub(before) * 1_000).div_ceil(in_this_one.max(1)).min(1_000);
        let due_us = before_ms * 1_000 + u64::try_from(micros).unwrap_or(1_000);
        Some(due_us.min(self.length_ms * 1_000 - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{scenario::PhaseRate, types::SeedStream};

    fn times(spacing: Spacing, phases: &[(&str, &str, &str)], seed: u64) -> Vec<u64> {
        let phases = phases.iter().map(|(from, to, length)| Phase {
            rate: PhaseRate { from: from.parse().unwrap(), to: to.parse().unwrap() },
            length: length.parse().unwrap(),
        });
        let table = ArrivalsTable { spacing, phases: phases.collect() };
        let mut rng = SeedStream::new(seed).rng("arrivals", 0);
        arrival_times_us("agents[0].arrivals", &table, u64::MAX, &mut rng).unwrap()
    }

    #[test]
    fn even_arrivals_are_evenly_spaced_across_phases() {
        let whole = times(Spacing::Even, &[("4/s", "4/s", "10s")], 1);
        assert_eq!(whole.len(), 40);
        assert_eq!(whole[..3], [125_000, 375_000, 625_000]);
        assert_eq!(times(Spacing::Even, &[("4/s", "4/s", "3s"), ("4/s", "4/s", "7s")], 1), whole);
    }

    #[test]
    fn a_ramp_has_the_mean_of_its_ends_and_gets_denser() {
        let ramp = times(Spacing::Even, &[("0/s", "20/s", "10s")], 1);
        assert_eq!(ramp.len(), 100);
        // A quarter of the arrivals falls into the first half.
        assert_eq!(ramp.iter().filter(|at| **at < 5_000_000).count(), 25);
        let fall = times(Spacing::Even, &[("20/s", "0/s", "10s")], 1);
        assert_eq!(fall.iter().filter(|at| **at < 5_000_000).count(), 75);
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_scatter_of_their_law() {
        let arrivals = times(Spacing::Poisson, &[("100/s", "100/s", "100s")], 3);
        assert!(arrivals.len().abs_diff(10_000) < 300, "{}", arrivals.len());
        assert!(arrivals.is_sorted());
        let mut per_second = [0_u64; 100];
        arrivals.iter().for_each(|at| per_second[(at / 1_000_000) as usize] += 1);
        let variance = per_second.iter().map(|count| count.abs_diff(100).pow(2)).sum::<u64>() / 100;
        assert!((60..150).contains(&variance), "{variance}");
        assert_ne!(arrivals, times(Spacing::Poisson, &[("100/s", "100/s", "100s")], 4));
    }

    #[test]
    fn thousands_a_second_come_one_by_one() {
        let even = times(Spacing::Even, &[("4000/s", "4000/s", "1s")], 1);
        assert_eq!(even.len(), 4_000);
        assert!(even.windows(2).all(|pair| pair[1] - pair[0] == 250), "{:?}", &even[..8]);
        let ramp = times(Spacing::Even, &[("0/s", "8000/s", "1s")], 1);
        assert!(ramp.windows(2).all(|pair| pair[0] < pair[1]) && ramp[3_999] < 1_000_000, "{:?}", &ramp[3_992..]);
        let poisson = times(Spacing::Poisson, &[("4000/s", "4000/s", "10s")], 1);
        let close = poisson.windows(2).filter(|pair| pair[1] - pair[0] < 250).count();
        // 1 - 1/e of all gaps are shorter than the average.
        assert!(close.abs_diff(poisson.len() * 632 / 1_000) < 400, "{close} of {}", poisson.len());
    }

    #[test]
    fn a_silent_phase_has_no_arrival() {
        assert!(times(Spacing::Even, &[("0/s", "0/s", "1h")], 1).is_empty());
        assert!(times(Spacing::Poisson, &[("0/s", "0/s", "1h")], 1).is_empty());
        let spike = times(Spacing::Even, &[("0/s", "0/s", "1h"), ("100/s", "100/s", "1s")], 1);
        assert!(spike.len() == 100 && spike[0] >= 3_600_000_000);
    }
}
