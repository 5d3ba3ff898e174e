//! Planted bugs shrink to small files that fail again, and the regressions that come with the program are such files.

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path, time::Instant};

use countersign::{
    plan::{Expectation, Plan},
    scenario::{Overrides, Scenario, find, shipped},
    types::{Bug, Profile},
};

use crate::hardship_property::{every_hardship_is_withstood, first_violation, shrunk};

/// A file is named after the bug that it guards against; what it says begins with the invariant that notices it.
#[test]
fn every_regression_fails_with_its_bug_and_passes_without() {
    let files: Vec<_> = shipped().into_iter().filter(|shipped| shipped.name.starts_with("regressions/")).collect();
    assert!(files.len() >= 8, "{}", files.len());
    let mut invariants = BTreeMap::<_, u32>::new();
    for file in files {
        let scenario = file.scenario().unwrap();
        let bug: Bug = file.name.trim_start_matches("regressions/").parse().unwrap();
        let (invariant, _) = scenario.document.description.split_once(": ").unwrap();
        let sound = scenario.resolve(None, Overrides::default()).unwrap();
        assert_eq!(sound.bug, None, "{}: it must run in every build", file.name);
        let planted = Plan { bug: Some(bug), ..sound.clone() };
        let violation = first_violation(&planted).unwrap_or_else(|| panic!("{}: nothing is violated", file.name));
        assert_eq!(violation.invariant.to_string(), invariant, "{}: {}", file.name, violation.what);
        assert_eq!(first_violation(&sound), None, "{} without its bug", file.name);
        *invariants.entry(violation.invariant).or_default() += 1;
    }
    assert!(invariants.len() >= 6, "{invariants:?}");
}

#[test]
fn a_property_that_fails_leaves_a_small_scenario_behind() {
    let folder = tempfile::tempdir().unwrap();
    let bug = Some(Bug::CounterRestarts);
    let said = every_hardship_is_withstood(Profile::Literal, bug, 4, folder.path()).unwrap_err();
    let (_, command) = said.split_once("countersign run ").unwrap();
    let file = command.split(".toml").next().unwrap().to_owned() + ".toml";
    assert!(Path::new(&file).starts_with(folder.path()), "{said}");
    let run = |file: &str| assert_cmd::Command::cargo_bin("countersign").unwrap().args(["run", file]).output().unwrap();
    assert_eq!(run(&file).status.code(), Some(1), "{said}");
    // It is the bug that fails: without it the file passes.
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("plant = \"counter_restarts\"\n", "")).unwrap();
    assert_eq!(run(&file).status.code(), Some(0));
    let plan = Scenario::from_toml(&file, &text).unwrap().resolve(None, Overrides::default()).unwrap();
    assert!(plan.agents.len() == 1 && plan.faults.is_empty(), "{text}");
}

/// A command of each bug in the committed hunt: scenario, seed, profile. Of several it is that of the swarm, in which less goes
/// wrong at a time.
fn hunted() -> Vec<(Bug, String, u64, Profile)> {
    let hunt = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/baseline/bugs.md")).unwrap();
    let mut rows: Vec<(Bug, String, u64, Profile)> = Vec::new();
    let is_of_swarm = |line: &&str| line.contains("countersign run hardship/swarm");
    let mut lines: Vec<_> = hunt.lines().collect();
    lines.sort_by_key(|line| !is_of_swarm(line));
    for line in lines {
        let Some((_, command)) = line.split_once("countersign run ") else { continue };
        let words: Vec<_> = command.trim_end_matches(['`', ' ', '|']).split(' ').collect();
        let after = |option: &str| words[words.iter().position(|word| *word == option).unwrap() + 1];
        let bug = after("--plant").parse().unwrap();
        if rows.iter().all(|row| row.0 != bug) {
            let profile = serde_json::from_value(after("--profile").into()).unwrap();
            rows.push((bug, words[0].to_owned(), after("--seed").parse().unwrap(), profile));
        }
    }
    rows.sort_by_key(|row| Bug::ALL.iter().position(|bug| *bug == row.0));
    rows
}

/// Shrinks every bug of the committed hunt, prints what came of it, and writes that into the file that `SHRINK_TABLE` names.
#[test]
#[ignore = "takes minutes: run it on its own, with --nocapture to see the table grow"]
fn every_planted_bug_shrinks_to_a_small_file_that_fails_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut table =
        "| bug | scenario | seconds | runs tried | fault events | agents left | invariant | fails again |\n\
                     |---|---|--:|--:|--:|--:|---|---|\n"
            .to_owned();
    print!("{table}");
    let (mut failures, mut slowest_ms, rows) = (Vec::new(), 0, hunted());
    assert_eq!(rows.len(), Bug::ALL.len());
    for (bug, scenario, seed, profile) in rows {
        let overrides = Overrides { profile: Some(profile), ..Overrides::default() };
        let plan = find(&scenario).unwrap().resolve(Some(seed), overrides).unwrap();
        let plan = Plan { bug: Some(bug), expectation: Expectation::default(), ..plan };
        let violation = first_violation(&plan).unwrap();
        let started = Instant::now();
        let small = shrunk(&plan, &violation, folder.path());
        let took = started.elapsed();
        let (faults, agents) = (small.shrunk.plan.faults.len(), small.shrunk.plan.agents.len());
        let (tried, invariant) = (small.shrunk.tried, small.goal.invariant);
        let patience = if small.shrunk.is_cut_short { " (cut short)" } else { "" };
        let again = if small.fails_again { "yes" } else { "**no**" };
        let row = format!(
            "| `{bug}` | `{scenario}` {seed}, {profile} | {:.1}{patience} | {tried} | {faults} | {agents} | {invariant} | {again} |\n",
            took.as_secs_f64()
        );
        print!("{row}");
        table.push_str(&row);
        slowest_ms = slowest_ms.max(took.as_millis());
        if faults > 10 || !small.fails_again {
            failures.push(row);
        }
    }
    let _ = writeln!(table, "\nThe slowest took {:.1} s.", slowest_ms as f64 / 1_000.0);
    if let Ok(path) = env::var("SHRINK_TABLE") {
        fs::write(path, &table).unwrap();
    }
    assert!(failures.is_empty(), "{}", failures.concat());
}
