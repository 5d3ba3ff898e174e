//! Where the true value of a figure lies.

use serde::{Deserialize, Serialize};

use crate::metrics::Histogram;

/// So many standard deviations to either side of the mean of a normal distribution hold 99.9 % of it.
const DEVIATIONS: f64 = 3.290_526_731;

/// A figure that was found, and the interval in which its true value lies with a probability of 99.9 %.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Interval {
    /// The figure.
    pub value: u64,
    /// The least that the true value may be.
    pub least: u64,
    /// The most that it may be.
    pub most: u64,
}

impl Interval {
    /// Whether some value may be the true one of both.
    pub fn meets(self, other: Self) -> bool {
        self.least <= other.most && other.least <= self.most
    }
}

/// The share of `part` in `whole`, in parts per million, with Wilson's score interval; none of nothing.
///
/// E. B. Wilson, *Probable inference, the law of succession, and statistical inference*, 1927.
pub fn share_interval(part: u64, whole: u64) -> Option<Interval> {
    if whole == 0 {
        return None;
    }
    let (count, share) = (whole as f64, part as f64 / whole as f64);
    let square = DEVIATIONS * DEVIATIONS;
    let centre = share + square / (2.0 * count);
    let spread = DEVIATIONS * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    let ppm = |value: f64| (value / (1.0 + square / count) * 1_000_000.0).round().clamp(0.0, 1_000_000.0) as u64;
    Some(Interval {
        value: (share * 1_000_000.0).round() as u64,
        least: ppm(centre - spread),
        most: ppm(centre + spread),
    })
}

/// A quantile, in thousandths, with the interval between the order statistics that enclose it whatever the distribution
/// is; none of nothing.
///
/// How many of the values lie below the true quantile is binomially distributed; that is taken for a normal one.
pub fn quantile_interval(histogram: &Histogram, per_mille: u32) -> Option<Interval> {
    let count = histogram.count();
    let share = f64::from(per_mille) / 1_000.0;
    let (centre, spread) = (count as f64 * share, DEVIATIONS * (count as f64 * share * (1.0 - share)).sqrt());
    let at = |rank: f64| histogram.at_rank((rank.max(1.0) as u64).clamp(1, count));
    (count > 0).then(|| Interval {
        value: at(centre.ceil()),
        least: at((centre - spread).floor()),
        most: at((centre + spread).ceil() + 1.0),
    })
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::{Rng, SeedableRng};

    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        values.into_iter().for_each(|value| histogram.record(value));
        histogram
    }

    #[test]
    fn nothing_has_no_interval_and_one_value_has_itself() {
        assert_eq!(share_interval(0, 0), None);
        assert_eq!(quantile_interval(&of([]), 500), None);
        assert_eq!(quantile_interval(&of([7]), 990), Some(Interval { value: 7, least: 7, most: 7 }));
    }

    #[test]
    fn a_share_is_within_its_interval_and_more_runs_make_it_narrower() {
        let width = |runs: u64| {
            let found = share_interval(runs / 2, runs).unwrap();
            assert!(found.least <= found.value && found.value <= found.most);
            found.most - found.least
        };
        assert!(width(10) > width(100) && width(100) > width(10_000));
        // All of ten says less than all of ten thousand; both may be all of them.
        let all = |runs| share_interval(runs, runs).unwrap();
        assert_eq!((all(10).value, all(10).most), (1_000_000, 1_000_000));
        assert!(all(10).least < 500_000 && all(10_000).least > 990_000);
    }

    /// Samples of one distribution are hardly ever taken for samples of two, and those of two are.
    #[test]
    fn chance_is_told_from_change() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut sample =
            |slower_percent: u64| of((0..400).map(|_| (1 + rng.next_u64() % 1_000_000) * (100 + slower_percent)));
        let alarms = |first: &Histogram, second: &Histogram| {
            [500, 990].map(|per_mille| {
                !quantile_interval(first, per_mille).unwrap().meets(quantile_interval(second, per_mille).unwrap())
            })
        };
        let alike = (0..300).flat_map(|_| alarms(&sample(0), &sample(0))).filter(|alarm| *alarm).count();
        assert!(alike <= 1, "{alike} of 600");
        let other = (0..100).filter(|_| alarms(&sample(0), &sample(100))[0]).count();
        assert!(other >= 95, "{other} of 100");
    }
}
