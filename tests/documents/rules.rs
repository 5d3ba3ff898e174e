//! The table of rules of ARCHITECTURE.md against what a report says of rules.

use std::collections::BTreeMap;

use countersign::report::RuleCoverage;

/// The numbers in the first column of the table under a heading.
fn rules_of_the_table() -> Vec<u8> {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md")).unwrap();
    let (_, below) = document.split_once("\n| Rule | In short | Files |\n").expect("the table of rules");
    let rows = below.lines().take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    let mut rules: Vec<u8> =
        rows.flat_map(|cell| cell.split(',')).filter_map(|word| word.trim().parse().ok()).collect();
    rules.sort_unstable();
    rules
}

#[test]
fn every_rule_that_lives_somewhere_is_shown_by_milestones_or_known_not_to_be_seen() {
    let RuleCoverage { exercised, not_exercised, not_seen_in_events } = RuleCoverage::of(&BTreeMap::new());
    assert!(exercised.is_empty());
    let mut known: Vec<_> = not_exercised.iter().chain(&not_seen_in_events).map(|rule| rule.0).collect();
    known.sort_unstable();
    assert_eq!(known, rules_of_the_table());
}
