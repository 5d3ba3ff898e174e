//! The list of shipped scenarios.

use std::fmt::Write;

use serde::Serialize;

use super::{Failure, Format};
use crate::{
    scenario::{AgentGroup, Ranged, Scenario, shipped},
    types::{Bug, Profile, TimeSpan},
};

/// What the list says about a scenario.
#[derive(Serialize)]
struct Row {
    name: String,
    description: String,
    agents_min: u64,
    agents_max: u64,
    duration_ms: u64,
    #[serde(skip)]
    duration: TimeSpan,
    profile: Profile,
    /// The bug that is planted in it.
    plant: Option<Bug>,
}

impl Row {
    fn new(scenario: Scenario) -> Self {
        let document = scenario.document;
        let agents = |of_count: fn(&Ranged<u64>) -> u64, of_clones: fn(&Ranged<u32>) -> u32| -> u64 {
            let clones = |group: &AgentGroup| group.clones.as_ref().map_or(0, |clones| u64::from(of_clones(clones)));
            document.agents.iter().map(|group| of_count(&group.count) * (1 + clones(group))).sum()
        };
        Self {
            name: scenario.name,
            agents_min: agents(|count| count.min, |clones| clones.min),
            agents_max: agents(|count| count.max, |clones| clones.max),
            description: document.description,
            duration_ms: document.duration.nanos() / 1_000_000,
            duration: document.duration,
            profile: document.profile,
            plant: document.plant,
        }
    }

    fn agents(&self) -> String {
        if self.agents_min == self.agents_max {
            return self.agents_min.to_string();
        }
        format!("{}–{}", self.agents_min, self.agents_max)
    }

    fn profile(&self) -> &'static str {
        match (self.profile, self.plant) {
            (Profile::Literal, None) => "literal",
            (Profile::Hardened, None) => "hardened",
            (Profile::Literal, Some(_)) => "literal, with a bug",
            (Profile::Hardened, Some(_)) => "hardened, with a bug",
        }
    }
}

/// The list as text or JSON.
pub(super) fn render(format: Format) -> Result<String, Failure> {
    let rows = shipped().iter().map(|shipped| shipped.scenario().map(Row::new)).collect::<Result<Vec<_>, _>>();
    // A test reads every shipped scenario: one that cannot be read is the program's fault.
    let rows = rows.map_err(Failure::internal)?;
    match format {
        Format::Json => {
            let document = serde_json::json!({ "version": 1, "scenarios": rows });
            Ok(format!("{}\n", serde_json::to_string_pretty(&document).map_err(Failure::internal)?))
        }
        Format::Text => Ok(table(&rows)),
    }
}

/// Name and figures on one line, and below it, wrapped, what the scenario shows: a fifth column would not fit.
fn table(rows: &[Row]) -> String {
    const WIDTH: usize = 80;
    let name_width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(4);
    let mut text = format!("{:name_width$}  {:>7}  {:>8}  {}\n", "NAME", "AGENTS", "DURATION", "PROFILE");
    for row in rows {
        let (agents, duration) = (row.agents(), row.duration.to_string());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:name_width$}  {agents:>7}  {duration:>8}  {}", row.name, row.profile());
        for line in wrap(&row.description, WIDTH - 4) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text.push_str("\nRun one with: countersign run NAME\n");
    text
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
