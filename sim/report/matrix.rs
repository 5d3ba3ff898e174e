//! What every attack and every hole comes to under either profile, in one table.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{Report, Verdict, human};
use crate::plan::{Invariant, Milestone, Plan};

/// The version of the form, as of [`REPORT_VERSION`](super::REPORT_VERSION).
pub const MATRIX_VERSION: u32 = 1;

/// The table: a row for each scenario that shows an attack or a hole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Matrix {
    /// The version of this form: 1.
    pub countersign_matrix: u32,
    /// The rows.
    pub rows: Vec<MatrixRow>,
}

/// What one scenario shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MatrixRow {
    /// Its name, such as `attack/09_replay`.
    pub scenario: String,
    /// What it is about, in one sentence.
    pub description: String,
    /// The seed of both runs.
    pub seed: u64,
    /// Under the literal profile.
    pub literal: MatrixCell,
    /// Under the hardened profile.
    pub hardened: MatrixCell,
}

/// What one run came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MatrixCell {
    /// The result in one word.
    pub outcome: MatrixOutcome,
    /// What shows it: invariants that fell and how often, and what was reached.
    pub facts: Vec<String>,
    /// The command that shows it.
    pub command: String,
}

/// The result of one run in one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatrixOutcome {
    /// Every invariant holds.
    Stands,
    /// An invariant falls, or what must never happen under the other profile happens; and the scenario expects it.
    Falls,
    /// The run did not go as its scenario says.
    Unexpected,
}

impl MatrixOutcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::Falls => "falls",
            Self::Unexpected => "UNEXPECTED",
        }
    }
}

impl MatrixCell {
    /// What the run of `plan` came to; `other` is the plan of the same scenario under the other profile.
    pub fn new(plan: &Plan, other: &Plan, report: &Report) -> Self {
        let fallen: Vec<_> = report.expected_violations.iter().filter(|expected| expected.count > 0).collect();
        let reached = |milestone: &Milestone| report.milestones.get(milestone).copied().unwrap_or_default();
        let happened: Vec<_> = other.expectation.never.iter().filter(|milestone| reached(milestone) > 0).collect();
        let outcome = if report.verdict != Verdict::Passed {
            MatrixOutcome::Unexpected
        } else if fallen.is_empty() && happened.is_empty() {
            MatrixOutcome::Stands
        } else {
            MatrixOutcome::Falls
        };
        let mut facts: Vec<String> =
            fallen.iter().map(|expected| fact(&expected.invariant.to_string(), expected.count)).collect();
        let shown = |milestone: &&Milestone| !happened.contains(milestone);
        let wanted = plan.expectation.reach.iter().filter(shown).filter(|milestone| reached(milestone) > 0);
        let milestones = happened.iter().copied().chain(wanted);
        facts.extend(milestones.map(|milestone| fact(&human::words(milestone), reached(milestone))));
        if outcome == MatrixOutcome::Unexpected {
            let violated = report.violation_counts.iter();
            facts.extend(violated.map(|(invariant, count): (&Invariant, _)| fact(&invariant.to_string(), *count)));
            facts.extend(report.milestones_missing.iter().map(|it| format!("never {}", human::words(it))));
            facts.push(format!("exit {}", report.exit_code));
        }
        Self { outcome, facts, command: report.reproduce.clone() }
    }

    fn text(&self) -> String {
        if self.facts.is_empty() {
            return self.outcome.word().to_owned();
        }
        format!("{}: {}", self.outcome.word(), self.facts.join(", "))
    }
}

pub(super) fn fact(what: &str, count: u64) -> String {
    format!("{what} {}", human::count(count))
}

impl Matrix {
    /// Whether every run went as its scenario says.
    pub fn is_as_expected(&self) -> bool {
        let cells = self.rows.iter().flat_map(|row| [&row.literal, &row.hardened]);
        cells.into_iter().all(|cell| cell.outcome != MatrixOutcome::Unexpected)
    }

    /// The table as one JSON document, ending with a newline.
    ///
    /// # Errors
    /// Never in practice: it has no map that JSON cannot hold.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// The table for a terminal: under each scenario its two outcomes, since what they rest on is long.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}  (seed {})", row.scenario, row.seed);
            let _ = writeln!(text, "  literal   {}", row.literal.text());
            let _ = writeln!(text, "  hardened  {}", row.hardened.text());
        }
        let _ = write!(text, "\n{}", self.summary());
        text.push_str("Show one with: countersign run SCENARIO --profile literal (or hardened)\n");
        text
    }

    /// The table in Markdown, with the command of each run.
    pub fn to_markdown(&self) -> String {
        let mut text =
            "| scenario | what it shows | literal | hardened | seed | commands |\n|---|---|---|---|--:|---|\n"
                .to_owned();
        for MatrixRow { scenario, description, seed, literal, hardened } in &self.rows {
            let _ = writeln!(
                text,
                "| `{scenario}` | {description} | {} | {} | {seed} | `{}`<br>`{}` |",
                literal.text(),
                hardened.text(),
                literal.command,
                hardened.command,
            );
        }
        let _ = write!(text, "\n{}", self.summary());
        text
    }

    fn summary(&self) -> String {
        let count = |outcome: MatrixOutcome, cell: fn(&MatrixRow) -> &MatrixCell| {
            self.rows.iter().filter(|row| cell(row).outcome == outcome).count()
        };
        let of = |name: &str, cell: fn(&MatrixRow) -> &MatrixCell| {
            let unexpected = count(MatrixOutcome::Unexpected, cell);
            let oddly = if unexpected > 0 { format!(", {unexpected} UNEXPECTED") } else { String::new() };
            let (falls, stands) = (count(MatrixOutcome::Falls, cell), count(MatrixOutcome::Stands, cell));
            format!("{name} falls in {falls} and stands in {stands}{oddly}")
        };
        let (literal, hardened) = (of("literal", |row| &row.literal), of("hardened", |row| &row.hardened));
        format!("Of {} scenarios {literal}; {hardened}.\n", self.rows.len())
    }
}
