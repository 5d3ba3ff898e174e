//! README.md and ARCHITECTURE.md name what there is.

use std::path::{Path, PathBuf};

use countersign::scenario::{Overrides, Scenario, find, shipped};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_scenario_of_the_readme_can_be_run() {
    let readme = read("README.md");
    let (_, text) = readme.split_once("```toml\n").expect("a scenario");
    let (text, _) = text.split_once("```").expect("its end");
    Scenario::from_toml("my.toml", text).unwrap().resolve(None, Overrides::default()).unwrap();
}

#[test]
fn every_scenario_that_a_document_names_is_shipped() {
    for document in ["README.md", "PROTOCOL.md"] {
        for word in code_words(&read(document)) {
            let is_name = ["smoke/", "load/", "rules/", "hardship/", "hole/", "attack/"]
                .iter()
                .any(|folder| word.starts_with(folder));
            if is_name && !word.ends_with(['*', '…', '/']) {
                assert!(find(&word).is_ok(), "{document} names {word}");
            }
        }
    }
}

#[test]
fn every_scenario_of_a_hole_is_named_beside_its_hole() {
    let protocol = read("PROTOCOL.md");
    let (_, holes) = protocol.split_once("\n## Weak on purpose\n").expect("the table of holes");
    let names = shipped().into_iter().map(|shipped| shipped.name).filter(|name| name.starts_with("hole/"));
    let named: Vec<_> = names
        .map(|name| {
            let number = name["hole/".len()..][..2].trim_start_matches('0');
            let row = holes.lines().find(|line| line.starts_with(&format!("| {number} "))).expect(name);
            assert!(row.contains(&format!("`{name}`")), "{row} does not name {name}");
            number.to_owned()
        })
        .collect();
    assert_eq!(named, (1..=19).map(|hole: u32| hole.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_readme_names_the_rust_version_of_the_manifest() {
    let manifest = read("Cargo.toml");
    let (_, version) = manifest.split_once("rust-version = \"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    assert!(read("README.md").contains(&format!("Rust {version} or later")));
}

#[test]
fn every_file_that_the_map_names_exists() {
    let mut files = Vec::new();
    collect(&Path::new(ROOT).join("sim"), &mut files);
    collect(&Path::new(ROOT).join("tests"), &mut files);
    for document in ["ARCHITECTURE.md", "PROTOCOL.md"] {
        for word in code_words(&read(document)).iter().filter(|word| word.ends_with(".rs")) {
            assert!(files.iter().any(|file| file.ends_with(word)), "{document} names {word}");
        }
    }
}

/// What stands between back quotes.
fn code_words(text: &str) -> Vec<String> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
