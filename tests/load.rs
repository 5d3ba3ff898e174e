//! Scenarios on real sockets: the whole way from a file to a verdict, over loopback.

#![cfg(feature = "sockets")]

#[cfg(unix)]
mod interrupt;

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{self, Stdio},
};

use assert_cmd::Command;
use countersign::{
    plan::Visits,
    report::Report,
    scenario::{self, CostFile, Overrides},
    types::{Interruption, Interruptions},
};
#[cfg(unix)]
use interrupt::interrupt;
use tempfile::TempDir;

/// Some seconds of a small fleet; `settings` go before its tables.
fn scenario(settings: &str) -> String {
    let head = format!("description = \"A few agents on sockets.\"\nduration = \"3s\"\n{settings}\n");
    head + r#"
sites = { count = 2 }
[[agents]]
count = 10
policy_interval = "never"
requests = 2
arrivals = { phases = [{ rate = "20/s", for = "2s" }] }
[[agents]]
count = 5
server = "smp"
bootstrap = "installed"
connection_use = "keep_alive"
connections = 2
visits = { at = ["500ms", "1s", "1500ms"] }
"#
}

struct Place(TempDir);

impl Place {
    fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("some.toml"), text).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Exit code, standard output and standard error.
    fn countersign(&self, arguments: &[&str]) -> (i32, String, String) {
        let output =
            Command::new(env!("CARGO_BIN_EXE_countersign")).current_dir(self.path()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    fn load(&self, arguments: &[&str]) -> Report {
        let arguments = [&["load", "some.toml", "--format", "json"], arguments].concat();
        let (_, out, error) = self.countersign(&arguments);
        serde_json::from_str(&out).unwrap_or_else(|why| panic!("{why}: {out}{error}"))
    }
}

/// A machine that is busy with other things may be late; what is accepted and served is right all the same.
fn is_sound(report: &Report, visits: u64) {
    assert_eq!(report.violation_counts.len(), 0, "{:?}", report.violations);
    let load = report.load.as_ref().expect("a load has a pace");
    assert_eq!(load.visits, visits);
    let found = &report.measurements.total.authentication;
    assert!(found.served >= found.started * 99 / 100, "{found:?}");
    let due: u64 = [load.one_step_from_due_ns, load.two_step_from_due_ns].iter().flatten().map(|it| it.count).sum();
    let took: u64 = [found.one_step_ns, found.two_step_ns].iter().flatten().map(|it| it.count).sum();
    assert_eq!(due, took, "each authentication has both latencies");
    assert!(load.one_step_from_due_ns.unwrap().min >= found.one_step_ns.unwrap().min);
    for judged in ["S1", "S2", "S3", "S4", "S5", "S13"] {
        assert!(!report.not_judged.keys().any(|invariant| invariant.to_string() == judged), "{judged} is judged");
    }
    // There are more slots than agents, and a real clock goes on between two looks at it.
    let upstream = report.measurements.total.upstream.as_ref().expect("tokens were fetched");
    assert_eq!(upstream.slot_waits, 0, "nobody waits for a slot");
}

#[test]
fn a_scenario_is_run_and_judged_in_both_profiles_plain_and_over_tls() {
    for profile in ["literal", "hardened"] {
        for scheme in ["http", "https"] {
            let place = Place::with(&scenario(&format!("profile = \"literal\"\nscheme = \"{scheme}\"")));
            let report = place.load(&["--profile", profile]);
            is_sound(&report, 40 + 15);
            assert_eq!(report.cast.secure, scheme == "https");
        }
    }
}

#[test]
fn a_trace_of_a_load_is_read_like_any_other() {
    let place = Place::with(&scenario("profile = \"hardened\""));
    let report = place.load(&["--trace", "trace.jsonl", "--out", "out"]);
    is_sound(&report, 40 + 15);
    let (exit, story, error) = place.countersign(&["explain", "trace.jsonl", "--agent", "agent-1"]);
    assert_eq!(exit, 0, "{error}");
    assert!(story.contains("agent-1"), "{story}");
    assert!(place.path().join("out/report.html").exists());
    let kept = fs::read_to_string(place.path().join("out/report.json")).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&kept).unwrap(), report);
}

#[test]
fn a_trace_on_standard_output_stands_alone_there() {
    let place = Place::with(&scenario("profile = \"literal\""));
    let (_, out, error) = place.countersign(&["load", "some.toml", "--trace", "-"]);
    assert!(out.lines().count() > 100, "{error}");
    for line in out.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn what_only_the_simulation_can_do_is_refused() {
    let fault = "\n[[faults]]\nat = \"1s\"\nfor = \"1s\"\ncrash = { who = \"site-1\" }\n";
    let attacker = "\n[[attackers]]\nattack = \"stolen_token\"\nstart = \"1s\"\n";
    for (more, what) in [(fault, "faults"), (attacker, "attackers")] {
        let place = Place::with(&(scenario("profile = \"literal\"") + more));
        let (exit, _, error) = place.countersign(&["load", "some.toml"]);
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains(what) && error.contains("countersign run"), "{error}");
    }
}

