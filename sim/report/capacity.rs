//! How much a fleet can bear: the largest multiple of a scenario that meets its objectives, and the way there.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Report, Verdict, human, table::Table};
use crate::metrics::per_s;

/// The version of the form, as of [`REPORT_VERSION`](super::REPORT_VERSION).
pub const CAPACITY_VERSION: u32 = 1;

/// So many parts per million of the visits that are due may never begin; beyond it, what was asked for was not put on.
const MISSED_PPM_MAX: u64 = 10_000;
/// How many columns a bar takes at most.
const BAR: u32 = 24;

/// Everything that was tried, by how much was going on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Capacity {
    /// The version of this form: 1.
    pub countersign_capacity: u32,
    /// The scenario.
    pub scenario: String,
    /// The seed of all runs.
    pub seed: u64,
    /// Whether it was tried on real sockets.
    pub on_sockets: bool,
    /// The greatest multiple of the scenario that met its objectives, in thousandths; none if none did.
    pub capacity_per_mille: Option<u64>,
    /// What was tried, from the least to the most.
    pub steps: Vec<Step>,
}

/// One run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Step {
    /// The multiple of the scenario, in thousandths.
    pub per_mille: u64,
    /// The verdict of the run.
    pub verdict: Verdict,
    /// What kept it from passing; empty if it passed.
    pub reasons: Vec<String>,
    /// Visits that were due.
    pub visits_due: u64,
    /// Visits that were due and never began.
    pub visits_missed: u64,
    /// Whether what failed is the generator, and not what it was to measure.
    pub is_generator_late: bool,
    /// Exchanges that agents began in a second.
    pub started_per_s: u64,
    /// Exchanges that were served in a second.
    pub served_per_s: u64,
    /// The middle latency of an authentication, in nanoseconds.
    pub p50_ns: Option<u64>,
    /// The 99th percentile of the latency of an authentication, in nanoseconds.
    pub p99_ns: Option<u64>,
}

impl Step {
    /// What a run of so many times the scenario came to.
    pub fn of(per_mille: u64, report: &Report) -> Self {
        let found = &report.measurements.total.authentication;
        let duration_ns = report.measurements.duration_ns;
        let steps = match &report.load {
            None => [found.one_step_ns, found.two_step_ns],
            Some(load) => [load.one_step_from_due_ns, load.two_step_from_due_ns],
        };
        // Of the kind of which there are more.
        let most = steps.into_iter().flatten().max_by_key(|distribution| distribution.count);
        let visits = &report.measurements.visits;
        Self {
            per_mille,
            verdict: report.verdict,
            reasons: report.reasons(),
            visits_due: visits.due,
            visits_missed: visits.missed,
            is_generator_late: report.load.as_ref().is_some_and(|load| load.is_late),
            started_per_s: per_s(found.started, duration_ns),
            served_per_s: per_s(found.served, duration_ns),
            p50_ns: most.map(|distribution| distribution.p50),
            p99_ns: most.map(|distribution| distribution.p99),
        }
    }

    /// Whether it met everything that the scenario asks for, and was all of it.
    pub fn is_met(&self) -> bool {
        self.verdict == Verdict::Passed && self.was_put_on()
    }

    fn was_put_on(&self) -> bool {
        u128::from(self.visits_missed) * 1_000_000 <= u128::from(self.visits_due) * u128::from(MISSED_PPM_MAX)
    }

    /// Why it is not met.
    fn why(&self) -> String {
        let missed = (!self.was_put_on()).then(|| {
            let (missed, due) = (human::count(self.visits_missed), human::count(self.visits_due));
            format!("{missed} of {due} visits never began")
        });
        self.reasons.iter().cloned().chain(missed).collect::<Vec<_>>().join("; ")
    }
}

impl Capacity {
    /// Puts what was tried in order.
    pub fn new(scenario: &str, seed: u64, on_sockets: bool, mut steps: Vec<Step>) -> Self {
        steps.sort_by_key(|step| step.per_mille);
        // Beyond the first that failed, one that passed was lucky.
        let met = steps.iter().take_while(|step| step.is_met()).last();
        let capacity_per_mille = met.map(|step| step.per_mille);
        let scenario = scenario.to_owned();
        Self { countersign_capacity: CAPACITY_VERSION, scenario, seed, on_sockets, capacity_per_mille, steps }
    }

    /// Whether something is known that is too much for the servers.
    pub fn is_limit_known(&self) -> bool {
        self.capacity_per_mille.is_some() && self.first_missed().is_some_and(|step| !step.is_generator_late)
    }

    /// The least of what was tried beyond the capacity.
    fn first_missed(&self) -> Option<&Step> {
        self.steps.iter().find(|step| Some(step.per_mille) > self.capacity_per_mille)
    }

