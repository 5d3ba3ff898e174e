//! The table: what is asked for, and where it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::Deserialize;

use crate::{
    citation::{Id, in_text, sentence},
    tree::{Citations, Place},
};

/// So many places are shown for a requirement; what is beyond says less and less.
const SHOWN_MAX: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    not_yet: Vec<String>,
    rules: BTreeMap<String, String>,
    attacks: BTreeMap<String, String>,
    holes: BTreeMap<String, String>,
    invariants: BTreeMap<String, String>,
    no_scenario: BTreeMap<String, String>,
}

impl Requirements {
    pub fn read() -> Self {
        toml::from_str(include_str!("requirements.toml")).unwrap()
    }

    /// What each requirement says, by section.
    fn sections(&self) -> [(&'static str, BTreeMap<Id, &str>); 4] {
        fn numbered<'a>(before: &str, said: &'a BTreeMap<String, String>) -> BTreeMap<Id, &'a str> {
            said.iter().map(|(name, said)| (the_one(&format!("{before}{name}")), said.as_str())).collect()
        }
        [
            ("Rules", numbered("rule ", &self.rules)),
            ("Attacks", numbered("attack ", &self.attacks)),
            ("Holes", numbered("hole ", &self.holes)),
            ("Invariants", numbered("", &self.invariants)),
        ]
    }

    pub fn all(&self) -> Vec<Id> {
        self.sections().iter().flat_map(|(_, section)| section.keys().copied()).collect()
    }

    fn not_yet(&self) -> BTreeSet<Id> {
        self.not_yet.iter().flat_map(|text| in_text(text)).collect()
    }

    fn no_scenario(&self) -> BTreeMap<Id, &str> {
        self.no_scenario.iter().map(|(name, why)| (the_one(name), why.as_str())).collect()
    }

    /// What is missing, and what is said to be missing and is there.
    pub fn findings(&self, citations: &Citations) -> Vec<String> {
        let (all, not_yet, no_scenario) = (self.all(), self.not_yet(), self.no_scenario());
        let mut findings = Vec::new();
        for id in &all {
            let is_shown = citations.scenarios.contains_key(id);
            let mut gaps = Vec::new();
            if !citations.code.contains_key(id) {
                gaps.push(format!(
                    "{id}: no code below sim/ cites it; say so in the header of the file that carries it out"
                ));
            }
            if !citations.tests.contains_key(id) {
                gaps.push(format!("{id}: no test cites it; name one after it, or cite it in the comment above one"));
            }
            if !is_shown && !no_scenario.contains_key(id) {
                gaps.push(format!(
                    "{id}: no scenario cites it; cite it in one, or say in `no_scenario` why none would show it"
                ));
            }
            if is_shown && no_scenario.contains_key(id) {
                findings.push(format!("{id}: a scenario cites it, and `no_scenario` says that none would show it"));
            }
            match not_yet.contains(id) {
                true if gaps.is_empty() => findings.push(format!("{id}: is built; take it out of `not_yet`")),
                true => {}
                false => findings.extend(gaps),
            }
        }
        let known: BTreeSet<_> = all.into_iter().collect();
        for map in [&citations.code, &citations.tests, &citations.scenarios] {
            for (id, places) in map.iter().filter(|(id, _)| !known.contains(id)) {
                findings.extend(places.iter().map(|place| format!("{id}: there is none, and {} cites it", place.file)));
            }
        }
        let listed = not_yet.into_iter().chain(no_scenario.into_keys());
        findings.extend(
            listed.filter(|id| !known.contains(id)).map(|id| format!("{id}: there is none, and a list names it")),
        );
        findings
    }

    pub fn markdown(&self, citations: &Citations) -> String {
        let (not_yet, no_scenario) = (self.not_yet(), self.no_scenario());
        let mut text = String::from(HEAD);
        if !not_yet.is_empty() {
            let _ = write!(text, "\n{} of {} are not built yet, and say so.\n", not_yet.len(), self.all().len());
        }
        for (title, section) in self.sections() {
            let _ =
                write!(text, "\n## {title}\n\n| # | In short | Code | Tests | Scenarios |\n|---|---|---|---|---|\n");
            for (id, said) in section {
                let number = id.to_string();
                let number = number.split(' ').next_back().unwrap_or_default();
                let code = cell(citations.code.get(&id), |place| place.file.trim_start_matches("sim/").to_owned());
                let tests = cell(citations.tests.get(&id), |place| sentence(place.test.as_deref().unwrap_or_default()));
                let scenarios = cell(citations.scenarios.get(&id), |place| {
                    place.file.trim_start_matches("scenarios/").trim_end_matches(".toml").to_owned()
                });
                let or = |cell: String, other: &str| if cell.is_empty() { other.to_owned() } else { cell };
                let nothing = if not_yet.contains(&id) { "*not yet*" } else { "**none**" };
                let why = no_scenario.get(&id).map_or(nothing.to_owned(), |why| format!("*{why}*"));
                let (code, tests, scenarios) = (or(code, nothing), or(tests, nothing), or(scenarios, &why));
                let _ = writeln!(text, "| {number} | {said} | {code} | {tests} | {scenarios} |");
            }
        }
        text
    }
}

const HEAD: &str = "\
# Where each requirement is

Found in the tree, not written by hand: what cites a rule, an attack, a hole or an invariant by its number. A file of code stands for what
its header cites, a test for what its name or the comment above it cites (its sentence here is its name there, with underscores and
numbers), a scenario for its number and what its text cites. PROTOCOL.md and ARCHITECTURE.md say what each comes to.

A test fails if something is missing. After a change, `cargo test --release --test traceability -- --ignored` writes this file anew.
";

/// The links to places.
fn cell(places: Option<&BTreeSet<Place>>, name: impl Fn(&Place) -> String) -> String {
    let Some(places) = places else { return String::new() };
    let link = |place: &Place| format!("[{}](../../{})", name(place), place.file);
    let mut links: Vec<_> = places.iter().take(SHOWN_MAX).map(link).collect();
    if places.len() > SHOWN_MAX {
        links.push(format!("and {} more", places.len() - SHOWN_MAX));
    }
    links.join("<br>")
}

/// The requirement of a name such as `rule 8` or `S4`.
fn the_one(name: &str) -> Id {
    let cited = in_text(name);
    assert!(cited.len() == 1, "requirements.toml: `{name}` is no requirement");
    cited.into_iter().next().unwrap()
}
