//! Sweeps: killed and resumed, in parts and whole, they come to the same; and what is no part of them says so.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use countersign::{
    report::{Rule, RuleCoverage, Verdict},
    sweep::{Bundle, BundleEnvironment, MergeError, merge},
    types::Shard,
};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");

/// Two scenarios: one that always passes, and one in which an invariant is violated that nobody expects to be.
const SOUND: &str = r#"
description = "Three agents meet a site server."
profile = "literal"
crypto = "modelled"
duration = "2m"
sites = { count = 1 }
agents = [{ count = 3, start = { min = "0s", max = "9s" }, visits = { every = "20s", jitter = "5s" } }]
"#;
const BROKEN: &str = r#"
description = "A thief takes tokens off the line."
profile = "literal"
crypto = "modelled"
duration = "2m"
[network]
latency = { min = "1ms", max = "5ms" }
[sites]
count = 1
[[agents]]
count = 3
bootstrap = "installed"
start = { min = "2s", max = "8s" }
visits = { every = "7s", jitter = "1s" }
[[attackers]]
attack = "stolen_token"
start = { min = "20s", max = "119s" }
"#;

/// A folder with both, and room for what sweeps leave behind.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("scenarios")).unwrap();
        fs::write(folder.path().join("scenarios/sound.toml"), SOUND).unwrap();
        fs::write(folder.path().join("scenarios/broken.toml"), BROKEN).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.0.path()).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn sweep(&self, out: &str, more: &[&str]) -> Output {
        self.run(&[&["sweep", "scenarios", "--seeds", "0..12", "--out", out], more].concat())
    }

    /// What a sweep came to, without the real world.
    fn bundle(&self, out: &str) -> Bundle {
        let bundle = Bundle::read(&self.path(out)).unwrap();
        Bundle { environment: BundleEnvironment::default(), ..bundle }
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_sweep_leaves_behind_what_people_and_ci_servers_read() {
    let place = Place::new();
    let output = place.sweep("out", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let bundle = place.bundle("out");
    assert_eq!((bundle.verdict, bundle.runs.len(), bundle.cases.len()), (Verdict::Violated, 24, 2));
    // One cause, one kind of failure, whatever the seed; the shortest run is kept.
    let [broken, sound] = &bundle.cases[..] else { panic!() };
    assert_eq!(sound.failures, []);
    let kinds: Vec<_> = broken.failures.iter().map(|failure| failure.kind.what.as_str()).collect();
    assert!(kinds.contains(&"S13") && kinds.len() <= 4, "{:?}", broken.failures);
    for failure in &broken.failures {
        let again = place.run(&failure.reproduce.split(' ').skip(1).collect::<Vec<_>>());
        assert!(said(&again).contains(&failure.kind.what), "{}", said(&again));
    }
    // What no run exercised is what some run would need to have shown.
    let reached = bundle.cases.iter().flat_map(|case| case.milestones.clone()).collect();
    let rules = RuleCoverage::of(&reached).not_exercised;
    assert_eq!(bundle.rules_not_exercised, rules);
    assert!(rules.contains(&Rule(12)) && !rules.contains(&Rule(2)), "{rules:?}");
    let text = fs::read_to_string(place.path("out/sweep.txt")).unwrap();
    assert!(
        text.lines().any(|line| line.starts_with("rules that no run exercised: ") && line.contains(" 12, ")),
        "{text}"
    );
    assert_eq!(text, String::from_utf8(output.stdout).unwrap());
    let junit = fs::read_to_string(place.path("out/junit.xml")).unwrap();
    assert_eq!(junit.matches("<testcase ").count(), 24);
    assert_eq!(junit.matches("<failure ").count() as u64, broken.verdicts[&Verdict::Violated]);
    let summary = fs::read_to_string(place.path("out/summary.md")).unwrap();
    assert!(summary.starts_with("# VIOLATED: ") && summary.contains(&broken.failures[0].reproduce), "{summary}");
}

#[test]
fn each_scenario_is_run_once_with_its_own_seed() {
    let place = Place::new();
    fs::write(place.path("scenarios/sound.toml"), SOUND.replace("duration", "seed = 77\nduration")).unwrap();
    let sweep = |out: &str, more: &[&str]| {
        place.run(&[&["sweep", "scenarios", "--seeds", "own", "--profile", "both", "--out", out], more].concat())
    };
    let output = sweep("own", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let bundle = place.bundle("own");
    let mut runs: Vec<_> = bundle.runs.iter().map(|run| (run.case, run.seed)).collect();
    runs.sort_unstable();
    // The scenario that names none has the usual one.
    assert_eq!(runs, [(0, 1), (1, 1), (2, 77), (3, 77)]);
    assert!(fs::read_to_string(place.path("own/summary.md")).unwrap().contains("Seeds own"));
    for shard in ["1/2", "2/2"] {
        sweep(&format!("shard-{}", &shard[..1]), &["--shard", shard]);
    }
    place.run(&["merge", "shard-1", "shard-2", "--out", "merged"]);
    assert_eq!(place.bundle("merged"), bundle);
    // What is there already is another sweep.
    let other = place.run(&["sweep", "scenarios", "--profile", "both", "--out", "own"]);
    assert_eq!(other.status.code(), Some(2), "{}", said(&other));
    assert!(said(&other).contains("the seeds"), "{}", said(&other));
    assert!(said(&place.run(&["sweep", "scenarios", "--seeds", "mine"])).contains("`own`, each file's own seed"));
}

#[test]
fn a_sweep_that_is_killed_again_and_again_comes_to_the_same() {
    let place = Place::new();
    place.sweep("whole", &[]);
    let mut kills = 0;
    // Each time a little later, so that the moment is another one.
    for round in 0..20 {
        let arguments = ["sweep", "scenarios", "--seeds", "0..12", "--out", "killed"];
        let mut child = place.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(5 + 7 * round));
        if child.try_wait().unwrap().is_none() {
            kills += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(kills > 0);
    let output = place.sweep("killed", &[]);
    assert_eq!(place.bundle("killed"), place.bundle("whole"), "{}", said(&output));
    // And once it is whole, nothing is run again.
    let again = place.sweep("killed", &[]);
    assert!(said(&again).contains("24 of 24 runs were made before"), "{}", said(&again));
    assert_eq!(place.bundle("killed"), place.bundle("whole"));
}

#[test]
fn wherever_a_journal_is_cut_off_the_sweep_comes_to_the_same() {
    let place = Place::new();
    place.sweep("whole", &["--jobs", "1"]);
    let journal = fs::read(place.path("whole/journal.jsonl")).unwrap();
    fs::create_dir(place.path("cut")).unwrap();
    let ends = [0, 1, 100, journal.len() / 3, journal.len() / 2, journal.len() - 1, journal.len()];
    for end in ends {
        fs::write(place.path("cut/journal.jsonl"), &journal[..end]).unwrap();
        place.sweep("cut", &[]);
        assert_eq!(place.bundle("cut"), place.bundle("whole"), "cut off after {end} bytes");
    }
}

/// Sweeps in so many parts, and gives the names of their folders.
fn parts(place: &Place, count: u32) -> Vec<String> {
    let part = |index| {
        let (out, shard) = (format!("part-{index}-of-{count}"), format!("{index}/{count}"));
        place.sweep(&out, &["--shard", &shard]);
        out
    };
    (1..=count).map(part).collect()
}

#[test]
fn the_parts_of_a_sweep_come_to_the_whole_to_the_byte() {
    let place = Place::new();
    place.sweep("whole", &[]);
    let text = |out: &str| {
        let text = fs::read_to_string(place.path(out).join(Bundle::FILE)).unwrap();
        let (deterministic, environment) = text.rsplit_once("\n  \"environment\": {").unwrap();
        assert!(environment.ends_with("\n  }\n}\n"));
        deterministic.to_owned()
    };
    let mut parts = parts(&place, 8);
    for (out, change) in [("merged", 0), ("turned", 3), ("doubled", 1)] {
        parts.rotate_left(change);
        let mut all = parts.clone();
        all.extend((out == "doubled").then(|| parts[0].clone()));
        let arguments: Vec<&str> =
            ["merge"].into_iter().chain(all.iter().map(String::as_str)).chain(["--out", out]).collect();
        let output = place.run(&arguments);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert_eq!(text(out), text("whole"), "{out}");
        assert_eq!(
            fs::read(place.path(out).join("junit.xml")).unwrap(),
            fs::read(place.path("whole/junit.xml")).unwrap()
        );
    }
    // A whole is a part, too: the only one.
    let output = place.run(&["merge", "merged", "--out", "again"]);
    assert_eq!(text("again"), text("whole"), "{}", said(&output));
}

#[test]
fn what_does_not_go_together_is_not_merged() {
    let place = Place::new();
    let parts = parts(&place, 3);
    let bundles: Vec<_> = parts.iter().map(|part| (part.clone(), Bundle::read(&place.path(part)).unwrap())).collect();
    let with = |change: fn(&mut Bundle)| {
        let mut bundles = bundles.clone();
        change(&mut bundles[1].1);
        merge(bundles)
    };
    assert!(with(|_| ()).is_ok());
    assert_eq!(merge(Vec::new()), Err(MergeError::Nothing));
    let gap = merge(bundles[..2].to_vec()).unwrap_err();
    assert_eq!(gap.to_string(), "of 3 shards one is missing: 3/3");
    let differs = |change: fn(&mut Bundle)| match with(change) {
        Err(MergeError::Mixed { difference, .. }) => difference,
        other => panic!("{other:?}"),
    };
    assert!(differs(|it| it.spec.program_sha256 = "00".repeat(32)).starts_with("the program's file"));
    assert!(differs(|it| it.spec.version = "9.9.9".into()).starts_with("the version"));
    assert!(differs(|it| it.spec.cases[0].sha256 = "00".repeat(32)).starts_with("the text of the scenario"));
    assert!(differs(|it| it.spec.seeds_to = 99).starts_with("the seeds"));
    assert!(differs(|it| it.spec.shard.count = 4).starts_with("3 shards here, 4 there"));
    let overlap = with(|it| it.spec.shard = Shard { index: 1, count: 3 });
    assert!(matches!(overlap, Err(MergeError::Overlap { .. })));
    let stopped = with(|it| it.stopped = Some(countersign::sweep::Stop::Interrupted));
    assert!(matches!(stopped, Err(MergeError::Stopped { .. })));
}

#[test]
fn a_sweep_is_over_when_it_was_asked_to_be() {
    let place = Place::new();
    let stopped = |out: &str, more: &[&str]| {
        let output = place.sweep(out, more);
        let bundle = place.bundle(out);
        (bundle.stopped.map(|stop| stop.to_string()), bundle.runs.len(), output.status.code())
    };
    let (why, runs, code) = stopped("failures", &["--max-failures", "2", "--jobs", "1"]);
    assert_eq!((why.as_deref(), code), (Some("enough runs had failed"), Some(1)));
    assert!(runs < 24);
    let (why, runs, _) = stopped("stale", &["--max-stale", "3", "--jobs", "1"]);
    assert_eq!(why.as_deref(), Some("nothing new was reached any more"));
    assert!((4..24).contains(&runs));
    let (why, runs, _) = stopped("time", &["--max-time", "1ns", "--jobs", "1"]);
    assert_eq!(why.as_deref(), Some("its time was over"));
    assert!(runs < 4);
    // It goes on where it was.
    place.sweep("time", &[]);
    place.sweep("whole", &[]);
    assert_eq!(place.bundle("time"), place.bundle("whole"));
}

/// The error of a sweep whose journal was changed.
fn journal_error(change: impl Fn(String) -> Vec<u8>) -> String {
    let place = Place::new();
    place.sweep("out", &["--jobs", "1"]);
    let journal = place.path("out/journal.jsonl");
    let changed = change(fs::read_to_string(&journal).unwrap());
    fs::write(&journal, changed).unwrap();
    let output = place.sweep("out", &[]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_journal_that_is_not_as_it_was_written_says_where() {
    let edited = journal_error(|text| text.replacen("\"seed\":3", "\"seed\":2", 1).into_bytes());
    assert!(edited.contains("journal.jsonl:8: a check that is not the line's"), "{edited}");
    let removed = journal_error(|text| {
        text.lines()
            .enumerate()
            .filter(|(place, _)| *place != 4)
            .flat_map(|(_, line)| [line, "\n"])
            .collect::<String>()
            .into_bytes()
    });
    assert!(removed.contains("journal.jsonl:5: a check"), "{removed}");
    let foreign = journal_error(|_| b"what is this?\n".to_vec());
    assert!(foreign.contains("journal.jsonl:1:") && foreign.contains("the first line of a journal"), "{foreign}");
    let binary = journal_error(|text| [&text.as_bytes()[..text.find('\n').unwrap() + 1], b"\xff\xfe\n"].concat());
    assert!(binary.contains("journal.jsonl:2:"), "{binary}");
    let newer =
        journal_error(|text| text.replacen("\"countersign_journal\":1", "\"countersign_journal\":2", 1).into_bytes());
    assert!(newer.contains("a journal of version 2"), "{newer}");
}

#[test]
fn a_journal_of_another_sweep_is_left_alone() {
    let place = Place::new();
    place.sweep("out", &[]);
    let before = fs::read(place.path("out/journal.jsonl")).unwrap();
    let other = place.run(&["sweep", "scenarios", "--seeds", "0..13", "--out", "out"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(said(&other).contains("the seeds: 0..13 here, 0..12 there"), "{}", said(&other));
    fs::OpenOptions::new()
        .append(true)
        .open(place.path("scenarios/sound.toml"))
        .unwrap()
        .write_all(b"# more\n")
        .unwrap();
    let other = place.sweep("out", &[]);
    assert!(said(&other).contains("the text of the scenario scenarios/sound.toml"), "{}", said(&other));
    assert_eq!(fs::read(place.path("out/journal.jsonl")).unwrap(), before);
}

#[test]
fn a_result_that_is_none_says_so() {
    let place = Place::new();
    place.sweep("out", &[]);
    let file = place.path("out").join(Bundle::FILE);
    let text = fs::read_to_string(&file).unwrap();
    let error = |text: &str| {
        fs::write(&file, text).unwrap();
        let output = place.run(&["merge", "out"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        said(&output)
    };
    let half = error(&text[..text.len() / 2]);
    assert!(half.contains("sweep.json:") && half.contains("cut off"), "{half}");
    let newer = error(&text.replacen("\"countersign_sweep\": 1", "\"countersign_sweep\": 2", 1));
    assert!(newer.contains("version 2, and this program reads version 1"), "{newer}");
    let edited = error(&text.replacen("\"runs\": 12", "\"runs\": 11", 1));
    assert!(edited.contains("counts 11 runs and lists 12"), "{edited}");
    let other = error(&text.replacen("\"seed\": 3", "\"seed\": 33", 1));
    assert!(other.contains("does not belong there"), "{other}");
    let missing = place.run(&["merge", "nowhere"]);
    assert!(said(&missing).contains("failed to read the sweep `nowhere`"), "{}", said(&missing));
    fs::remove_file(&file).unwrap();
    let killed = place.run(&["merge", "out"]);
    assert!(said(&killed).contains("its sweep has not ended: start it again"), "{}", said(&killed));
    let nothing = place.run(&["merge", "shard-*"]);
    assert!(said(&nothing).contains("nothing matches `shard-*`"), "{}", said(&nothing));
}

#[test]
fn a_shard_that_the_environment_does_not_tell_is_an_error() {
    let place = Place::new();
    let output = place.run(&["sweep", "scenarios", "--shard", "gitlab", "--out", "out"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("`CI_NODE_INDEX` is not set"), "{}", said(&output));
    let mut command = place.command(&["sweep", "scenarios", "--seeds", "0..3", "--shard", "gitlab", "--out", "out"]);
    let output = command.env("CI_NODE_INDEX", "2").env("CI_NODE_TOTAL", "3").output().unwrap();
    assert_eq!(place.bundle("out").spec.shard, Shard { index: 2, count: 3 }, "{}", said(&output));
}

#[test]
fn a_part_that_is_whole_is_no_failure_whatever_it_came_to() {
    let place = Place::new();
    let output = place.sweep("out", &["--shard", "1/2", "--exit-zero"]);
    assert_eq!((output.status.code(), place.bundle("out").verdict), (Some(0), Verdict::Violated), "{}", said(&output));
    let output = place.sweep("stopped", &["--shard", "1/2", "--exit-zero", "--max-failures", "1", "--jobs", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let output = place.sweep("early", &["--shard", "2/2", "--exit-zero", "--max-time", "1ns", "--jobs", "1"]);
    assert_ne!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn a_sweep_says_how_fast_it_was_and_on_which_machine() {
    let place = Place::new();
    let output = place.sweep("out", &[]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("24 runs in ") && text.ends_with(" of CPU time for each of 24\n"), "{text}");
    let environment = Bundle::read(&place.path("out")).unwrap().environment;
    let system = &environment.systems[..];
    assert!(system.len() == 1 && system[0].starts_with(std::env::consts::OS), "{system:?}");
    assert!(environment.cpu_ns > 0 && environment.wall_ns > 0 && environment.cpus.len() <= 1);
    place.run(&["merge", "out", "--out", "merged"]);
    assert_eq!(Bundle::read(&place.path("merged")).unwrap().environment, environment);
}

#[test]
fn github_gets_a_summary_and_annotations() {
    let place = Place::new();
    let arguments = ["sweep", "scenarios", "--seeds", "0..4", "--github"];
    let refused = place.command(&arguments).env_remove("GITHUB_STEP_SUMMARY").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("`GITHUB_STEP_SUMMARY` is not set"), "{}", said(&refused));
    fs::write(place.path("summary"), "# Another step\n").unwrap();
    let output = place.command(&arguments).env("GITHUB_STEP_SUMMARY", place.path("summary")).output().unwrap();
    let marked: Vec<_> = said(&output).lines().filter(|line| line.starts_with("::error ")).map(str::to_owned).collect();
    assert!(
        marked.iter().any(|line| line.starts_with("::error title=S13 in scenarios/broken.toml (literal)::")),
        "{marked:?}"
    );
    let summary = fs::read_to_string(place.path("summary")).unwrap();
    assert!(summary.starts_with("# Another step\n# VIOLATED: "), "{summary}");
}

#[test]
fn each_seed_is_the_same_run_in_two_processes() {
    let place = Place::new();
    let output = place.run(&["sweep", "scenarios", "--seeds", "0..2", "--check-determinism"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(said(&output), "deterministic: 4 runs, each the same in two processes, event by event\n");
}

/// The path of a file may be anything.
#[test]
fn nothing_is_written_where_nothing_can_be() {
    let place = Place::new();
    fs::write(place.path("out"), "a file").unwrap();
    let output = place.sweep("out", &[]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("failed to create the folder `out`"), "{}", said(&output));
    assert!(Path::new(&place.path("out")).is_file());
}

#[test]
fn what_would_hurt_is_refused_before_anything_is_done() {
    let place = Place::new();
    for (arguments, expected) in [
        (["--jobs", "4000000000"], "1 to 1024"),
        (["--max-time", "0s"], "more than no time"),
        (["--max-failures", "0"], "0"),
        (["--max-stale", "0"], "0"),
    ] {
        let output = place.run(&[&["sweep", "hole/06_restart", "--seeds", "0..2"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
    for name in ["two\nlines.toml", "esc\u{1b}.toml", "turned\u{202e}.toml"] {
        let output = place.run(&["sweep", name, "--seeds", "0..1"]);
        assert!(said(&output).contains("cannot be shown") && output.status.code() == Some(2), "{}", said(&output));
        assert!(!said(&output).contains(name), "it is not shown as it is");
    }
    fs::create_dir(place.path("empty")).unwrap();
    assert!(said(&place.run(&["sweep", "empty"])).contains("found no scenario in `empty`"));
}

#[test]
fn a_file_whose_name_looks_like_a_pattern_is_a_file() {
    let place = Place::new();
    fs::write(place.path("b[x].toml"), countersign::scenario::shipped_text("hole/06_restart").unwrap()).unwrap();
    let output = place.run(&["sweep", "b[x].toml", "--seeds", "0..1"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn a_shard_without_runs_passes_and_a_part_is_not_replaced_by_the_whole() {
    let place = Place::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let out = format!("s{}", &shard[..1]);
        let output = place.run(&["sweep", "hole/06_restart", "--seeds", "0..2", "--shard", shard, "--out", &out]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    let before = fs::read(place.path("s1/sweep.json")).unwrap();
    for out in ["s1", "./s1/"] {
        let output = place.run(&["merge", "s1/sweep.json", "s2", "s3", "--out", out]);
        assert!(output.status.code() == Some(2) && said(&output).contains("another directory"), "{}", said(&output));
    }
    assert_eq!(fs::read(place.path("s1/sweep.json")).unwrap(), before);
    assert_eq!(place.run(&["merge", "s1", "s2", "s3", "--out", "whole"]).status.code(), Some(0));
}
