//! One load by several generators at the same time.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use countersign::{report::Report, sweep::LoadShard};

use crate::{pair, process::Served};

/// Nobody serves within a millisecond's fraction: the objective is missed by the whole, and no part is asked.
const SCENARIO: &str = r#"
description = "Some agents for two generators."
profile = "hardened"
duration = "3s"
sites = { count = 1 }
[[agents]]
count = 10
policy_interval = "never"
arrivals = { phases = [{ rate = "20/s", for = "2s" }] }
[thresholds]
two_step_p99_ms = 0
"#;

fn generator(folder: &Path, servers: &[String], more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(folder)
        .args(["load", "some.toml", "--format", "json"])
        .args(servers)
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn merge(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    said(&command.current_dir(folder).arg("merge").args(arguments).output().unwrap())
}

fn servers(smp: &Served, site: &Served) -> Vec<String> {
    ["--target", &site.origin(), "--smp", &smp.origin(), "--pin", &smp.pin()].map(str::to_owned).to_vec()
}

fn in_seconds(seconds: u64) -> String {
    (SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + seconds).to_string()
}

#[test]
fn two_generators_at_the_same_time_make_one_load() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("some.toml"), SCENARIO).unwrap();
    let (smp, site) = pair(folder.path());
    let (servers, start_at) = (servers(&smp, &site), in_seconds(4));
    let generators = ["1", "2"].map(|index| {
        let (shard, out) = (format!("{index}/2"), format!("shard-{index}"));
        generator(folder.path(), &servers, &["--shard", &shard, "--start-at", &start_at, "--out", &out])
    });
    let parts = generators.map(|generator| {
        let (exit, out, error) = said(&generator.wait_with_output().unwrap());
        assert!(error.contains("`countersign merge` judges the whole"), "{error}");
        let report: Report = serde_json::from_str(&out).unwrap_or_else(|why| panic!("{why}: {error}"));
        // A machine that is busy with other things may be late.
        assert_eq!(exit, if report.load.as_ref().unwrap().is_late { 4 } else { 0 }, "{out}");
        assert!(report.thresholds_missed.is_empty(), "a part is asked for no objective");
        assert_eq!((report.cast.agents, report.generators.len()), (5, 1));
        assert!(report.reproduce.contains(" --shard ") && report.reproduce.contains(" --out shard-"));
        report
    });

    let (exit, out, error) = merge(folder.path(), &["shard-*", "--out", "whole"]);
    let report = fs::read_to_string(folder.path().join("whole/report.json")).unwrap();
    let report: Report = serde_json::from_str(&report).unwrap();
    assert_eq!(exit, i32::from(report.exit_code), "{error}");
    let load = report.load.as_ref().unwrap();
    assert_eq!(exit, if load.is_late { 4 } else { 3 }, "{out}");
    assert_eq!(report.thresholds_missed[0].threshold, "two_step_p99_ms");

    // Every visit of the plan, once: each agent's first takes two steps, all others one.
    let found = &report.measurements.total.authentication;
    assert_eq!((load.visits, found.started, found.served), (40, 40, 40));
    assert_eq!((report.cast.agents, report.measurements.agents.registered), (10, 0), "they had registered before");
    assert_eq!(site.figure("countersign_accepts_total"), 40);
    assert_eq!(smp.figure("countersign_nodes"), 11, "ten agents and the site");
    let count = |report: &Report| {
        let load = report.load.as_ref().unwrap();
        [load.lag_ns, load.one_step_from_due_ns, load.two_step_from_due_ns].map(|it| it.map_or(0, |it| it.count))
    };
    let [first, second] = [count(&parts[0]), count(&parts[1])];
    assert_eq!(count(&report), std::array::from_fn(|index| first[index] + second[index]));
    assert_eq!(count(&report)[1] + count(&report)[2], 40);
    assert_eq!(report.generators.iter().map(|one| one.visits).sum::<u64>(), 40);
    assert_eq!(load.visits, parts.iter().map(|part| part.load.as_ref().unwrap().visits).sum::<u64>());
    // Both waited for the same second.
    assert!(load.begin_spread_ns < 1_000_000_000, "{} ns", load.begin_spread_ns);
    for one in &report.generators {
        assert!(one.began_unix_ms.unwrap() >= start_at.parse::<u64>().unwrap() * 1_000);
    }
    assert!(report.measurements.duration_ns < 4_000_000_000, "the wait is no part of the load");
    assert!(report.reproduce.contains("--shard $i/2") && report.reproduce.contains(&servers.join(" ")));

    let (exit, _, error) = merge(folder.path(), &["shard-2"]);
    assert!(exit == 2 && error.contains("one is missing: 1/2"), "{error}");
}

#[test]
fn generators_one_after_the_other_make_no_load_together() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("some.toml"), SCENARIO.replace("two_step_p99_ms = 0", "")).unwrap();
    let (smp, site) = pair(folder.path());
    let servers = servers(&smp, &site);
    for index in ["1", "2"] {
        let (shard, out) = (format!("{index}/2"), format!("shard-{index}"));
        let generator = generator(folder.path(), &servers, &["--shard", &shard, "--exit-zero", "--out", &out]);
        let (exit, _, error) = said(&generator.wait_with_output().unwrap());
        assert_eq!(exit, 0, "{error}");
    }
    let (exit, out, _) = merge(folder.path(), &["shard-1", "shard-2"]);
    assert!(exit == 4 && out.contains("did not make one load") && out.contains("  +3."), "{out}");
}

#[test]
fn a_generator_that_is_stopped_keeps_what_it_heard() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("some.toml"), SCENARIO).unwrap();
    let (smp, site) = pair(folder.path());
    let (servers, start_at) = (servers(&smp, &site), in_seconds(1_000));
    let more = ["--shard", "1/1", "--start-at", &start_at, "--exit-zero", "--out", "shard-1"];
    let waiting = generator(folder.path(), &servers, &more);
    let out = folder.path().join("shard-1");
    crate::process::poll(|| out.exists().then_some(())).unwrap();
    assert!(Command::new("kill").args(["-INT", &waiting.id().to_string()]).status().unwrap().success());
    let (exit, _, error) = said(&waiting.wait_with_output().unwrap());
    assert_eq!(exit, 4, "{error}");
    assert!(LoadShard::read(&out).unwrap().interrupted);
    let (exit, out, _) = merge(folder.path(), &["shard-1"]);
    assert!(exit == 4 && out.contains("the run was interrupted"), "{out}");
}
