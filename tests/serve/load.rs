//! A load on servers that were there before.

use std::{
    fs,
    process::Command,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Instant,
};

use countersign::{
    event::{Event, Listener},
    load::{Controls, LoadError, Target},
    plan::Invariant,
    report::Report,
    scenario::{Overrides, Scenario},
    types::{CryptoTier, Shard},
};

use crate::{
    pair,
    process::{SMP, Served},
};

const SCENARIO: &str = r#"
description = "A few agents of another seed."
profile = "hardened"
duration = "3s"
sites = { count = 1 }
[[agents]]
count = 10
policy_interval = "never"
arrivals = { phases = [{ rate = "20/s", for = "2s" }] }
"#;

fn load(folder: &std::path::Path, arguments: &[&str]) -> (i32, String, String) {
    fs::write(folder.join("some.toml"), SCENARIO).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(folder)
        .args(["load", "some.toml", "--format", "json"])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn agents_register_and_find_out_who_their_server_is() {
    let folder = tempfile::tempdir().unwrap();
    let (smp, site) = pair(folder.path());
    let (smp_at, site_at, pin) = (smp.origin(), site.origin(), smp.pin());
    let arguments = ["--target", site_at.as_str(), "--smp", smp_at.as_str(), "--pin", pin.as_str()];
    // Another seed is another fleet, and the same one is known already.
    for (seed, nodes) in [("1", 11), ("2", 21), ("1", 21)] {
        let (_, out, error) = load(folder.path(), &[&arguments[..], &["--seed", seed]].concat());
        let report: Report = serde_json::from_str(&out).unwrap_or_else(|why| panic!("{why}: {error}"));
        let found = &report.measurements.total.authentication;
        assert_eq!((found.started, found.served), (40, 40), "{found:?}");
        assert_eq!(report.not_judged.len(), Invariant::ALL.len(), "nobody hears the servers");
        assert!(report.reproduce.ends_with(&arguments.join(" ")), "{}", report.reproduce);
        assert_eq!(smp.figure("countersign_nodes"), nodes);
    }
    assert_eq!(site.figure("countersign_accepts_total"), 120);
}

#[test]
fn a_server_elsewhere_is_left_alone_unless_it_is_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let smp = Served::start("smp", folder.path(), SMP);
    let pin = smp.pin();
    // An address for documentation (RFC 5737): nobody is there.
    let (exit, _, error) = load(folder.path(), &["--target", "http://192.0.2.1:8080", "--pin", &pin]);
    assert_eq!(exit, 2);
    assert!(error.contains("--i-own-this-target"), "{error}");
    // One thumbprint of 64 begins with a hyphen.
    let pin = format!("-{}", "A".repeat(42));
    let (exit, _, error) = load(folder.path(), &["--target", "http://192.0.2.1:8080", "--pin", &pin]);
    assert!(exit == 2 && error.contains("--i-own-this-target"), "{error}");
    let (exit, _, error) = load(folder.path(), &["--target", &smp.origin()]);
    assert!(exit == 2 && error.contains("--pin"), "{error}");
}

/// Nobody.
struct Unheard;

impl Listener for Unheard {
    fn hear(&mut self, _: &Event) {}
}

/// A name may lead elsewhere by the time that agents register: that goes to this machine alone, too.
#[test]
fn agents_that_register_before_a_load_stay_on_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let smp = Served::start("smp", folder.path(), SMP);
    let overrides = Overrides { profile: None, crypto: Some(CryptoTier::AwsLc) };
    let plan = Scenario::from_toml("some.toml", SCENARIO).unwrap().resolve(None, overrides).unwrap();
    // An address for documentation (RFC 5737): nobody is there.
    let elsewhere = "http://192.0.2.1:8080";
    for (server, smp_at) in [(elsewhere, smp.origin()), (&smp.origin(), elsewhere.to_owned())] {
        let (server, smp_at) = (server.parse().unwrap(), smp_at.parse().unwrap());
        let target = Target { server, smp: smp_at, pin: smp.pin().parse().unwrap(), trust: None, is_owned: false };
        let mut plan = plan.clone();
        target.replace_servers(&mut plan);
        let controls = Controls {
            workers: 1,
            target: Some(target),
            shard: Shard::WHOLE,
            start_at: None,
            stopwatch: None,
            interrupted: &AtomicBool::new(false),
            progress: &mut |_| {},
        };
        let begun = Instant::now();
        let error = countersign::load::run(&plan, &Arc::new(Mutex::new(Unheard)), controls).unwrap_err();
        assert!(matches!(error, LoadError::Unreachable { .. } | LoadError::Registration { .. }), "{error}");
        assert!(error.to_string().contains("192.0.2.1:8080 is not on this machine"), "{error}");
        assert!(begun.elapsed().as_secs() < 5, "nobody waits for an answer from there");
    }
}