#[test]
fn an_objective_is_held_against_the_latency_from_when_a_visit_was_due() {
    let place = Place::with(&(scenario("profile = \"literal\"") + "[thresholds]\none_step_p99_ms = 0\n"));
    let report = place.load(&[]);
    let missed = &report.thresholds_missed[0];
    assert_eq!(missed.threshold, "one_step_p99_ms");
    let from_due = report.load.unwrap().one_step_from_due_ns.unwrap();
    assert_eq!(missed.found, Some(from_due.p99.div_ceil(1_000_000)));
}

#[test]
fn a_prediction_stands_beside_what_came() {
    let place = Place::with(&scenario("profile = \"literal\""));
    let costs = "[costs]\nsign = \"240us\"\nverify = \"16us\"\nrequest = \"60us\"\n";
    fs::write(place.path().join("costs.toml"), costs).unwrap();
    let arguments = ["load", "some.toml", "--predict", "--costs", "costs.toml"];
    let (_, page, error) = place.countersign(&arguments);
    for line in ["Prediction", "served in a second", "one step, p50", "two steps, p99", "CPU", "a signature"] {
        assert!(page.contains(line), "{line} in {page}{error}");
    }
    let report = place.load(&arguments[2..]);
    assert!(report.reproduce.ends_with(" --predict --costs costs.toml"), "{}", report.reproduce);
    let predicted = report.load.unwrap().predicted.unwrap();
    // One signature by the agent and two verifications by the server are the least that there is.
    let one_step = predicted.one_step_ns.unwrap();
    assert!((272_000..5_000_000).contains(&one_step.p50), "{one_step:?}");
    assert!(predicted.two_step_ns.unwrap().p50 > one_step.p50 + 240_000);
    assert_eq!(predicted.sign_ns, Some(240_000));
}

#[test]
fn of_several_rounds_the_middle_of_every_figure_is_told() {
    let place = Place::with(&scenario("profile = \"literal\""));
    fs::write(place.path().join("costs.toml"), "[costs]\nsign = \"240us\"\nrequest = \"60us\"\n").unwrap();
    let foretell = ["load", "some.toml", "--seed", "7", "--predict", "--costs", "costs.toml"];
    let (exit, page, error) = place.countersign(&[&foretell[..], &["--rounds", "3", "--out", "told"]].concat());
    assert!(page.contains("Prediction, middle of 3") && page.contains("least to most"), "{page}");
    assert!(page.contains("Everything else is of the round with seed"), "{page}");
    assert!(error.contains("round 3 of 3, with seed 9"), "{error}");
    let told = |file: &str| fs::read_to_string(place.path().join("told").join(file)).unwrap();
    let report: Report = serde_json::from_str(&told("report.json")).unwrap();
    assert!(
        report
            .reproduce
            .ends_with(" --seed 7 --profile literal --crypto aws-lc --predict --costs costs.toml --rounds 3")
    );
    assert_eq!(i32::from(report.exit_code), exit);
    let load = report.load.as_ref().unwrap();
    assert_eq!(load.rounds.iter().map(|round| round.seed).collect::<Vec<_>>(), [7, 8, 9]);
    let told_round = load.rounds.iter().find(|round| round.seed == report.seed).unwrap();
    assert_eq!(Some(*told_round), report.round(), "the load that is told is one of the rounds");
    let mut served: Vec<u64> = load.rounds.iter().map(|round| round.measured.served_per_s).collect();
    served.sort_unstable();
    let line = page.lines().find(|line| line.contains("served in a second")).unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert!(words.join(" ").contains(&format!("{} {} to {} ", served[1], served[0], served[2])), "{line}");
    assert!(told("report.html").contains(&format!("<small>{} to {}</small>", served[0], served[2])));
}

