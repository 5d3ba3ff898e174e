//! What each danger comes to with each way of authentication, in one table.

use std::fmt::Write as _;

use askama::Template;
use serde::{Deserialize, Serialize};

use super::{MatrixCell, MatrixOutcome, Report, human, matrix::fact};
use crate::plan::Milestone;

/// The version of the form, as of [`REPORT_VERSION`](super::REPORT_VERSION).
pub const SCHEME_MATRIX_VERSION: u32 = 1;

/// The table: a row for each danger, a cell for each scheme.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SchemeMatrix {
    /// The version of this form: 1.
    pub countersign_scheme_matrix: u32,
    /// The schemes, as the columns are headed.
    pub schemes: Vec<String>,
    /// The rows.
    pub rows: Vec<SchemeRow>,
}

/// One danger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SchemeRow {
    /// What it is called.
    pub danger: String,
    /// What happens, in one sentence.
    pub description: String,
    /// A cell for each scheme, in their order.
    pub cells: Vec<SchemeCell>,
}

impl SchemeRow {
    /// Where the page tells more of it.
    fn anchor(&self) -> String {
        self.danger.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
    }
}

/// What one danger comes to with one scheme.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemeCell {
    /// A run shows it.
    Shown(Box<Shown>),
    /// There is nothing to run.
    NotRun {
        /// Which way that counts.
        counts_as: NotRun,
        /// Why not.
        why: String,
    },
}

/// Which way it counts that there is nothing to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotRun {
    /// There is nothing that the danger could be of.
    Immune,
    /// It is so by design, and nothing in the scheme helps.
    NoRemedy,
    /// The danger is of something that the scheme does not have, or that it is itself.
    NotApplicable,
    /// No run of ours tries it.
    NotTried,
}

impl NotRun {
    const fn word(self) -> &'static str {
        match self {
            Self::Immune => "immune",
            Self::NoRemedy => "no remedy",
            Self::NotApplicable => "n/a",
            Self::NotTried => "not tried",
        }
    }

    /// The class of a style sheet.
    const fn class(self) -> &'static str {
        match self {
            Self::Immune => "good",
            Self::NoRemedy => "bad",
            Self::NotApplicable => "faint",
            Self::NotTried => "doubtful",
        }
    }
}

/// What the words mean, for whoever sees the table alone.
const LEGEND: [(&str, &str); 6] = [
    ("holds", "a run tried it, and nobody got in who should not, nor was anybody kept out"),
    (
        "exposed",
        "somebody got in who should not, for as long as the run shows; or, by a clock or a new password, honest users were kept out",
    ),
    ("immune", "there is nothing that the danger could be of"),
    ("no remedy", "it is so by design, and nothing in the scheme helps"),
    ("n/a", "the danger is of something that the scheme does not have"),
    ("not tried", "no run tries it"),
];

/// What a run shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The result in one word.
    pub outcome: SchemeOutcome,
    /// For how long somebody was let in who should not be, in nanoseconds, as far as the run shows; none if nobody was.
    pub exposure_ns: Option<u64>,
    /// What shows it: invariants that fell and how often, and what was reached.
    pub facts: Vec<String>,
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The command that shows it.
    pub command: String,
}

/// Which time tells for how long somebody was let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exposed {
    /// From the first attempt of an attacker that was served to the last.
    #[default]
    WhileServed,
    /// From a revocation to the last time that it was not heeded.
    AfterRevocation,
}

/// The result of one run in one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemeOutcome {
    /// Nobody was let in who should not be, and nobody kept out for long.
    Holds,
    /// It opens a door, or keeps honest clients out.
    Exposed,
    /// The run did not go as its scenario says.
    Unexpected,
}

impl SchemeOutcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Exposed => "exposed",
            Self::Unexpected => "UNEXPECTED",
        }
    }

    /// The class of a style sheet.
    const fn class(self) -> &'static str {
        match self {
            Self::Holds => "good",
            Self::Exposed => "bad",
            Self::Unexpected => "doubtful",
        }
    }
}

