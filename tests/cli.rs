//! The command line, as far as it needs no world: what it prints, where, and how it exits.

use std::{fs, path::Path, process::Output};

use assert_cmd::Command;
use countersign::{
    plan::Plan,
    scenario::{Overrides, find},
};

/// Runs the program in an empty folder, as after an installation.
fn countersign(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    countersign_in(folder.path(), arguments)
}

fn countersign_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::cargo_bin("countersign").unwrap().current_dir(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn refused(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty());
    text(&output.stderr)
}

#[test]
fn the_help_texts_read_well_at_80_columns() {
    let mut all = String::new();
    for arguments in [&["--help"][..], &["run", "--help"], &["replay", "--help"], &["scenarios", "--help"]] {
        let output = countersign(arguments);
        assert_eq!(output.status.code(), Some(0));
        all.push_str(&format!("$ countersign {}\n{}\n", arguments.join(" "), text(&output.stdout)));
    }
    assert!(all.lines().all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(all);
}

#[test]
fn a_shipped_scenario_is_resolved_by_name_from_any_folder() {
    let output = countersign(&["run", "smoke/first_contact", "--plan-only", "--seed", "7", "--profile", "hardened"]);
    assert_eq!(output.status.code(), Some(0));
    let plan = Plan::from_json("plan.json", text(&output.stdout)).unwrap();
    let overrides = Overrides { profile: Some(plan.profile), crypto: None };
    assert_eq!(plan, find("smoke/first_contact").unwrap().resolve(Some(7), overrides).unwrap());
}

#[test]
fn an_unknown_scenario_is_refused_with_the_nearest_name() {
    let output = countersign(&["run", "smoke/frist_contact", "--plan-only"]);
    assert!(refused(&output).contains("did you mean `smoke/first_contact`?"), "{output:?}");
}

#[test]
fn a_broken_scenario_is_refused_with_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.toml"), "description = \"Mine.\"\nprofile = \"litteral\"\nduration = \"1m\"\n")
        .unwrap();
    let output = countersign_in(folder.path(), &["run", "mine.toml"]);
    let error = refused(&output);
    assert!(error.starts_with("error: mine.toml:2:11: found `litteral`"), "{error}");
    assert!(error.contains("did you mean `literal`?"), "{error}");
}

#[test]
fn a_bad_plan_is_refused_before_anything_is_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plan.json"), "{\n  \"version\": 99\n}\n").unwrap();
    let output = countersign_in(folder.path(), &["replay", "plan.json"]);
    assert!(refused(&output).contains("this plan has form 99"), "{output:?}");
    assert!(refused(&countersign(&["replay", "nowhere.json"])).contains("failed to read the plan `nowhere.json`"));
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [&["run"][..], &["rum"], &["run", "x", "--seed", "-1"], &["run", "x", "--profile", "mild"]] {
        refused(&countersign(arguments));
    }
}

#[test]
fn the_list_of_scenarios_fits_a_terminal_and_reads_as_json() {
    let output = countersign(&["scenarios"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).lines().all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(text(&output.stdout));
    let json: serde_json::Value =
        serde_json::from_slice(&countersign(&["scenarios", "--format", "json"]).stdout).unwrap();
    let first = json["scenarios"].as_array().unwrap().iter().find(|row| row["name"] == "smoke/first_contact").unwrap();
    assert_eq!(
        (&first["agents_min"], &first["duration_ms"], &first["profile"]),
        (&50.into(), &600_000.into(), &"literal".into())
    );
}

#[test]
fn the_schema_is_printed() {
    let output = countersign(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["title"], "countersign scenario");
}
