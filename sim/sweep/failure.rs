//! What keeps runs from passing, told apart by what is wrong and where.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{oracle::Violation, report::Report};

/// Failures of one kind have one cause, as far as can be told without looking: the same invariant is broken in the same
/// way, by whichever actor, with whichever numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FailureKind {
    /// The invariant that is violated, such as `S1`, or what else is wrong, such as `never reached: two step`.
    pub what: String,
    /// How the invariant is violated: the sentence of the oracle without names and numbers. Empty for what else is wrong.
    pub place: String,
}

impl FailureKind {
    /// The kind of a violation.
    pub fn of(violation: &Violation) -> Self {
        Self { what: violation.invariant.to_string(), place: place_of(&violation.what) }
    }

    /// All kinds of failure of a run, each once, with the oracle's first sentence of it.
    pub fn all_of(report: &Report) -> Vec<(Self, String)> {
        let violations = report.violations.iter().map(|violation| (Self::of(violation), violation.what.clone()));
        // Each invariant that is violated has a violation that is kept whole: it need not be told twice.
        let other = |what, sentence| (Self { what, place: String::new() }, sentence);
        let others = report.other_reasons().into_iter().map(|what| other(what, String::new()));
        let missed = report.thresholds_missed.iter();
        let missed = missed.map(|missed| other(format!("threshold missed: {}", missed.threshold), missed.to_string()));
        let mut kinds: Vec<(Self, String)> = Vec::new();
        for (kind, sentence) in violations.chain(others).chain(missed) {
            if kinds.iter().all(|(known, _)| *known != kind) {
                kinds.push((kind, sentence));
            }
        }
        kinds
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.place.is_empty() { Ok(()) } else { write!(f, "  {}", self.place) }
    }
}

/// A kind of failure, in how many runs it came up, and the shortest of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KnownFailure {
    /// The kind.
    #[serde(flatten)]
    pub kind: FailureKind,
    /// In how many runs it came up.
    pub runs: u64,
    /// The seed of the run with the fewest events; of several the least.
    pub seed: u64,
    /// How many events that run had.
    pub events: u64,
    /// What the oracle says of it there.
    pub sentence: String,
    /// The command that makes that run again.
    pub reproduce: String,
}

impl KnownFailure {
    /// Takes in what is known of the same kind from other runs.
    pub fn absorb(&mut self, other: Self) {
        let runs = self.runs + other.runs;
        if (other.events, other.seed) < (self.events, self.seed) {
            *self = other;
        }
        self.runs = runs;
    }
}

/// No word of a sentence is as long as an identifier of 128 bits in base64url, which may be made of letters alone.
const IDENTIFIER_LETTERS: usize = 22;

/// The sentence without what differs from run to run: `agent-7` becomes `agent`, and every other word with a digit in it,
/// be it a number, a time or an identifier, becomes `…`.
fn place_of(sentence: &str) -> String {
    let general = |word: &str| {
        let core = word.trim_end_matches([',', ';', ':', '.', ')']).trim_end_matches("'s");
        let rest = &word[core.len()..];
        match core.rsplit_once('-') {
            _ if !core.contains(|letter: char| letter.is_ascii_digit()) && core.len() < IDENTIFIER_LETTERS => {
                word.to_owned()
            }
            Some((actor @ ("agent" | "site" | "attacker"), _)) => format!("{actor}{rest}"),
            _ => format!("…{rest}"),
        }
    };
    sentence.split(' ').map(general).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_neither_names_nor_numbers() {
        let first = "site-1 accepted a token in request c14.1 for agent-1, but the connection was opened by attacker-1";
        let other =
            "site-12 accepted a token in request c3.25 for agent-40, but the connection was opened by attacker-2";
        assert_eq!(
            place_of(first),
            "site accepted a token in request … for agent, but the connection was opened by attacker"
        );
        assert_eq!(place_of(first), place_of(other));
        let times = |jti, at| format!("smp still caches the token {jti}, uid 7 at {at}; it expired at 1:00:00");
        assert_eq!(place_of(&times("00ab34-77", "0:10:30.005")), place_of(&times("9f-12", "12:00:00")));
        assert_eq!(place_of("the token AmpoWJsPxoqtOMGlHftoyg of"), place_of("the token r-BCl_hIFvUwVctcKZEJbQ of"));
        assert_ne!(place_of("smp accepted it"), place_of("smp refused it"));
    }
}