impl Shown {
    /// What a run came to, whose cell in the [`Matrix`](super::Matrix) is `cell`.
    ///
    /// Insiders are attackers, too: what they are served with credentials of their own exposes nobody, and no invariant
    /// falls. Exposed is what breaks an invariant, what the other profile forbids, and what `exposed_by` names; after a
    /// revocation, that somebody is served at all.
    pub fn new(
        scenario: &str,
        cell: MatrixCell,
        report: &Report,
        exposed: Exposed,
        exposed_by: Option<Milestone>,
    ) -> Self {
        let exposure = &report.measurements.exposure;
        let happened = exposed_by.and_then(|milestone| Some((milestone, *report.milestones.get(&milestone)?)));
        let mut facts = cell.facts;
        if let Some(fact) = happened.map(|(milestone, count)| fact(&human::words(&milestone), count))
            && !facts.contains(&fact)
        {
            facts.insert(0, fact);
        }
        let (is_exposed, exposure_ns) = match exposed {
            Exposed::WhileServed => {
                (cell.outcome == MatrixOutcome::Falls || happened.is_some(), exposure.attempts_span_ns)
            }
            Exposed::AfterRevocation => (exposure.served_after_revocation > 0, exposure.after_revocation_ns),
        };
        let outcome = match cell.outcome {
            MatrixOutcome::Unexpected => SchemeOutcome::Unexpected,
            _ if is_exposed => SchemeOutcome::Exposed,
            _ => SchemeOutcome::Holds,
        };
        Self {
            outcome,
            exposure_ns: Some(exposure_ns).filter(|exposure_ns| is_exposed && *exposure_ns > 0),
            facts,
            scenario: scenario.to_owned(),
            seed: report.seed,
            command: cell.command,
        }
    }

    /// The outcome, and for how long.
    fn text(&self) -> String {
        let long = self.exposure_ns.map_or(String::new(), |nanos| format!(", {}", human::duration(nanos)));
        format!("{}{long}", self.outcome.word())
    }
}

impl SchemeCell {
    fn text(&self) -> String {
        match self {
            Self::Shown(shown) => shown.text(),
            Self::NotRun { counts_as, .. } => counts_as.word().to_owned(),
        }
    }

    /// The outcome in one word.
    fn word(&self) -> &'static str {
        match self {
            Self::Shown(shown) => shown.outcome.word(),
            Self::NotRun { counts_as, .. } => counts_as.word(),
        }
    }

    fn class(&self) -> &'static str {
        match self {
            Self::Shown(shown) => shown.outcome.class(),
            Self::NotRun { counts_as, .. } => counts_as.class(),
        }
    }

    /// What stands behind it, in one line.
    fn reason(&self) -> String {
        match self {
            Self::NotRun { why, .. } => why.clone(),
            Self::Shown(shown) if shown.facts.is_empty() => shown.scenario.clone(),
            Self::Shown(shown) => format!("{}: {}", shown.scenario, shown.facts.join(", ")),
        }
    }

    fn command(&self) -> Option<&str> {
        match self {
            Self::Shown(shown) => Some(&shown.command),
            Self::NotRun { .. } => None,
        }
    }
}

/// The table as a page.
#[derive(Template)]
#[template(path = "schemes.html")]
struct Page<'a> {
    matrix: &'a SchemeMatrix,
    legend: [(&'static str, &'static str); 6],
}

impl SchemeMatrix {
    /// Whether every run went as its scenario says.
    pub fn is_as_expected(&self) -> bool {
        let unexpected =
            |cell: &SchemeCell| matches!(cell, SchemeCell::Shown(shown) if shown.outcome == SchemeOutcome::Unexpected);
        !self.rows.iter().flat_map(|row| &row.cells).any(unexpected)
    }

    /// The table as one JSON document, ending with a newline.
    ///
    /// # Errors
    /// Never in practice: it has no map that JSON cannot hold.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// The table as a page of HTML that needs no network.
    ///
    /// # Errors
    /// Never in practice: it writes into memory.
    pub fn to_html(&self) -> Result<String, askama::Error> {
        Page { matrix: self, legend: LEGEND }.render()
    }

