//! A sweep for CI servers: JUnit's XML, as they all read it.

use quick_junit::{NonSuccessKind, Report as JunitReport, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::Bundle;
use crate::report::Verdict;

impl Bundle {
    /// The sweep as JUnit XML: a suite for each scenario and profile, a case for each seed.
    ///
    /// # Errors
    /// None that a bundle could cause.
    pub fn to_junit(&self) -> Result<String, SerializeError> {
        let mut junit = JunitReport::new("countersign");
        for (place, (case, tally)) in self.spec.cases.iter().zip(&self.cases).enumerate() {
            let name = format!("{} ({})", case.scenario, case.profile);
            let mut suite = TestSuite::new(name.as_str());
            for run in self.runs.iter().filter(|run| run.case == place) {
                let mut status = match run.verdict {
                    Verdict::Passed => TestCaseStatus::success(),
                    _ => TestCaseStatus::non_success(NonSuccessKind::Failure),
                };
                if run.verdict != Verdict::Passed {
                    status.set_type(run.verdict.word());
                    status.set_message(run.why.as_str());
                    // Of each kind the sentence of one run is kept.
                    let is_of = |kind: &str| run.why.split(", ").any(|why| why == kind);
                    let known = tally.failures.iter().filter(|failure| is_of(&failure.kind.what));
                    let sentences = known.map(|failure| format!("{} (with seed {})\n", failure.sentence, failure.seed));
                    status.set_description(format!("{}\n{}", run.reproduce, sentences.collect::<String>()));
                }
                let mut test = TestCase::new(format!("seed {}", run.seed), status);
                test.set_classname(name.as_str());
                suite.add_test_case(test);
            }
            junit.add_test_suite(suite);
        }
        junit.to_string()
    }
}
