//! Two sweeps side by side: what changed is found, and what did not is left alone.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use countersign::compare::{Change, Comparison, Pair, read};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");

fn scenario(latency_ms: u64) -> String {
    format!(
        r#"
description = "Ten agents meet a site server."
profile = "literal"
crypto = "modelled"
duration = "5m"
network = {{ latency = {{ min = "1ms", max = "{latency_ms}ms" }} }}
sites = {{ count = 1 }}
agents = [{{ count = 10, start = {{ min = "0s", max = "9s" }}, visits = {{ every = "20s", jitter = "5s" }} }}]
"#
    )
}

/// A stage on which sweeps of one scenario are made, each with its own text.
struct Stage(TempDir);

impl Stage {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn countersign(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM).current_dir(self.0.path()).args(arguments).output().unwrap()
    }

    fn sweep(&self, out: &str, text: &str, seeds: &str) {
        fs::write(self.0.path().join("meeting.toml"), text).unwrap();
        self.countersign(&["sweep", "meeting.toml", "--seeds", seeds, "--out", out]);
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn pair(&self, first: &str, second: &str) -> Pair {
        let of = |name: &str| read(&self.path(name)).unwrap();
        let comparison = Comparison::of(&of(first), &of(second));
        let [pair] = <[Pair; 1]>::try_from(comparison.pairs).unwrap();
        pair
    }
}

fn change(pair: &Pair, name: &str) -> Change {
    pair.figures.iter().find(|figure| figure.name == name).unwrap().change
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_slower_network_is_found_and_other_seeds_are_left_alone() {
    let stage = Stage::new();
    stage.sweep("before", &scenario(4), "0..10");
    stage.sweep("seeds", &scenario(4), "10..20");
    stage.sweep("slower", &scenario(9), "0..10");
    let same = stage.pair("before", "before");
    assert!(same.figures.iter().all(|figure| figure.change == Change::Same), "{same:?}");
    let seeds = stage.pair("before", "seeds");
    assert!(seeds.figures.iter().all(|figure| matches!(figure.change, Change::Same | Change::Chance)), "{seeds:?}");
    let slower = stage.pair("before", "slower");
    assert_eq!(change(&slower, "one step p50"), Change::Worse, "{slower:?}");
    assert_eq!(change(&slower, "runs that passed"), Change::Same);
    assert_eq!(change(&stage.pair("slower", "before"), "one step p50"), Change::Better);

    let exit = |first, second| stage.countersign(&["compare", first, second]).status.code();
    assert_eq!(
        (exit("before", "seeds"), exit("before", "slower"), exit("slower", "before")),
        (Some(0), Some(3), Some(0))
    );
    let told = text(&stage.countersign(&["compare", "before", "slower"]));
    assert!(told.contains("one step p50") && told.contains("WORSE"), "{told}");
}

#[test]
fn a_new_failure_is_a_regression_whatever_the_figures_say() {
    let stage = Stage::new();
    stage.sweep("before", &scenario(4), "0..3");
    stage.sweep("after", &(scenario(4) + "expect = { reach = [\"two_step\", \"slots_full\"] }\n"), "0..3");
    let output = stage.countersign(&["compare", "before", "after"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("new failure: never reached: slots full"), "{}", text(&output));
    let back = stage.countersign(&["compare", "after", "before"]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back));
}

#[test]
fn runs_are_compared_by_their_reports() {
    let stage = Stage::new();
    fs::write(stage.path("meeting.toml"), scenario(4)).unwrap();
    stage.countersign(&["run", "meeting.toml", "--out", "one"]);
    fs::write(stage.path("meeting.toml"), scenario(30)).unwrap();
    stage.countersign(&["run", "meeting.toml", "--out", "two"]);
    let output = stage.countersign(&["compare", "one", "two/report.json", "--format", "json"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let read: Comparison = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(change(&read.pairs[0], "one step p50"), Change::Worse);
}

#[test]
fn what_cannot_be_compared_says_why() {
    let stage = Stage::new();
    stage.sweep("sweep", &scenario(4), "0..2");
    fs::create_dir(stage.path("empty")).unwrap();
    fs::write(stage.path("other.json"), "{\"hello\": 1}").unwrap();
    fs::write(stage.path("newer.json"), "{\"countersign_report\": 99}").unwrap();
    let error = |other: &str| {
        let output = stage.countersign(&["compare", "sweep", other]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        text(&output)
    };
    assert!(error("nowhere").contains("failed to read `nowhere`"));
    assert!(error("empty").contains("a folder with neither"));
    assert!(error("other.json").contains("JSON of another form"));
    assert!(error("newer.json").contains("a report of version 99"));
    stage.countersign(&["run", "smoke/first_contact", "--crypto", "modelled", "--out", "run"]);
    assert!(Path::new(&stage.path("run/report.json")).is_file());
    assert!(error("run").contains("found nothing to compare"));
}
