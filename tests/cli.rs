//! The command line: what it prints, where, and how it exits.

#[cfg(unix)]
mod interrupt;
mod json_schema;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Output, Stdio},
};

use assert_cmd::Command;
use countersign::{
    bench::Operation,
    plan::{Milestone, Plan},
    report,
    scenario::{Overrides, find},
};
#[cfg(unix)]
use interrupt::interrupt;
use json_schema::keeps_to;

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
fn bench_measures_every_operation_of_every_backend_and_of_none() {
    let output = countersign(&["bench", "--quick", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let bench: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(bench["countersign_bench"], 1);
    let operations = bench["operations"].as_array().unwrap();
    let names: Vec<_> = operations.iter().map(|operation| operation["operation"].as_str().unwrap()).collect();
    assert_eq!(names, Operation::ALL.map(Operation::name));
    for (operation, measured) in Operation::ALL.iter().zip(operations) {
        let rows = measured["backends"].as_array().unwrap();
        let has = |name: &str| rows.iter().any(|row| row["backend"] == name);
        assert!(has("rsa") && has("none") == operation.is_path(), "{measured}");
        assert_eq!(has("aws-lc"), cfg!(feature = "aws-lc"), "{measured}");
        assert_eq!(rows[0]["ratio_to_best_thousandths"], 1_000, "{measured}");
        assert!(rows.iter().all(|row| row["ns"].as_u64().unwrap() > 0 && row["per_core_s"].is_u64()), "{measured}");
    }
}

#[test]
fn bench_fits_a_terminal() {
    let output = countersign(&["bench", "--quick", "--profile", "literal"]);
    let text = text(&output.stdout);
    assert!(text.lines().skip(1).all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("without RSA") && text.contains("CPU features that count: "), "{text}");
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

/// A shipped plan, changed, as a file in `folder`.
fn plan_in(folder: &Path, scenario: &str, change: impl FnOnce(&mut Plan)) {
    let overrides = Overrides { profile: None, crypto: Some(countersign::types::CryptoTier::Modelled) };
    let mut plan = find(scenario).unwrap().resolve(None, overrides).unwrap();
    change(&mut plan);
    fs::write(folder.join("plan.json"), plan.to_json().unwrap()).unwrap();
}

/// Replays a changed plan; gives the exit code and the report.
fn replayed(scenario: &str, change: impl FnOnce(&mut Plan)) -> (Option<i32>, serde_json::Value) {
    let folder = tempfile::tempdir().unwrap();
    plan_in(folder.path(), scenario, change);
    let output = countersign_in(folder.path(), &["replay", "plan.json", "--format", "json"]);
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_exit_code_of_a_run_is_its_verdict() {
    let (code, report) = replayed("rules/window_of_one", |_| {});
    assert_eq!((code, &report["verdict"]), (Some(0), &"passed".into()));
    let (code, report) = replayed("rules/window_of_one", |plan| plan.expectation.violations.clear());
    assert_eq!((code, &report["verdict"]), (Some(1), &"violated".into()));
    assert_eq!(report["violations"][0]["invariant"], "L2");
    let (code, report) = replayed("rules/window_of_one", |plan| plan.expectation.thresholds.one_step_p99_ms = Some(1));
    assert_eq!((code, &report["verdict"]), (Some(3), &"threshold_missed".into()));
    let (code, report) = replayed("rules/window_of_one", |plan| plan.expectation.reach.push(Milestone::ValidationFull));
    assert_eq!((code, &report["verdict"]), (Some(4), &"inconclusive".into()));
    assert_eq!(report["milestones_missing"], serde_json::json!(["validation_full"]));
}

#[test]
fn the_json_report_is_one_document_that_keeps_to_its_schema() {
    let output = countersign(&["run", "rules/cache_hit", "--crypto", "modelled", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = serde_json::to_value(report::schema()).unwrap();
    keeps_to(&report, &schema, &schema).unwrap();
    let mut wrong = report.clone();
    wrong["measurements"]["traffic"]["opened"] = "many".into();
    assert!(keeps_to(&wrong, &schema, &schema).is_err());
    let mut lacking = report;
    lacking.as_object_mut().unwrap().remove("verdict");
    assert!(keeps_to(&lacking, &schema, &schema).is_err());
}

#[test]
fn out_has_the_report_in_three_forms_and_the_plan_that_makes_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["run", "rules/cache_hit", "--seed", "5", "--crypto", "modelled", "--out", "kept/here"];
    let output = countersign_in(folder.path(), &run);
    assert_eq!(output.status.code(), Some(0));
    let kept = folder.path().join("kept/here");
    let mut names: Vec<_> =
        fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["plan.json", "report.html", "report.json", "report.txt"]);
    assert_eq!(fs::read_to_string(kept.join("report.txt")).unwrap(), text(&output.stdout));
    let report: serde_json::Value = serde_json::from_slice(&fs::read(kept.join("report.json")).unwrap()).unwrap();
    let replay = countersign_in(folder.path(), &["replay", "kept/here/plan.json", "--format", "json"]);
    let replayed: serde_json::Value = serde_json::from_slice(&replay.stdout).unwrap();
    assert_eq!((&replayed["digest"], &replayed["seed"]), (&report["digest"], &5.into()));
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_the_report_is_printed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("taken"), "").unwrap();
    fs::create_dir_all(folder.path().join("half/report.json")).unwrap();
    let run = |option: &str, path: &str| {
        let arguments = ["run", "rules/validation_period_5", "--crypto", "modelled", option, path];
        countersign_in(folder.path(), &arguments)
    };
    // A folder that cannot be is known before anything runs.
    for (path, named) in [("taken", "`taken`"), ("taken/below", "`taken/below`")] {
        let output = run("--out", path);
        assert!(refused(&output).contains(named), "{output:?}");
    }
    let output = run("--out", "half");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("`half/report.json`"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("PASSED"), "{}", text(&output.stdout));
    let output = run("--trace", "nowhere/trace.jsonl");
    assert!(refused(&output).contains("`nowhere/trace.jsonl`"), "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_with_the_file_and_how_far_the_trace_goes() {
    let arguments = ["run", "rules/validation_period_5", "--crypto", "modelled", "--trace", "/dev/full"];
    let output = countersign(&arguments);
    assert_eq!(output.status.code(), Some(70));
    let error = text(&output.stderr);
    assert!(error.contains("/dev/full") && error.contains("failed to write event"), "{error}");
    assert!(text(&output.stdout).contains("PASSED"), "{}", text(&output.stdout));
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let long: [&[&str]; 3] = [
        &["run", "smoke/thousand_agents", "--plan-only"],
        &["run", "smoke/first_contact", "--crypto", "modelled", "--trace", "-"],
        &["schema"],
    ];
    for arguments in long {
        let mut child = started(tempfile::tempdir().unwrap().path(), arguments);
        let mut first_line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut first_line).unwrap();
        assert!(first_line.starts_with('{'), "{first_line}");
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_still_reports_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    // A day of some agents: it takes longer than the signal, and its trace, which goes through a pipe that nobody empties,
    // holds it up.
    let day = "description = \"A day.\"\nprofile = \"literal\"\ncrypto = \"modelled\"\nduration = \"1d\"\n\
               sites = { count = 1 }\n[[agents]]\ncount = 50\nbootstrap = \"installed\"\nvisits = { every = \"5s\" }\n";
    fs::write(folder.path().join("day.toml"), day).unwrap();
    let arguments = ["run", "day.toml", "--trace", "-", "--out", "kept"];
    let mut child = started(folder.path(), &arguments);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut trace = String::new();
    stdout.read_line(&mut trace).unwrap();
    interrupt(child.id());
    stdout.read_to_string(&mut trace).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("kept/report.json")).unwrap()).unwrap();
    assert_eq!((&report["verdict"], &report["interrupted"]), (&"inconclusive".into(), &true.into()));
    // What was measured is what happened until then; the trace has a first and a last line of its own.
    assert_eq!(report["events"], trace.lines().count() - 2);
    let page = fs::read_to_string(folder.path().join("kept/report.txt")).unwrap();
    assert!(page.contains("interrupted"), "{page}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_sweep_says_how_far_it_came() {
    let folder = tempfile::tempdir().unwrap();
    // Longer than anybody waits.
    let arguments = ["sweep", "hardship/calm", "--seeds", "0..1000000", "--jobs", "1"];
    let output = interrupted(started(folder.path(), &arguments));
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{told}{}", text(&output.stderr));
    assert!(told.starts_with("interrupted: ") && told.contains(" of 1,000,000 runs"), "{told}");
    assert!(!told.contains("INCONCLUSIVE"), "a run that was cut short is not judged: {told}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_capacity_says_nothing_of_what_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    // They take longer than anybody waits.
    let days = "description = \"Days.\"\nprofile = \"literal\"\ncrypto = \"modelled\"\nduration = \"24d\"\n\
                sites = { count = 1 }\n[[agents]]\ncount = 500\nbootstrap = \"installed\"\nvisits = { every = \"5s\" }\n\
                [thresholds]\none_step_p99_ms = 50\n";
    fs::write(folder.path().join("days.toml"), days).unwrap();
    let output = interrupted(started(folder.path(), &["capacity", "days.toml"]));
    let (told, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{told}{error}");
    assert!(error.contains("interrupted: the search did not come to its end"), "{error}");
    assert!(told.contains("no multiple that was tried") && !told.contains("does not"), "{told}");
}

/// What the program says that is interrupted as soon as it listens for the signal: until then, the signal would just end it.
#[cfg(target_os = "linux")]
fn interrupted(child: std::process::Child) -> std::process::Output {
    let status = format!("/proc/{}/status", child.id());
    let listens = || {
        let status = fs::read_to_string(&status).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_owned();
        u64::from_str_radix(&caught, 16).unwrap() & 1 << 1 != 0
    };
    while !listens() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    interrupt(child.id());
    child.wait_with_output().unwrap()
}

/// The program, running, with its outputs as pipes.
fn started(folder: &Path, arguments: &[&str]) -> std::process::Child {
    std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(folder)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// In a build that has planted bugs there is nothing to refuse.
#[cfg(not(feature = "planted-bugs"))]
#[test]
fn the_normal_build_plants_no_bug() {
    use countersign::types::{Bug, Planting};

    const NEEDED: &str = "cargo build --release --features planted-bugs";
    for bug in Bug::ALL {
        let _planting = Planting::of(Some(*bug));
        assert!(!bug.is_planted(), "{bug}");
    }
    assert!(refused(&countersign(&["bugs"])).contains(NEEDED));
    refused(&countersign(&["run", "smoke/first_contact", "--plant", "counter_race"]));

    let folder = tempfile::tempdir().unwrap();
    plan_in(folder.path(), "smoke/first_contact", |plan| plan.bug = Some(Bug::CounterRace));
    let error = countersign_in(folder.path(), &["replay", "plan.json"]);
    assert!(refused(&error).contains("`counter_race`") && refused(&error).contains(NEEDED), "{error:?}");
    let scenario =
        "plant = \"counter_race\"\ndescription = \"Mine.\"\nprofile = \"literal\"\nduration = \"1m\"\nagents = []\n";
    fs::write(folder.path().join("mine.toml"), scenario).unwrap();
    let error = countersign_in(folder.path(), &["run", "mine.toml"]);
    let error = refused(&error);
    assert!(
        error.starts_with("error: mine.toml:1:") && error.contains("`counter_race`") && error.contains(NEEDED),
        "{error}"
    );
}
