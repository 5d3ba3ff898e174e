//! What was foretold of a load on real sockets, beside what was measured.

use super::{Report, human};
use crate::{
    metrics::{LoadFigures, Round},
    types::ppm,
};

impl Report {
    /// What was foretold of this load, beside what came; nothing of a run of which nothing was foretold.
    pub fn round(&self) -> Option<Round> {
        let load = self.load.as_ref()?;
        let signs = &self.environment.signs;
        let measured = LoadFigures {
            served_per_s: load.served_per_s,
            one_step_ns: load.one_step_from_due_ns,
            two_step_ns: load.two_step_from_due_ns,
            cpu_ppm: self.cpu_ppm(load.workers),
            sign_ns: signs.took_ns.checked_div(signs.count),
        };
        Some(Round { seed: self.seed, predicted: load.predicted?, measured })
    }

    /// How busy all of so many cores were together, in parts per million.
    fn cpu_ppm(&self, cores: u64) -> Option<u64> {
        ppm(self.environment.cpu_ns?, self.measurements.duration_ns.saturating_mul(cores.max(1)))
    }
}

/// One figure of a load, foretold and measured; of several rounds, the middle ones.
#[derive(Clone, Debug)]
pub(super) struct Foretold {
    pub name: String,
    pub predicted: Spread,
    pub measured: Spread,
    /// How far the one is from the other, in percent of what came.
    pub off_by: String,
}

impl Foretold {
    /// What was foretold and what came, in this order.
    pub fn spreads(&self) -> [&Spread; 2] {
        [&self.predicted, &self.measured]
    }
}

/// A figure in some rounds.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    /// That of the middle one, by size; of an even number what is between two.
    pub middle: String,
    /// From the least to the greatest; empty of one round.
    pub range: String,
}

/// Shows a figure of a load, and finds it.
type Shown = fn(u64) -> String;
type Found = fn(&LoadFigures) -> Option<u64>;

/// Every figure of which there can be a prediction.
const FIGURES: [(&str, Shown, Found); 9] = [
    ("served in a second", human::count, |figures| Some(figures.served_per_s)),
    ("one step, p50", human::duration, |figures| figures.one_step_ns.map(|found| found.p50)),
    ("one step, p90", human::duration, |figures| figures.one_step_ns.map(|found| found.p90)),
    ("one step, p99", human::duration, |figures| figures.one_step_ns.map(|found| found.p99)),
    ("two steps, p50", human::duration, |figures| figures.two_step_ns.map(|found| found.p50)),
    ("two steps, p90", human::duration, |figures| figures.two_step_ns.map(|found| found.p90)),
    ("two steps, p99", human::duration, |figures| figures.two_step_ns.map(|found| found.p99)),
    ("CPU", human::percent, |figures| figures.cpu_ppm),
    ("a signature", human::duration, |figures| figures.sign_ns),
];

/// The heading of the figures.
pub(super) fn prediction_title(report: &Report) -> String {
    match report.load.as_ref().map_or(0, |load| load.rounds.len()) {
        0 => "Prediction".to_owned(),
        rounds => format!("Prediction, middle of {rounds}"),
    }
}

/// Which of several rounds a report is of.
pub(super) fn told_round(report: &Report) -> Option<String> {
    report.load.as_ref().filter(|load| !load.rounds.is_empty())?;
    let Report { seed, .. } = report;
    Some(format!("Everything else is of the round with seed {seed}, the first with the worst verdict."))
}

/// Every figure that was foretold and came; nothing of a run of which nothing was foretold.
pub(super) fn foretold(report: &Report) -> Vec<Foretold> {
    let Some(load) = &report.load else { return Vec::new() };
    let only = report.round();
    middles(if load.rounds.is_empty() { only.as_slice() } else { &load.rounds })
}

