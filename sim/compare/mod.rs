//! Two runs or two sweeps side by side: what changed, and whether that can be chance.
//!
//! Each figure has an interval in which its true value lies with a probability of 99.9 %. Two figures differ if their
//! intervals do not meet: so a small sample has to differ a lot, and a large one may differ by little. Of fifty figures
//! that have not changed, one is taken for changed in less than one comparison of twenty.
//!
//! Latencies of one run hang on each other, so that the intervals of a single run are narrower than they should be; those
//! of a sweep over many seeds are about right.

mod interval;
mod subject;
mod text;

pub use interval::{Interval, quantile_interval, share_interval};
pub use subject::{Subject, SubjectError, read};

use serde::{Deserialize, Serialize};

/// What became of a figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Both have the same value.
    Same,
    /// The values differ, by no more than chance allows.
    Chance,
    /// The second is better.
    Better,
    /// The second is worse.
    Worse,
    /// Only one of them has it.
    OnlyOne,
}

/// A figure of both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What it tells.
    pub name: String,
    /// Its unit: `ns` or `ppm`.
    pub unit: String,
    /// In the first.
    pub first: Option<Interval>,
    /// In the second.
    pub second: Option<Interval>,
    /// What became of it.
    pub change: Change,
}

/// One scenario under one profile, in both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pair {
    /// The scenario and the profile.
    pub name: String,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// Kinds of failure that only the second has.
    pub failures_new: Vec<String>,
    /// Kinds of failure that only the first has.
    pub failures_gone: Vec<String>,
}

/// Two runs or sweeps side by side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// What both have.
    pub pairs: Vec<Pair>,
    /// What only the first has.
    pub only_first: Vec<String>,
    /// What only the second has.
    pub only_second: Vec<String>,
}

impl Comparison {
    /// Puts the subjects of two runs or sweeps side by side, by their names.
    pub fn of(first: &[Subject], second: &[Subject]) -> Self {
        let missing = |of: &[Subject], from: &[Subject]| {
            let missing = of.iter().filter(|it| from.iter().all(|other| other.name != it.name));
            missing.map(|it| it.name.clone()).collect()
        };
        let pair = |one: &Subject| second.iter().find(|other| other.name == one.name).map(|other| Pair::of(one, other));
        Self {
            pairs: first.iter().filter_map(pair).collect(),
            only_first: missing(first, second),
            only_second: missing(second, first),
        }
    }

    /// Whether anything is worse in the second, or fails that did not.
    pub fn is_regression(&self) -> bool {
        self.pairs.iter().any(|pair| {
            !pair.failures_new.is_empty() || pair.figures.iter().any(|figure| figure.change == Change::Worse)
        })
    }
}

impl Pair {
    fn of(first: &Subject, second: &Subject) -> Self {
        let mut figures = Vec::new();
        let mut figure = |name: &str, unit: &str, values: [Option<Interval>; 2], more_is_better: bool| {
            if values != [None, None] {
                figures.push(Figure::of(name, unit, values, more_is_better));
            }
        };
        let both = [first, second];
        figure("runs that passed", "ppm", both.map(|it| share_interval(it.passed, it.runs)), true);
        figure("exchanges served", "ppm", both.map(|it| share_interval(it.served, it.exchanges)), true);
        let [of_first, of_second] = both.map(|it| it.latencies.named());
        for ((name, one), (_, other)) in of_first.into_iter().zip(of_second) {
            for per_mille in [500, 990] {
                let values = [one, other].map(|histogram| quantile_interval(histogram, per_mille));
                figure(&format!("{name} p{}", per_mille / 10), "ns", values, false);
            }
        }
        let only = |of: &Subject, from: &Subject| {
            of.failures.iter().filter(|kind| !from.failures.contains(kind)).map(ToString::to_string).collect()
        };
        Self {
            name: first.name.clone(),
            figures,
            failures_new: only(second, first),
            failures_gone: only(first, second),
        }
    }
}

impl Figure {
    fn of(name: &str, unit: &str, [first, second]: [Option<Interval>; 2], more_is_better: bool) -> Self {
        let change = match (first, second) {
            (Some(first), Some(second)) if first.value == second.value => Change::Same,
            (Some(first), Some(second)) if first.meets(second) => Change::Chance,
            (Some(first), Some(second)) if (second.value > first.value) == more_is_better => Change::Better,
            (Some(_), Some(_)) => Change::Worse,
            _ => Change::OnlyOne,
        };
        Self { name: name.to_owned(), unit: unit.to_owned(), first, second, change }
    }
}