    /// The table for a terminal, and then under each danger a line for each scheme.
    pub fn to_text(&self) -> String {
        let mut text = self.words();
        for (word, meaning) in LEGEND {
            let _ = writeln!(text, "{word:<9}  {meaning}");
        }
        text.push('\n');
        let width = self.schemes.iter().map(|scheme| scheme.chars().count()).max().unwrap_or_default();
        for row in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}: {}", row.danger, row.description);
            for (scheme, cell) in self.schemes.iter().zip(&row.cells) {
                let padding = " ".repeat(width - scheme.chars().count());
                let _ = writeln!(text, "  {scheme}{padding}  {:<22}  {}", cell.text(), cell.reason());
            }
            text.push('\n');
        }
        text + "Each comes from a run: `--format markdown` has its seed and its command.\n"
    }

    /// The words of the table, the schemes by their initials: whole names would be too wide for a terminal.
    fn words(&self) -> String {
        let mut text = String::new();
        let width = self.rows.iter().map(|row| row.danger.chars().count()).max().unwrap_or_default();
        let heads: Vec<_> = (1..=self.schemes.len()).map(|number| format!("{:<10}", format!("({number})"))).collect();
        let _ = writeln!(text, "{:width$}  {}", "", heads.concat().trim_end());
        for row in &self.rows {
            let words: Vec<_> = row.cells.iter().map(|cell| format!("{:<10}", cell.word())).collect();
            let _ = writeln!(text, "{:width$}  {}", row.danger, words.concat().trim_end());
        }
        let names: Vec<_> = (1..).zip(&self.schemes).map(|(number, name)| format!("({number}) {name}")).collect();
        let _ = writeln!(text, "\n{}\n", names.join(", "));
        text
    }

    /// The table in Markdown, then the run behind each cell.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("| | {} |\n|---|{}\n", self.schemes.join(" | "), "---|".repeat(self.schemes.len()));
        for row in &self.rows {
            let cells: Vec<_> = row.cells.iter().map(SchemeCell::text).collect();
            let _ = writeln!(text, "| {} | {} |", row.danger, cells.join(" | "));
        }
        text.push('\n');
        for (word, meaning) in LEGEND {
            let _ = writeln!(text, "- {word}: {meaning}");
        }
        for row in &self.rows {
            let _ = write!(text, "\n## {}\n\n{}\n\n", row.danger, row.description);
            text.push_str("| scheme | comes to | what shows it | seed | command |\n|---|---|---|--:|---|\n");
            for (scheme, cell) in self.schemes.iter().zip(&row.cells) {
                let (seed, command) = match cell {
                    SchemeCell::Shown(shown) => (shown.seed.to_string(), format!("`{}`", shown.command)),
                    SchemeCell::NotRun { .. } => (String::new(), String::new()),
                };
                let _ = writeln!(text, "| {scheme} | {} | {} | {seed} | {command} |", cell.text(), cell.reason());
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> SchemeMatrix {
        let shown = Shown {
            outcome: SchemeOutcome::Exposed,
            exposure_ns: Some(61_000_000_000),
            facts: vec!["S13 8".to_owned()],
            scenario: "attack/09_replay".to_owned(),
            seed: 1,
            command: "countersign run attack/09_replay --seed 1".to_owned(),
        };
        let cells = vec![
            SchemeCell::Shown(Box::new(shown)),
            SchemeCell::NotRun { counts_as: NotRun::Immune, why: "no <counter>".to_owned() },
        ];
        SchemeMatrix {
            countersign_scheme_matrix: SCHEME_MATRIX_VERSION,
            schemes: vec!["agent token".to_owned(), "ACC".to_owned()],
            rows: vec![SchemeRow { danger: "Replay".to_owned(), description: "Again.".to_owned(), cells }],
        }
    }

    #[test]
    fn every_form_tells_outcome_time_seed_and_command() {
        let matrix = matrix();
        let markdown = matrix.to_markdown();
        assert!(markdown.contains("| Replay | exposed, 1 min 1 s | immune |"), "{markdown}");
        let row = "| agent token | exposed, 1 min 1 s | attack/09_replay: S13 8 | 1 | `countersign run attack/09_replay --seed 1` |";
        assert!(markdown.contains(row), "{markdown}");
        let page = matrix.to_html().unwrap();
        assert!(
            page.contains("exposed, 1 min 1 s") && page.contains("--seed 1") && !page.contains("<counter>"),
            "{page}"
        );
        assert_eq!(serde_json::from_str::<SchemeMatrix>(&matrix.to_json().unwrap()).unwrap(), matrix);
        assert!(matrix.is_as_expected());
    }
}
