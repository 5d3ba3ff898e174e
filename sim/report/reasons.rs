//! Why a run did not pass, in a line.

use super::{Report, human};

impl Report {
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
        forbidden.chain(missing).chain(absent).chain(nobody).collect()
    }
}
