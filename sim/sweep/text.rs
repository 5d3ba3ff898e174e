//! A sweep for people.

use std::fmt::Write as _;

use super::{Bundle, CaseSpec, CaseTally, KnownFailure, RunLine};
use crate::report::{Verdict, human};

/// So many kinds of failure of a scenario are shown, those of the most runs first.
const KINDS_SHOWN: usize = 10;

impl Bundle {
    /// What the sweep came to, a paragraph for each scenario; on request with the digest of every run.
    pub fn to_text(&self, shows_digests: bool) -> String {
        let mut text = String::new();
        let (runs, due) = (self.runs.len() as u64, self.spec.runs());
        if let Some(stop) = self.stopped {
            line(&mut text, &format!("{stop}: {} of {} runs were made", human::separated(runs), human::separated(due)));
        }
        for (place, (case, tally)) in self.spec.cases.iter().zip(&self.cases).enumerate() {
            if tally.runs == 0 {
                continue;
            }
            of_case(&mut text, case, tally);
            for RunLine { seed, digest, .. } in self.runs.iter().filter(|run| shows_digests && run.case == place) {
                line(&mut text, &format!("    {seed} {digest}"));
            }
        }
        if due == 0 {
            line(&mut text, &format!("no runs fall to shard {}", self.spec.shard));
        }
        if self.cases.iter().flat_map(|tally| &tally.failures).any(|failure| !failure.kind.place.is_empty()) {
            line(&mut text, "`shrink` in the place of `run` makes a small scenario that fails in the same way");
        }
        if runs > 0 && !self.rules_not_exercised.is_empty() {
            let rules: Vec<_> = self.rules_not_exercised.iter().map(|rule| rule.0.to_string()).collect();
            line(&mut text, &format!("rules that no run exercised: {}", rules.join(", ")));
        }
        text
    }

    /// How often each kind of verdict came up, in all cases together.
    pub fn verdicts(&self) -> impl Iterator<Item = (Verdict, u64)> {
        let all = [Verdict::Violated, Verdict::Inconclusive, Verdict::ThresholdMissed, Verdict::Passed];
        let count = |verdict| self.cases.iter().filter_map(|tally| tally.verdicts.get(&verdict)).sum();
        all.into_iter().map(move |verdict| (verdict, count(verdict))).filter(|(_, count)| *count > 0)
    }
}

fn of_case(text: &mut String, case: &CaseSpec, tally: &CaseTally) {
    let verdicts: Vec<_> = tally
        .verdicts
        .iter()
        .map(|(verdict, count)| format!("{} {}", human::separated(*count), verdict.word()))
        .collect();
    line(text, &format!("{} ({}): {}", case.scenario, case.profile, verdicts.join(", ")));
    if !tally.not_judged.is_empty() {
        let not_judged: Vec<_> = tally.not_judged.iter().map(|(it, runs)| format!("{it} in {runs}")).collect();
        line(text, &format!("    not judged: {}", not_judged.join(", ")));
    }
    let mut failures: Vec<&KnownFailure> = tally.failures.iter().collect();
    failures.sort_by_key(|failure| (std::cmp::Reverse(failure.runs), &failure.kind));
    for failure in failures.iter().take(KINDS_SHOWN) {
        let said = if failure.sentence.is_empty() { "" } else { ": " };
        let runs = human::number_of(failure.runs, "run");
        line(text, &format!("    {runs}  {}{said}{}", failure.kind.what, failure.sentence));
        line(text, &format!("      {}", failure.reproduce));
    }
    if let Some(more) = failures.len().checked_sub(KINDS_SHOWN).filter(|more| *more > 0) {
        line(text, &format!("    and {} more", human::number_of(more as u64, "kind")));
    }
}

fn line(text: &mut String, words: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{words}");
}
