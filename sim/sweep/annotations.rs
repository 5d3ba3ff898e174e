//! A sweep's failures as annotations of a job on GitHub.

use std::fmt::Write as _;

use super::Bundle;
use crate::report::human;

impl Bundle {
    /// A workflow command for each kind of failure, which GitHub shows with the job: what failed, and the command that
    /// makes it again.
    pub fn to_annotations(&self) -> String {
        let mut text = String::new();
        for (case, tally) in self.spec.cases.iter().zip(&self.cases) {
            for failure in &tally.failures {
                let title = format!("{} in {} ({})", failure.kind.what, case.scenario, case.profile);
                let runs = human::number_of(failure.runs, "run");
                let message = format!("{runs}. {}\n{}", failure.sentence, failure.reproduce);
                // Writing to a string cannot fail.
                let _ = writeln!(text, "::error title={}::{}", property(&title), data(&message));
            }
        }
        text
    }
}

/// As workflow commands have it after the last colon.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As workflow commands have it before the last colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
