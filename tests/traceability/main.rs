//! Every rule, attack, hole and invariant has code that carries it out, a test and a scenario, and
//! reports/baseline/traceability.md shows them.
//!
//! To write it anew (after something was built, renamed or cited), run
//! `cargo test --release --test traceability -- --ignored`.

mod citation;
mod table;
mod tree;

use self::{table::Requirements, tree::Citations};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/baseline/traceability.md");
const RENEW: &str = "cargo test --release --test traceability -- --ignored";

#[test]
fn nothing_that_is_asked_for_lacks_code_a_test_or_a_scenario() {
    let findings = Requirements::read().findings(&Citations::of_the_tree());
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn the_committed_table_is_that_of_the_tree() {
    let made = Requirements::read().markdown(&Citations::of_the_tree());
    let committed = std::fs::read_to_string(PATH).unwrap_or_default();
    let first = made.lines().zip(committed.lines()).find(|(made, committed)| made != committed);
    let first = first.map_or(String::from("one is longer"), |(made, committed)| format!("- {committed}\n+ {made}"));
    assert!(
        made == committed,
        "reports/baseline/traceability.md is not that of the tree:\n{first}\n\nto renew it: {RENEW}"
    );
}

#[test]
fn every_number_is_asked_for_once() {
    let all = Requirements::read().all();
    let expected = [("rule ", 83), ("attack ", 30), ("hole ", 19), ("S", 13), ("L", 6)];
    let expected: Vec<_> =
        expected.iter().flat_map(|(kind, count)| (1..=*count).map(move |number| format!("{kind}{number}"))).collect();
    assert_eq!(all.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
}

#[test]
#[ignore = "writes reports/baseline/traceability.md anew"]
fn write_the_table_anew() {
    std::fs::write(PATH, Requirements::read().markdown(&Citations::of_the_tree())).unwrap();
}
