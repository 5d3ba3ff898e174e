//! A sweep as a page of Markdown: the summary of a job.

use std::fmt::Write as _;

use super::{Bundle, KnownFailure};
use crate::report::{Verdict, human};

impl Bundle {
    /// The sweep as Markdown: the verdict, a line for each scenario, and each kind of failure with its command.
    pub fn to_markdown(&self) -> String {
        let counts: Vec<_> =
            self.verdicts().map(|(verdict, count)| format!("{} {}", human::separated(count), verdict.word())).collect();
        let mut text = format!("# {}: {}\n", self.verdict.word(), counts.join(", "));
        // Writing to a string cannot fail.
        if let Some(stop) = self.stopped {
            let _ = writeln!(text, "\nStopped before its end: {stop}.");
        }
        let seeds = self.spec.seeds();
        let _ = writeln!(text, "\nSeeds {seeds}, countersign {}.\n", self.spec.version);
        text.push_str("| scenario | profile | runs | passed | one step p99 | two steps p99 | batch refresh p99 |\n");
        text.push_str("|---|---|--:|--:|--:|--:|--:|\n");
        for (case, tally) in self.spec.cases.iter().zip(&self.cases) {
            let p99 = |histogram: &crate::metrics::Histogram| {
                histogram.distribution().map_or("–".to_owned(), |found| human::duration(found.p99))
            };
            let passed = tally.verdicts.get(&Verdict::Passed).copied().unwrap_or(0);
            let latencies = &tally.latencies;
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} |",
                code(&case.scenario),
                case.profile,
                human::separated(tally.runs),
                human::separated(passed),
                p99(&latencies.one_step_ns),
                p99(&latencies.two_step_ns),
                p99(&latencies.refresh_ns),
            );
        }
        if !self.runs.is_empty() && !self.rules_not_exercised.is_empty() {
            let rules: Vec<_> =
                self.rules_not_exercised.iter().map(|rule| format!("{} {}", rule.0, rule.what())).collect();
            let _ = writeln!(text, "\nRules that no run exercised: {}.", rules.join(", "));
        }
        let failures: Vec<&KnownFailure> = self.cases.iter().flat_map(|tally| &tally.failures).collect();
        if !failures.is_empty() {
            text.push_str("\n## What did not pass\n");
            text.push_str("\n`shrink` in the place of `run` makes a small scenario of a violation.\n");
        }
        for failure in failures {
            let runs = human::number_of(failure.runs, "run");
            let _ = writeln!(text, "\n**{}** in {runs}. {}\n", failure.kind.what, failure.sentence);
            let _ = writeln!(text, "```sh\n{}\n```", failure.reproduce);
        }
        text
    }
}

/// As code within a cell of a table, whatever it has in it.
fn code(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A fence must not touch other backticks. In a table a bar ends the cell even within code.
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_ends_where_it_should() {
        assert_eq!(code("hole/06_restart"), "`hole/06_restart`");
        assert_eq!(code("a`b``c|d"), "```a`b``c\\|d```");
        assert_eq!(code("`a"), "`` `a ``");
    }
}
