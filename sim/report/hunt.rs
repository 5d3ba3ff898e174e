//! What came of a hunt for planted bugs: which seed found each, and which invariant saw it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::human;
use crate::{
    plan::Invariant,
    types::{Bug, Profile},
};

/// The version of the form, as of [`REPORT_VERSION`](super::REPORT_VERSION).
pub const HUNT_VERSION: u32 = 1;

/// A hunt for planted bugs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hunt {
    /// The version of this form: 1.
    pub countersign_hunt: u32,
    /// The first seed.
    pub seeds_from: u64,
    /// The seed after the last.
    pub seeds_to: u64,
    /// Whether the hunt was stopped before its end.
    pub interrupted: bool,
    /// Each bug.
    pub bugs: Vec<Hunted>,
}

/// The hunt for one bug.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hunted {
    /// The bug.
    pub bug: Bug,
    /// What it does.
    pub what: String,
    /// The hunt in each scenario.
    pub trails: Vec<Trail>,
}

/// The hunt for one bug in one scenario, by ascending seeds, each under both profiles.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Trail {
    /// The scenario.
    pub scenario: String,
    /// How many seeds were tried, that which found it included.
    pub seeds: u64,
    /// The CPU time that took, in nanoseconds.
    pub cpu_ns: u64,
    /// Runs that were violated without the bug just as well; they prove nothing and were passed over.
    pub false_alarms: u64,
    /// What found it.
    pub found: Option<Found>,
}

/// The run in which a bug was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Found {
    /// Its seed.
    pub seed: u64,
    /// Its profile.
    pub profile: Profile,
    /// The invariants that were violated, and are not without the bug.
    pub caught_by: Vec<Invariant>,
    /// The first violation, as a sentence.
    pub what: String,
    /// The command that shows it.
    pub reproduce: String,
}

impl Hunted {
    /// Whether any scenario found it.
    pub fn is_found(&self) -> bool {
        self.trails.iter().any(|trail| trail.found.is_some())
    }
}

impl Hunt {
    /// Whether every bug was found.
    pub fn found_all(&self) -> bool {
        self.bugs.iter().all(Hunted::is_found)
    }

    /// The hunt as one JSON document, ending with a newline.
    ///
    /// # Errors
    /// Never in practice: a hunt has no map that JSON cannot hold.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// The hunt as a table for a terminal.
    pub fn to_text(&self) -> String {
        let bug_width = self.bugs.iter().map(|hunted| hunted.bug.name().len()).max().unwrap_or(0).max(3);
        let trails = || self.bugs.iter().flat_map(|hunted| &hunted.trails);
        let scenario_width = trails().map(|trail| trail.scenario.len()).max().unwrap_or(0).max(8);
        let mut text = format!(
            "{:bug_width$}  {:scenario_width$}  {:>5}  {:>7}  {:8}  CAUGHT BY\n",
            "BUG", "SCENARIO", "SEEDS", "CPU", "PROFILE"
        );
        for hunted in &self.bugs {
            for (place, trail) in hunted.trails.iter().enumerate() {
                let bug = if place == 0 { hunted.bug.name() } else { "" };
                let (profile, caught_by) = outcome(trail);
                let line = format!(
                    "{bug:bug_width$}  {:scenario_width$}  {:>5}  {:>7}  {profile:8}  {caught_by}",
                    trail.scenario,
                    trail.seeds,
                    human::duration(trail.cpu_ns),
                );
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}", self.summary());
        if let Some(found) = trails().find_map(|trail| trail.found.as_ref()) {
            let _ = writeln!(text, "Show one with, for example: {}", found.reproduce);
        }
        text
    }

    /// The hunt as a table in Markdown, with the command of each.
    pub fn to_markdown(&self) -> String {
        let mut text = "| bug | what it does | scenario | seeds | CPU | profile | caught by | command |\n\
                        |---|---|---|--:|--:|---|---|---|\n"
            .to_owned();
        for hunted in &self.bugs {
            for trail in &hunted.trails {
                let (profile, caught_by) = outcome(trail);
                let reproduce = trail.found.as_ref().map_or(String::new(), |found| format!("`{}`", found.reproduce));
                let _ = writeln!(
                    text,
                    "| `{}` | {} | `{}` | {} | {} | {profile} | {caught_by} | {reproduce} |",
                    hunted.bug,
                    hunted.what,
                    trail.scenario,
                    trail.seeds,
                    human::duration(trail.cpu_ns),
                );
            }
        }
        let _ = write!(text, "\n{}", self.summary());
        text
    }

    fn summary(&self) -> String {
        let found = self.bugs.iter().filter(|hunted| hunted.is_found()).count();
        let seeds = self.seeds_to.saturating_sub(self.seeds_from);
        let mut text = format!("{found} of {} bugs found within {seeds} seeds.\n", self.bugs.len());
        let missing: Vec<_> = self.bugs.iter().filter(|hunted| !hunted.is_found()).map(|it| it.bug.name()).collect();
        if !missing.is_empty() {
            let _ = writeln!(text, "Not found: {}.", missing.join(", "));
        }
        let alarms: u64 = self.bugs.iter().flat_map(|hunted| &hunted.trails).map(|trail| trail.false_alarms).sum();
        if alarms > 0 {
            let _ = writeln!(text, "Passed over {alarms} runs that were violated without the bug as well.");
        }
        if self.interrupted {
            text.push_str("The hunt was interrupted.\n");
        }
        text
    }
}

fn outcome(trail: &Trail) -> (&'static str, String) {
    match &trail.found {
        None => ("", "not found".to_owned()),
        Some(found) => {
            let profile = match found.profile {
                Profile::Literal => "literal",
                Profile::Hardened => "hardened",
            };
            let names: Vec<_> = found.caught_by.iter().map(Invariant::to_string).collect();
            (profile, names.join(", "))
        }
    }
}
