//! The manifest for Kubernetes is one that its API server takes, does what the sweep needs, and says to the program what
//! the program understands.
//!
//! The schema is that of Kubernetes' own API description, as `k8s-openapi` has it. Keys that it does not name are
//! refused, as the server does with strict validation.

mod json_schema;

use clap::Parser as _;
use countersign::cli::{Cli, Command};
use json_schema::keeps_to;
use k8s_openapi::api::{batch::v1::Job, core::v1::PersistentVolumeClaim};
use schemars::{JsonSchema, schema_for};
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
    let documents: Vec<Value> = serde_saphyr::from_multiple(&printed(&ARGUMENTS)).unwrap();
    documents.try_into().unwrap()
}

/// The schema of a kind, in which no object has keys that it does not name.
fn strict_schema<T: JsonSchema>() -> Value {
    fn close(schema: &mut Value) {
        if let Some(object) = schema.as_object_mut() {
            if object.contains_key("properties") && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".into(), false.into());
            }
            object.values_mut().for_each(close);
        }
        schema.as_array_mut().into_iter().flatten().for_each(close);
    }
    let mut schema = serde_json::to_value(schema_for!(T)).unwrap();
    // What every object has beside its own.
    for key in ["apiVersion", "kind"] {
        schema["properties"][key] = serde_json::json!({ "type": "string" });
    }
    close(&mut schema);
    schema
}

fn checked<T: JsonSchema>(value: &Value) -> Result<(), String> {
    let schema = strict_schema::<T>();
    keeps_to(value, &schema, &schema)
}

#[test]
fn the_manifest_keeps_to_the_schema_of_kubernetes() {
    let [volume, shards, merger] = manifest();
    assert_eq!(
        [&volume, &shards, &merger].map(|it| it["kind"].as_str().unwrap()),
        ["PersistentVolumeClaim", "Job", "Job"]
    );
    assert_eq!(
        [&volume, &shards, &merger].map(|it| it["apiVersion"].as_str().unwrap()),
        ["v1", "batch/v1", "batch/v1"]
    );
    assert_eq!(checked::<PersistentVolumeClaim>(&volume), Ok(()));
    assert_eq!(checked::<Job>(&shards), Ok(()));
    assert_eq!(checked::<Job>(&merger), Ok(()));
}

#[test]
fn the_check_finds_what_is_wrong() {
    let [_, job, _] = manifest();
    let with = |pointer: &str, value: Value| {
        let mut job = job.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        job.pointer_mut(parent).unwrap()[key] = value;
        checked::<Job>(&job).unwrap_err()
    };
    assert!(with("/spec/completion", 3.into()).contains("unknown key completion"));
    assert!(with("/spec/completions", "5".into()).contains("completions: "));
    assert!(
        with("/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem", "yes".into()).contains("yes")
    );
    assert!(with("/spec/template/spec/containers/0/arg", "x".into()).contains("unknown key arg"));
    assert!(with("/spec/template/spec/containers", Value::Null).contains("containers"));
    assert!(with("/spec/podFailurePolicy/rules/0", serde_json::json!({})).contains("action is missing"));
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
