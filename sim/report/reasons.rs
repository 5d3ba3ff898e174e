//! Why a run did not pass, in a line.

use super::{Report, Verdict, human, human::duration};
use crate::types::VirtualTime;

impl Report {
    /// What the verdict means for this run.
    pub fn meaning(&self) -> &'static str {
        let is_inconclusive = self.verdict == Verdict::Inconclusive;
        if self.stopped_at_ns.is_some() && is_inconclusive {
            "the run was stopped as asked"
        } else if self.interrupted && is_inconclusive {
            "the run was interrupted"
        } else if self.served_nobody && is_inconclusive {
            match self.cast.agents > 0 && self.measurements.total.authentication.served == 0 {
                true => "not one exchange was served, so that the run has shown nothing",
                false => "not one session of the portal was opened, so that the run has shown nothing",
            }
        } else if self.is_late() && is_inconclusive {
            "visits began so late that the figures are those of this machine and not of the servers"
        } else if self.is_scattered() && is_inconclusive {
            "the generators began so far apart that they did not make one load"
        } else if self.violation_counts.is_empty() && !self.milestones_forbidden.is_empty() {
            "something happened that the scenario forbids"
        } else {
            self.verdict.meaning()
        }
    }

    fn is_late(&self) -> bool {
        self.load.as_ref().is_some_and(|load| load.is_late)
    }

    fn is_scattered(&self) -> bool {
        self.load.as_ref().is_some_and(|load| load.is_scattered())
    }

    /// Where the run was stopped as its command asks, if it was, and what that leaves open.
    pub fn stop_line(&self) -> Option<String> {
        let at = VirtualTime(self.stopped_at_ns?);
        Some(format!("stopped at {at} as asked (--until): what comes later is not judged"))
    }

    /// Everything that keeps the run from passing, each in a few words; empty if it passed.
    pub fn reasons(&self) -> Vec<String> {
        let violated = self.violation_counts.iter().map(|(invariant, count)| format!("{invariant} {count}"));
        let missed = self.thresholds_missed.iter().map(ToString::to_string);
        violated.chain(self.other_reasons()).chain(missed).collect()
    }

    /// What keeps the run from passing beside violations and thresholds.
    pub fn other_reasons(&self) -> Vec<String> {
        let forbidden = self.milestones_forbidden.keys().map(|it| format!("forbidden: {}", human::words(it)));
        let missing = self.milestones_missing.iter().map(|it| format!("never reached: {}", human::words(it)));
        let absent = self.expected_violations.iter().filter(|expected| expected.count == 0);
        let absent = absent.map(|expected| match self.not_judged.contains_key(&expected.invariant) {
            true => format!("{} was expected to be violated and could not be judged", expected.invariant),
            false => format!("{} was expected to be violated and held", expected.invariant),
        });
        let nobody = self.served_nobody.then(|| "nobody was served".to_owned());
        let late = self.is_late().then(|| self.late_line());
        let scattered = self.load.iter().filter(|load| load.is_scattered());
        let scattered = scattered.map(|load| format!("the generators began {} apart", duration(load.begin_spread_ns)));
        forbidden.chain(missing).chain(absent).chain(nobody).chain(late).chain(scattered).collect()
    }

    fn late_line(&self) -> String {
        let late: Vec<_> = self.generators.iter().filter(|one| one.is_late).map(|one| one.shard.to_string()).collect();
        match late.len() {
            0 => "the generator was late".to_owned(),
            1 => format!("generator {} was late", late.join(", ")),
            _ => format!("generators {} were late", late.join(", ")),
        }
    }
}
