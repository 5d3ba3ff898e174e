//! Why a run did not pass, in a line.

use super::{Report, human};

impl Report {
    /// Everything that keeps the run from passing, each in a few words; empty if it passed.
    pub fn reasons(&self) -> Vec<String> {
        let violated = self.violation_counts.iter().map(|(invariant, count)| format!("{invariant} {count}"));
        let forbidden = self.milestones_forbidden.iter();
        let forbidden = forbidden.map(|(it, count)| format!("forbidden: {} {count}", human::words(it)));
        let missing = self.milestones_missing.iter().map(|it| format!("never reached: {}", human::words(it)));
        let absent = self.expected_violations.iter().filter(|expected| expected.count == 0);
        let absent = absent.map(|expected| match self.not_judged.contains_key(&expected.invariant) {
            true => format!("{} was expected to be violated and could not be judged", expected.invariant),
            false => format!("{} was expected to be violated and held", expected.invariant),
        });
        let nobody = self.served_nobody.then(|| "nobody was served".to_owned());
        let missed = self.thresholds_missed.iter().map(ToString::to_string);
        violated.chain(forbidden).chain(missing).chain(absent).chain(nobody).chain(missed).collect()
    }
}
