//! The manifest for Kubernetes is one that its API server takes, does what the sweep needs, and says to the program what
//! the program understands.
//!
//! The schema is that of Kubernetes' own API description, as the program `kubernetes-validate` from PyPI has it. With
//! `--strict` it refuses keys that the schema does not name, as the API server does with strict validation.

mod yaml;

use std::io::Write as _;

use clap::Parser as _;
use countersign::cli::{Cli, Command};
use serde_json::Value;

const ARGUMENTS: [&str; 14] = [
    "cluster",
    "kubernetes",
    "hardship",
    "hole/0[1-3]*",
    "--seeds",
    "0..100",
    "--profile",
    "both",
    "--shards",
    "5",
    "--image",
    "registry.example/countersign:1",
    "--name",
    "night",
];

fn printed(arguments: &[&str]) -> String {
    let output = assert_cmd::Command::cargo_bin("countersign").unwrap().args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The volume, the Job of the shards, and the Job that merges.
fn manifest() -> [Value; 3] {
    yaml::documents(&printed(&ARGUMENTS)).try_into().unwrap()
}

#[test]
fn the_manifest_keeps_to_the_schema_of_kubernetes() {
    let Some(valid) = schema_check(&printed(&ARGUMENTS)) else { return };
    assert_eq!(valid, Ok(()));
    for (right, wrong) in [
        ("completionMode: Indexed", "completionModus: Indexed"),
        ("backoffLimitPerIndex: 5", "backoffLimitPerIndex: five"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: \"yes\""),
        ("- action: Ignore\n        onPod", "- onPod"),
        ("accessModes: [ReadWriteMany]", "accessModes: ReadWriteMany"),
    ] {
        let text = printed(&ARGUMENTS);
        let changed = text.replacen(right, wrong, 1);
        assert_ne!(changed, text, "{right}");
        assert!(schema_check(&changed).unwrap().is_err(), "{wrong}");
    }
}

/// Whether a manifest keeps to the schema of its kinds and has no keys beside. None where nobody can tell.
fn schema_check(manifest: &str) -> Option<Result<(), String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.yaml");
    std::fs::write(&path, manifest).unwrap();
    match std::process::Command::new("kubernetes-validate").arg("--strict").arg(&path).output() {
        Err(_) => {
            // Past the capture of what tests that pass have printed.
            let said = "\nskipped, no kubernetes-validate here: pip install kubernetes-validate";
            let _ = writeln!(std::io::stderr(), "{said}");
            None
        }
        Ok(output) if output.status.success() => Some(Ok(())),
        Ok(output) => Some(Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())),
    }
}

/// Rules of the API server that no schema tells.
#[test]
fn shards_are_indexed_and_come_back_when_they_are_disturbed() {
    let [volume, shards, merger] = manifest();
    let spec = &shards["spec"];
    assert_eq!((&spec["completionMode"], &spec["completions"]), (&"Indexed".into(), &5.into()));
    assert!(spec["parallelism"].as_u64() <= spec["completions"].as_u64());
    // A policy for failures, and a limit for each index, are for pods that are not started again.
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Never");
    let rules = spec["podFailurePolicy"]["rules"].as_array().unwrap();
    assert_eq!(rules[0]["onPodConditions"][0]["type"], "DisruptionTarget");
    assert_eq!(rules[1]["onExitCodes"]["containerName"], spec["template"]["spec"]["containers"][0]["name"]);
    assert_eq!((&merger["spec"]["suspend"], &merger["spec"]["backoffLimit"]), (&true.into(), &0.into()));
    assert_eq!(volume["spec"]["accessModes"], serde_json::json!(["ReadWriteMany"]));
    for job in [&shards, &merger] {
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let [container] = &pod["containers"].as_array().unwrap()[..] else { panic!("{pod}") };
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
        // What is written goes to the volume, the only thing that can be written to.
        let [mount] = &container["volumeMounts"].as_array().unwrap()[..] else { panic!("{container}") };
        assert_eq!(mount["name"], pod["volumes"][0]["name"]);
        assert_eq!(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], volume["metadata"]["name"]);
        assert_eq!(container["image"], "registry.example/countersign:1");
    }
}

#[test]
fn the_program_understands_what_it_is_told_there() {
    let [_, shards, merger] = manifest();
    let parsed = |job: &Value| {
        let container = &job["spec"]["template"]["spec"]["containers"][0];
        let words = [&container["command"], &container["args"]].into_iter().flat_map(|list| list.as_array().unwrap());
        Cli::try_parse_from(words.map(|word| word.as_str().unwrap())).unwrap().command
    };
    let Command::Sweep(sweep) = parsed(&shards) else { panic!("{shards}") };
    assert_eq!(sweep.scenarios, ["hardship", "hole/0[1-3]*"]);
    let shard = sweep.shard.unwrap().shard(|name| (name == "JOB_COMPLETION_INDEX").then(|| "4".to_owned())).unwrap();
    assert_eq!(shard.to_string(), "5/5");
    assert!(sweep.exit_zero && sweep.out.unwrap().starts_with("/sweep"));
    let Command::Merge(merge) = parsed(&merger) else { panic!("{merger}") };
    assert_eq!(merge.sweeps, ["/sweep/shard-*"]);
}

#[test]
fn a_mistake_shows_before_a_cluster_is_asked() {
    let refused = |arguments: &[&str]| {
        let output = assert_cmd::Command::cargo_bin("countersign").unwrap().args(arguments).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let slurm = ["cluster", "slurm", "hole/01*", "--seeds", "0..5"];
    assert!(refused(&[&slurm[..], &["--shards", "6"]].concat()).contains("6 shards for 5 runs"));
    assert!(refused(&["cluster", "slurm", "hardsip"]).contains("hardsip"));
    assert!(refused(&[&ARGUMENTS[..13], &["Night_1"]].concat()).contains("lower-case"));
    assert!(refused(&["cluster", "kubernetes", "hardship"]).contains("--image"));
}