#[test]
fn of_one_round_there_is_no_middle_but_a_trace() {
    let place = Place::with(&scenario("profile = \"literal\""));
    fs::write(place.path().join("costs.toml"), "[costs]\nsign = \"240us\"\n").unwrap();
    let report = place.load(&["--predict", "--costs", "costs.toml", "--rounds", "1", "--workers", "1"]);
    assert!(report.reproduce.ends_with(" --predict --costs costs.toml --rounds 1 --workers 1"), "{}", report.reproduce);
    let load = report.load.unwrap();
    assert!(load.rounds.is_empty() && load.predicted.is_some());
    let (_, page, _) =
        place.countersign(&["load", "some.toml", "--predict", "--costs", "costs.toml", "--trace", "some.jsonl"]);
    assert!(page.contains("predicted  measured   off by"), "{page}");
    let trace = fs::read_to_string(place.path().join("some.jsonl")).unwrap();
    assert!(trace.lines().count() > 100, "{trace}");
    // What is wrong with costs is told before anything is written.
    let (exit, _, _) =
        place.countersign(&["load", "some.toml", "--predict", "--costs", "absent.toml", "--trace", "none.jsonl"]);
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(exit == 2 && !left.iter().any(|name| name.to_string_lossy().starts_with("none")), "{left:?}");
}

