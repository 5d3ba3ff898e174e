//! What a run is worth: its exit code and why.

use std::fmt;

use serde::Serialize;

use super::Judgement;
use crate::plan::{Expectation, Invariant, Milestone};

/// What a run showed against what its scenario asked for (SPEC section 2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verdict {
    /// Invariants that were violated and must not be, with the number of violations.
    pub unexpected: Vec<(Invariant, u64)>,
    /// Invariants whose violation was expected and came, with the number of violations.
    pub expected: Vec<(Invariant, u64)>,
    /// Invariants whose violation was expected and did not come.
    pub held: Vec<Invariant>,
    /// What had to be reached and never was.
    pub never_reached: Vec<Milestone>,
    /// Thresholds that were missed, each as a sentence.
    pub missed_thresholds: Vec<String>,
    /// Whether the run was broken off before its end.
    pub interrupted: bool,
}

impl Verdict {
    /// Weighs a judgement against the plan's expectation. Whoever measures says which thresholds were missed.
    pub fn of(
        judgement: &Judgement,
        expectation: &Expectation,
        missed_thresholds: Vec<String>,
        interrupted: bool,
    ) -> Self {
        let is_expected = |invariant: &Invariant| expectation.violations.contains(invariant);
        let (expected, unexpected) =
            judgement.counts.iter().map(|(invariant, count)| (*invariant, *count)).partition(|(i, _)| is_expected(i));
        let mut held: Vec<_> = expectation.violations.clone();
        held.retain(|invariant| !judgement.counts.contains_key(invariant));
        let mut never_reached: Vec<_> = expectation.reach.clone();
        never_reached.retain(|milestone| !judgement.reached.contains_key(milestone));
        Self { unexpected, expected, held, never_reached, missed_thresholds, interrupted }
    }

    /// The exit code that these findings call for: the first of 1, 4 and 3 that applies, else 0.
    ///
    /// A run that was interrupted proves nothing, so that it is inconclusive (4) unless it has already found
    /// a violation. Usage errors (2) and internal errors (70) come before any verdict.
    pub fn exit_code(&self) -> u8 {
        if !self.unexpected.is_empty() {
            1
        } else if !self.held.is_empty() || !self.never_reached.is_empty() || self.interrupted {
            4
        } else if !self.missed_thresholds.is_empty() {
            3
        } else {
            0
        }
    }

    /// The verdict in a word, for machines.
    pub fn word(&self) -> &'static str {
        match self.exit_code() {
            0 => "passed",
            1 => "violated",
            3 => "threshold_missed",
            _ => "inconclusive",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.exit_code() {
            0 => "passed: everything asked for holds",
            1 => "violated: an invariant does not hold",
            3 => "threshold missed: every invariant holds, but the run was not good enough",
            _ => "inconclusive: something that the scenario insists on did not happen",
        })?;
        for (invariant, count) in &self.unexpected {
            write!(f, "\n  {invariant} was violated {}", times(*count))?;
        }
        for (invariant, count) in &self.expected {
            write!(f, "\n  {invariant} was violated {}, as expected", times(*count))?;
        }
        for invariant in &self.held {
            write!(f, "\n  {invariant} was expected to be violated, but holds")?;
        }
        for milestone in &self.never_reached {
            write!(f, "\n  {} was never reached", milestone_name(*milestone))?;
        }
        for threshold in &self.missed_thresholds {
            write!(f, "\n  {threshold}")?;
        }
        if self.interrupted {
            f.write_str("\n  the run was interrupted before its end")?;
        }
        Ok(())
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

/// The milestone as scenarios spell it.
fn milestone_name(milestone: Milestone) -> String {
    match serde_json::to_value(milestone) {
        Ok(serde_json::Value::String(name)) => format!("`{name}`"),
        _ => format!("{milestone:?}"),
    }
}
