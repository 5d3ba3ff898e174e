//! Where the tree cites requirements: in code, in tests, in scenarios.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use regex::Regex;

use crate::citation::{Id, in_name, in_text};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// These folders of `sim/` speak of requirements, as events, milestones and figures, and carry none out.
const SPEAK_ONLY: [&str; 6] = ["bench", "event", "metrics", "plan", "report", "scenario"];

/// These folders of `tests/` have the examples of this suite, and no tests of their own.
const NO_TESTS: [&str; 2] = ["tests/traceability/", "tests/fuzz/"];

/// A place that is about a requirement.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Whether it is of the oracle, which judges what others carry out and comes after them.
    pub is_judge: bool,
    /// The file, from the root.
    pub file: String,
    /// The name of the test, where it is one.
    pub test: Option<String>,
}

/// Everything that is cited, with the places.
#[derive(Default)]
pub struct Citations {
    pub code: BTreeMap<Id, BTreeSet<Place>>,
    pub tests: BTreeMap<Id, BTreeSet<Place>>,
    pub scenarios: BTreeMap<Id, BTreeSet<Place>>,
}

impl Citations {
    pub fn of_the_tree() -> Self {
        let mut citations = Self::default();
        for (file, text) in files("sim", "rs") {
            let part = file.split('/').nth(1).unwrap_or_default();
            let (code, tests) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            if !SPEAK_ONLY.contains(&part) {
                citations.read_code(&file, code);
            }
            citations.read_tests(&file, tests);
        }
        for (file, text) in files("tests", "rs") {
            if !NO_TESTS.iter().any(|folder| file.starts_with(folder)) {
                citations.read_tests(&file, &text);
            }
        }
        for (file, text) in files("scenarios", "toml") {
            citations.read_scenario(&file, &text);
        }
        citations
    }

    /// A file is about what its header cites, but for tables there, which say where something else is.
    fn read_code(&mut self, file: &str, code: &str) {
        let is_header = |line: &&str| line.starts_with("//!") && !line.starts_with("//! |");
        let header = code.lines().filter(is_header).collect::<Vec<_>>().join("\n");
        note(&mut self.code, in_text(&joined(&header)), file, None);
    }

    /// A test is about what its name and the comment above it cite.
    fn read_tests(&mut self, file: &str, text: &str) {
        for (name, above) in tests(text) {
            note(&mut self.tests, &in_name(&name) | &in_text(&joined(&above)), file, Some(&name));
        }
    }

    /// A scenario is about the number in its name and what it says. That an invariant is violated says little: an attack that
    /// comes through violates several.
    fn read_scenario(&mut self, file: &str, text: &str) {
        let mut parts = file.trim_start_matches("scenarios/").split(['/', '_']);
        let numbered = match (parts.next(), parts.next().and_then(|number| number.parse::<u8>().ok())) {
            (Some(kind @ ("attack" | "hole")), Some(number)) => in_text(&format!("{kind} {number}")),
            _ => BTreeSet::new(),
        };
        let words: Vec<_> = text.lines().filter(|line| !line.starts_with("violations = ")).collect();
        note(&mut self.scenarios, &numbered | &in_text(&joined(&words.join("\n"))), file, None);
    }
}

fn note(map: &mut BTreeMap<Id, BTreeSet<Place>>, cited: BTreeSet<Id>, file: &str, test: Option<&str>) {
    let is_judge = file.starts_with("sim/oracle/");
    for id in cited {
        let place = Place { is_judge, file: file.to_owned(), test: test.map(str::to_owned) };
        map.entry(id).or_default().insert(place);
    }
}

/// The name of every function with the attribute `test`, and what stands above it.
fn tests(text: &str) -> Vec<(String, String)> {
    static FUNCTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s*(?:async )?fn (\w+)\(").unwrap());
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let mut tests = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(found) = FUNCTION.captures(line) else { continue };
        let is_above = |line: &&str| line.starts_with("//") || line.starts_with("#[");
        let start = lines[..at].iter().rposition(|line| !is_above(line)).map_or(0, |before| before + 1);
        if lines[start..at].iter().any(|line| line.starts_with("#[") && line.ends_with("test]")) {
            tests.push((found[1].to_owned(), lines[start..at].join("\n")));
        }
    }
    tests
}

/// A citation may go on in the next line of a comment.
fn joined(text: &str) -> String {
    static BREAK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\n\s*(?://[/!]?|#)\s*").unwrap());
    BREAK.replace_all(text, " ").into_owned()
}

/// Every file below a folder of the root with that ending, in order.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(ROOT).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                let name = path.strip_prefix(ROOT).unwrap().display().to_string();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_found_with_what_stands_above_it() {
        let text = "/// Of rule\n/// 7.\n#[test]\n#[ignore]\nfn hole_3_x() {\n    S4;\n}\nfn attack_5_no_test() {\n}\n";
        let mut citations = Citations::default();
        citations.read_tests("a.rs", text);
        assert_eq!(citations.tests.keys().map(Id::to_string).collect::<Vec<_>>(), ["rule 7", "hole 3"]);
    }

    #[test]
    fn a_scenario_is_about_its_number_and_what_it_says() {
        let mut citations = Citations::default();
        let text = "# Rules 5\n# and 7.\nviolations = [\"S1\"]\n";
        citations.read_scenario("scenarios/hole/06_restart.toml", text);
        assert_eq!(citations.scenarios.keys().map(Id::to_string).collect::<Vec<_>>(), ["rule 5", "rule 7", "hole 6"]);
    }
}