#[cfg(unix)]
#[test]
fn rounds_that_were_made_are_told_when_the_next_is_interrupted() {
    let place = Place::with(&scenario("profile = \"literal\""));
    fs::write(place.path().join("costs.toml"), "[costs]\nsign = \"240us\"\n").unwrap();
    let mut child = process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(place.path())
        .args(["load", "some.toml", "--predict", "--costs", "costs.toml", "--rounds", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    told.find(|line| line.starts_with("round 2 of 3")).unwrap();
    interrupt(child.id());
    let mut page = String::new();
    child.stdout.take().unwrap().read_to_string(&mut page).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{page}");
    assert!(told.any(|line| line == "interrupted: of all rounds the report has 1 round"));
    assert!(page.starts_with("INCONCLUSIVE") && page.contains("the run was interrupted (exit 4)"), "{page}");
    assert!(page.contains("predicted  measured   off by"), "{page}");
}

#[test]
fn rounds_are_of_predictions_and_have_no_trace() {
    let place = Place::with(&scenario("profile = \"literal\""));
    for (arguments, told) in [
        (&["--rounds", "3"][..], "--predict"),
        (&["--predict", "--rounds", "3", "--trace", "trace"], "'--trace <FILE>'"),
        (&["--predict", "--rounds", "0"], "1..=100"),
        (&["--predict", "--rounds", "101"], "1..=100"),
    ] {
        let (exit, _, error) = place.countersign(&[&["load", "some.toml"], arguments].concat());
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn the_first_signature_of_every_key_makes_a_blinding() {
    let place = Place::with(&scenario("profile = \"literal\""));
    let costs = "[costs]\nsign = \"240us\"\nblinding = \"20ms\"\n";
    fs::write(place.path().join("costs.toml"), costs).unwrap();
    let predicted = place.load(&["--predict", "--costs", "costs.toml"]).load.unwrap().predicted.unwrap();
    // An agent signs for the first time when it is challenged.
    assert!(predicted.two_step_ns.unwrap().min > 20_240_000, "{predicted:?}");
    assert!(predicted.one_step_ns.unwrap().min < 5_000_000, "{predicted:?}");
    assert!(predicted.sign_ns > Some(240_000), "{predicted:?}");
}

#[test]
fn costs_that_cannot_be_read_are_told_with_their_place() {
    let place = Place::with(&scenario("profile = \"literal\""));
    fs::write(place.path().join("costs.toml"), "[costs]\nsign = \"240us\"\nverfy = \"16us\"\n").unwrap();
    for (file, told) in [("costs.toml", "costs.toml:3:1"), ("absent.toml", "failed to read the costs `absent.toml`")] {
        let (exit, _, error) = place.countersign(&["load", "some.toml", "--predict", "--costs", file]);
        assert_eq!(exit, 2);
        assert!(error.contains(told), "{error}");
    }
    let watched =
        |watched: &str, cores: &str| format!("[costs]\n[interruptions]\nwatched = \"{watched}\"\ncores = [{cores}]\n");
    let interrupted = |cores: &str| watched("1s", cores);
    let too_late = interrupted("[], [[\"1ms\", \"1ms\"], [\"2s\", \"1ms\"]]");
    let too_long = interrupted("[[\"1ms\", \"1s\"]]");
    let at_once = interrupted("[[\"1ms\", \"2ms\"], [\"2ms\", \"1ms\"]]");
    let always = interrupted("[[\"0s\", \"500ms\"], [\"500ms\", \"450ms\"]]");
    let too_many = interrupted(&format!("[{}]", "[\"1ms\", \"0s\"], ".repeat(20_001)));
    let instants: Vec<String> = (0..11).map(|number| format!("[\"{number}us\", \"0s\"]")).collect();
    let too_often = watched("100us", &format!("[{}]", instants.join(", ")));
    let never = "[costs]\n[interruptions]\ncores = [[[\"0s\", \"0s\"]]]\n";
    let never_rings = "[costs]\n[scatter]\np99 = \"1d\"\n";
    let sooner = "[costs]\nwake_min = \"20us\"\nwake = \"10us\"\nrest = \"3ms\"\n";
    for (costs, told) in [
        (&*too_late, "interruptions.cores[1][1].at_ns"),
        (&too_long, "interruptions.cores[0][0].length_ns"),
        (&at_once, "interruptions.cores[0][1].at_ns"),
        (&always, "interruptions.cores[0]: found 95000000000 ns in all"),
        (&too_many, "interruptions.cores[0]: found 20001 interruptions"),
        (&too_often, "interruptions.cores[0]: found 11 interruptions"),
        (never, "interruptions.watched_ns"),
        (never_rings, "scatter.p99_ns"),
        (sooner, "costs.wake_ns"),
    ] {
        fs::write(place.path().join("costs.toml"), costs).unwrap();
        let (exit, _, error) = place.countersign(&["load", "some.toml", "--predict", "--costs", "costs.toml"]);
        assert_eq!(exit, 2, "{error}");
        assert!(error.contains(told) && error.contains("100 times slower"), "{error}");
    }
    let written = "[costs]\nsign = \"243us 120ns\"\n";
    assert_eq!(CostFile::from_toml("costs.toml", written).unwrap().costs.sign_ns, 243_120);
    let interrupted = interrupted("[[\"40ms\", \"3ms\"]]");
    let found = CostFile::from_toml("costs.toml", &interrupted).unwrap().interruptions;
    let once = Interruption { at_ns: 40_000_000, length_ns: 3_000_000 };
    assert_eq!(found, Interruptions { watched_ns: 1_000_000_000, cores: vec![vec![once]] });
}

#[test]
fn costs_of_a_busy_machine_are_told_to_be_such() {
    let place = Place::with(&scenario("profile = \"literal\""));
    for (length, is_told) in [("60ms", true), ("40ms", false)] {
        let costs = format!("[costs]\n[interruptions]\nwatched = \"1s\"\ncores = [[[\"1ms\", \"{length}\"]]]\n");
        fs::write(place.path().join("costs.toml"), costs).unwrap();
        let (_, _, error) = place.countersign(&["load", "some.toml", "--predict", "--costs", "costs.toml"]);
        assert_eq!(error.contains("something else took 6.00 % of the cores"), is_told, "{error}");
    }
}

#[test]
fn a_slower_plan_can_be_run_and_has_as_many_visits() {
    let plan = scenario::find("smoke/first_contact").unwrap().resolve(None, Overrides::default()).unwrap();
    let slower = plan.slower(100);
    slower.check().unwrap();
    assert_eq!(slower.duration_ms, 100 * plan.duration_ms);
    assert_eq!(slower.costs.sign_ns, 100 * plan.costs.sign_ns);
    for (before, after) in plan.agents.iter().zip(&slower.agents) {
        match (&before.visits, &after.visits) {
            (Visits::At { times_us: before }, Visits::At { times_us: after }) => assert_eq!(before.len(), after.len()),
            (Visits::Every { interval_ms: before, .. }, Visits::Every { interval_ms: after, .. }) => {
                assert_eq!(before * 100, *after);
            }
            _ => panic!("another kind of visits"),
        }
    }
}

#[test]
fn capacity_finds_the_knee_in_the_simulation() {
    // One core that takes 10 ms for a request bears 100 of them in a second; most agents need two at first.
    let text = r#"
description = "A slow site."
profile = "literal"
crypto = "modelled"
duration = "20s"
sites = { count = 1, cores = 1 }
costs = { request = "10ms", verify = "0ns", parse = "0ns" }
[[agents]]
count = 100
bootstrap = "installed"
policy_interval = "never"
arrivals = { phases = [{ rate = "20/s", for = "20s" }] }
[thresholds]
one_step_p99_ms = 100
"#;
    let place = Place::with(text);
    let (exit, page, error) = place.countersign(&["capacity", "some.toml"]);
    assert_eq!(exit, 0, "{page}{error}");
    let (_, json, _) = place.countersign(&["capacity", "some.toml", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let capacity = found["capacity_per_mille"].as_u64().unwrap();
    assert!((2_000..4_000).contains(&capacity), "20/s times {capacity}/1000: {page}");
    assert!(page.contains("The knee") && page.contains("does not: one_step_p99_ms"), "{page}");
    let place = Place::with(&text.replace("[thresholds]\none_step_p99_ms = 100", ""));
    let (exit, _, error) = place.countersign(&["capacity", "some.toml"]);
    assert_eq!(exit, 2);
    assert!(error.contains("has no [thresholds]"), "{error}");
}