/// Every figure that was foretold and came in each of some rounds, and how far the middle of the one is from the middle of the other.
fn middles(rounds: &[Round]) -> Vec<Foretold> {
    let row = |(name, shown, found): (&str, Shown, Found)| {
        let sorted = |figures: fn(&Round) -> &LoadFigures| {
            let mut all: Vec<u64> = rounds.iter().map(|round| found(figures(round))).collect::<Option<_>>()?;
            all.sort_unstable();
            Some(all)
        };
        let (predicted, measured) = (sorted(|round| &round.predicted)?, sorted(|round| &round.measured)?);
        Some(Foretold {
            name: name.to_owned(),
            predicted: Spread::of(&predicted, shown)?,
            measured: Spread::of(&measured, shown)?,
            off_by: off_by(middle(&predicted)?, middle(&measured)?),
        })
    };
    FIGURES.into_iter().filter_map(row).collect()
}

impl Spread {
    /// That of figures that are sorted by size; none of no figures.
    fn of(sorted: &[u64], shown: Shown) -> Option<Self> {
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let range = if sorted.len() > 1 { format!("{} to {}", shown(least), shown(most)) } else { String::new() };
        Some(Self { middle: shown(middle(sorted)?), range })
    }
}

/// The middle of figures that are sorted by size; between the two of an even number.
fn middle(sorted: &[u64]) -> Option<u64> {
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(sorted.get(half.checked_sub(1)?)?.midpoint(upper)) }
}

/// In percent of what came; of nothing there are none.
fn off_by(predicted: u64, measured: u64) -> String {
    if measured == 0 && predicted > 0 {
        return "–".to_owned();
    }
    let (predicted, measured) = (i128::from(predicted), i128::from(measured));
    let per_mille = (predicted - measured) * 1_000 / measured.max(1);
    let sign = if per_mille < 0 { '-' } else { '+' };
    format!("{sign}{}.{} %", per_mille.abs() / 10, per_mille.abs() % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_is_between_two() {
        assert_eq!(
            [&[][..], &[5], &[1, 9], &[1, 2, 9], &[1, 4, 7, 90]].map(middle),
            [None, Some(5), Some(5), Some(2), Some(5)]
        );
    }

    #[test]
    fn of_several_rounds_the_middles_of_what_was_foretold_and_came_are_compared() {
        let figures =
            |served_per_s, cpu_ppm, sign_ns| LoadFigures { served_per_s, cpu_ppm, sign_ns, ..Default::default() };
        let round = |predicted, measured| Round { seed: 1, predicted, measured };
        let rounds = [
            round(figures(30, Some(500_000), None), figures(10, Some(250_000), Some(7))),
            round(figures(10, Some(700_000), Some(9)), figures(50, Some(350_000), Some(7))),
            round(figures(20, Some(600_000), Some(9)), figures(40, Some(300_000), Some(7))),
        ];
        let told: Vec<_> = middles(&rounds)
            .into_iter()
            .map(|it| {
                format!(
                    "{}: {} ({}) for {} ({}): {}",
                    it.name, it.predicted.middle, it.predicted.range, it.measured.middle, it.measured.range, it.off_by
                )
            })
            .collect();
        // What one round lacks cannot be told of all.
        assert_eq!(
            told,
            [
                "served in a second: 20 (10 to 30) for 40 (10 to 50): -50.0 %",
                "CPU: 60.0 % (50.0 % to 70.0 %) for 30.0 % (25.0 % to 35.0 %): +100.0 %"
            ]
        );
        assert!(middles(&[]).is_empty());
    }

    #[test]
    fn a_range_is_told_of_several() {
        let spread = |sorted: &[u64]| Spread::of(sorted, human::count).unwrap();
        assert_eq!((spread(&[7]).middle, spread(&[7]).range), ("7".to_owned(), String::new()));
        assert_eq!(
            (spread(&[7, 8, 1_000]).middle, spread(&[7, 8, 1_000]).range),
            ("8".to_owned(), "7 to 1,000".to_owned())
        );
    }

    #[test]
    fn a_prediction_is_off_by_a_share_of_what_came() {
        assert_eq!(
            [off_by(11, 10), off_by(995, 1_000), off_by(0, 0), off_by(5, 0)],
            ["+10.0 %", "-0.5 %", "+0.0 %", "–"]
        );
    }
}