    /// As JSON.
    ///
    /// # Errors
    /// Never in practice: it holds nothing that JSON cannot.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// For people: the answer, and the knee as a drawing.
    pub fn to_text(&self) -> String {
        let place = if self.on_sockets { "on real sockets" } else { "simulated" };
        let mut text = format!("Capacity of {}  (seed {}, {place})\n", self.scenario, self.seed);
        let met = self.steps.iter().rfind(|step| Some(step.per_mille) == self.capacity_per_mille);
        let missed = self.first_missed();
        let at_least = if self.is_limit_known() { "" } else { "at least " };
        let _ = match met {
            None => writeln!(text, "no multiple that was tried meets its objectives"),
            Some(step) => writeln!(
                text,
                "{at_least}{} meets its objectives: {} exchanges served in a second",
                human::factor(step.per_mille),
                human::count(step.served_per_s)
            ),
        };
        if let Some(step) = missed {
            let _ = writeln!(text, "{} does not: {}", human::factor(step.per_mille), step.why());
        }
        let limit = match (met, missed) {
            (Some(_), None) if self.on_sockets => "More was not tried: the limit is not known.",
            (Some(_), None) => {
                "More was not tried: the limit is not known. A simulated server takes as long as [costs] says: `countersign \
                 calibrate` writes what it takes on this machine; or try --sockets."
            }
            (Some(_), Some(step)) if step.is_generator_late => {
                "What is late there is this machine's generator: the servers may bear more."
            }
            _ => "",
        };
        if !limit.is_empty() {
            let _ = writeln!(text, "{limit}");
        }
        let mut table = Table::new("The knee", &["started/s", "served/s", "p50", "p99", "", "p99 (log)"]);
        let greatest = self.steps.iter().filter_map(|step| step.p99_ns).max().unwrap_or(1);
        let least = self.steps.iter().filter_map(|step| step.p50_ns).min().unwrap_or(1);
        for step in &self.steps {
            let mark = if step.is_met() { "met" } else { step.verdict.word() };
            let duration = |nanos: Option<u64>| nanos.map_or_else(|| "-".to_owned(), human::duration);
            let bar = step.p99_ns.map_or_else(String::new, |nanos| bar(nanos, least, greatest));
            table.row(
                human::factor(step.per_mille),
                [
                    human::count(step.started_per_s),
                    human::count(step.served_per_s),
                    duration(step.p50_ns),
                    duration(step.p99_ns),
                    mark.to_lowercase(),
                    format!("{bar:<width$}", width = BAR as usize),
                ],
            );
        }
        if let Some((heading, lines)) = table.lines() {
            let _ = write!(text, "\n{}\n", heading.trim_end());
            for line in lines {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

/// A bar that grows with the logarithm, in binary steps of eighths of an octave: no float is needed for a picture.
fn bar(value: u64, least: u64, greatest: u64) -> String {
    let eighths = |value: u64| {
        let value = value.max(1);
        let octave = value.ilog2();
        let part = ((u128::from(value) * 8) >> octave) - 8;
        octave * 8 + u32::try_from(part).unwrap_or(0)
    };
    let (from, to) = (eighths(least), eighths(greatest));
    let length = eighths(value).saturating_sub(from) * BAR / to.saturating_sub(from).max(1);
    "█".repeat(length.clamp(1, BAR) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(per_mille: u64, verdict: Verdict, p99_ms: u64) -> Step {
        Step {
            per_mille,
            verdict,
            reasons: if verdict == Verdict::Passed { vec![] } else { vec!["one_step_p99_ms".to_owned()] },
            visits_due: 1_000,
            visits_missed: 0,
            is_generator_late: false,
            started_per_s: per_mille,
            served_per_s: per_mille,
            p50_ns: Some(1_000_000),
            p99_ns: Some(p99_ms * 1_000_000),
        }
    }

    #[test]
    fn capacity_is_the_greatest_multiple_below_the_first_that_fails() {
        let steps = vec![
            step(4_000, Verdict::Passed, 30),
            step(1_000, Verdict::Passed, 2),
            step(3_000, Verdict::ThresholdMissed, 90),
            step(2_000, Verdict::Passed, 4),
        ];
        let capacity = Capacity::new("load/storm", 1, false, steps);
        assert_eq!(capacity.capacity_per_mille, Some(2_000));
        let text = capacity.to_text();
        assert!(text.contains("2.00 × meets its objectives") && text.contains("3.00 × does not"), "{text}");
        assert_eq!(Capacity::new("x", 1, true, vec![step(1, Verdict::Violated, 1)]).capacity_per_mille, None);
    }

    #[test]
    fn what_was_never_begun_was_not_borne() {
        let lazy = Step { visits_missed: 11, ..step(2_000, Verdict::Passed, 4) };
        let capacity = Capacity::new("x", 1, false, vec![step(1_000, Verdict::Passed, 2), lazy]);
        assert_eq!(capacity.capacity_per_mille, Some(1_000));
        let text = capacity.to_text();
        assert!(text.contains("2.00 × does not: 11 of 1,000 visits never began"), "{text}");
        assert!(capacity.is_limit_known());
    }

    #[test]
    fn a_limit_that_is_not_the_servers_is_none() {
        let late = Step { is_generator_late: true, ..step(2_000, Verdict::Inconclusive, 4) };
        for steps in [vec![step(1_000, Verdict::Passed, 2)], vec![step(1_000, Verdict::Passed, 2), late]] {
            let capacity = Capacity::new("x", 1, true, steps);
            assert!(!capacity.is_limit_known());
            assert!(capacity.to_text().contains("at least 1.00 × meets"), "{}", capacity.to_text());
        }
    }

    #[test]
    fn bars_grow_with_the_logarithm() {
        let lengths: Vec<_> = [1, 2, 4, 8].map(|value| bar(value * 1_000, 1_000, 8_000).chars().count()).into();
        assert_eq!(lengths, [1, 8, 16, 24]);
    }
}
