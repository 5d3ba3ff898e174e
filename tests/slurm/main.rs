//! A sweep on a real Slurm cluster comes to the same as one on this machine, to the byte: with shards that find
//! something, that are stopped by their time limit, and that lose their node.
#![cfg(target_os = "linux")]

mod cluster;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

use self::cluster::Cluster;

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");
const SHARDS: &str = "4";

/// Takes its time, so that a shard can be disturbed in the middle.
const SOUND: &str = r#"
description = "Some agents meet a site server."
profile = "literal"
crypto = "modelled"
duration = "1h"
sites = { count = 1 }
agents = [{ count = 20, start = { min = "0s", max = "9s" }, visits = { every = "20s", jitter = "5s" } }]
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

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A name that a shell would take apart.
        fs::create_dir(folder.path().join("my scenarios")).unwrap();
        fs::write(folder.path().join("my scenarios/sound.toml"), SOUND).unwrap();
        fs::write(folder.path().join("my scenarios/broken.toml"), BROKEN).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn countersign(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM).current_dir(self.0.path()).args(arguments).output().unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// How many runs a shard has made.
    fn made(&self, shard: &str) -> usize {
        self.read(&format!("out/{shard}/journal.jsonl")).lines().count().saturating_sub(1)
    }

    /// What a sweep came to, without the real world.
    fn result(&self, out: &str) -> String {
        let text = self.read(&format!("{out}/sweep.json"));
        let (deterministic, environment) = text.rsplit_once("\n  \"environment\": {").expect(out);
        assert!(environment.ends_with("\n  }\n}\n"));
        deterministic.to_owned()
    }
}

#[test]
fn shellcheck_has_nothing_to_say_about_the_script() {
    let place = Place::new();
    let script =
        place.countersign(&["cluster", "slurm", "my scenarios", "hole/*", "--profile", "both", "--out", "it's"]);
    fs::write(place.path("sweep.sh"), &script.stdout).unwrap();
    match Command::new("shellcheck").arg(place.path("sweep.sh")).output() {
        Err(_) => cluster::say("skipped, no shellcheck here: on Debian, apt-get install shellcheck"),
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
    }
}

/// Submits the script; gives the numbers of the array and of the merger.
fn submit(cluster: &Cluster, folder: &Path) -> (String, String) {
    let output = cluster.command("bash", &["sweep.sh"]).current_dir(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let after = |mark: &str| {
        let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("{text}{:?}", output.stderr));
        rest.chars().take_while(char::is_ascii_digit).collect()
    };
    (after("shards: job "), after("Submitted batch job "))
}

/// Waits for the merger, and gives its exit code as Slurm tells it.
fn merged(cluster: &Cluster, merger: &str) -> String {
    cluster.wait("the merger", || {
        let state = cluster.told(merger, "JobState")?;
        matches!(state.as_str(), "COMPLETED" | "FAILED" | "CANCELLED" | "TIMEOUT").then_some(())
    });
    cluster.told(merger, "ExitCode").unwrap()
}

#[test]
fn a_sweep_on_a_cluster_comes_to_the_same_as_one_on_one_machine() {
    sweep_on_a_cluster(false);
}

#[test]
fn tasks_that_are_queued_again_go_on_where_they_were() {
    sweep_on_a_cluster(true);
}

/// Lets the time limit of one task come near, and the node of another fail.
fn disturb(cluster: &Cluster, place: &Place, array: &str) {
    // The last task has the array's own number: what is meant for it alone must not strike the others.
    let (limited, lost) = (format!("{array}_4"), format!("{array}_2"));
    cluster.wait("two shards in the middle", || (place.made("shard-4") > 1 && place.made("shard-2") > 1).then_some(()));
    // As its time limit comes near, and as its node fails.
    cluster.ask("scancel", &["--signal=USR1", "--batch", &limited]);
    cluster.ask("scontrol", &["requeue", &lost]);
    for task in [&limited, &lost] {
        cluster.wait("a task that starts again", || (cluster.told(task, "Restarts")? == "1").then_some(()));
    }
}

fn sweep_on_a_cluster(is_disturbed: bool) {
    let Some(cluster) = Cluster::start() else { return };
    let place = Place::new();
    let runs = ["my scenarios", "--seeds", "0..24"];
    let script = place.countersign(
        &[&["cluster", "slurm"], &runs[..], &["--shards", SHARDS, "--cpus", "1", "--out", "out"]].concat(),
    );
    fs::write(place.path("sweep.sh"), &script.stdout).unwrap();

    let (array, merger) = submit(&cluster, place.0.path());
    if is_disturbed {
        disturb(&cluster, &place, &array);
    }
    // A violation was found: the merger says so, and no shard failed.
    assert_eq!(merged(&cluster, &merger), "1:0", "{}", place.read("out/log/merge.txt"));
    for task in 1..=4 {
        assert_eq!(cluster.told(&format!("{array}_{task}"), "JobState").as_deref(), Some("COMPLETED"));
        let restarts = cluster.told(&format!("{array}_{task}"), "Restarts");
        assert_eq!(restarts.as_deref(), Some(if is_disturbed && task % 2 == 0 { "1" } else { "0" }), "task {task}");
        let log = place.read(&format!("out/log/shard-{task}.txt"));
        assert_eq!(log.contains("runs were made before and are kept"), is_disturbed && task % 2 == 0, "{log}");
    }
    place.countersign(&[&["sweep"], &runs[..], &["--out", "whole"]].concat());
    assert_eq!(place.result("out/merged"), place.result("whole"));

    // Submitted again it goes on where it was: nothing is run again.
    let (_, merger) = submit(&cluster, place.0.path());
    assert_eq!(merged(&cluster, &merger), "1:0", "{}", place.read("out/log/merge.txt"));
    assert!(place.read("out/log/shard-1.txt").contains("12 of 12 runs were made before"));
    assert_eq!(place.result("out/merged"), place.result("whole"));

    // Whatever numbers an array has: Slurm tells which are its first and its last.
    let wrapped = format!(
        "{PROGRAM} sweep 'my scenarios' --seeds 0..2 --shard slurm --out part-$SLURM_ARRAY_TASK_ID --exit-zero"
    );
    let submitted = cluster
        .command("sbatch", &["--parsable", "--wait", "--array=10-14:4", "--wrap", &wrapped])
        .current_dir(place.0.path())
        .output()
        .unwrap();
    assert_eq!(submitted.status.code(), Some(0), "{submitted:?}");
    place.countersign(&["merge", "part-*", "--out", "parts"]);
    place.countersign(&["sweep", "my scenarios", "--seeds", "0..2", "--out", "few"]);
    assert_eq!(place.result("parts"), place.result("few"));
}
