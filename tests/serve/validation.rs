//! What a validation of a whole cache costs a real SMP.

use std::{fs, hint::black_box, process::Command, sync::Arc, thread, time::Duration};

use countersign::{
    crypto::{Engine, KeyPool, backend},
    types::{CryptoTier, SeedStream},
};
use cpu_time::ThreadTime;

use crate::process::{SMP, Served, poll, site_config};

const TOKENS: u64 = 4_096;
/// The SMP may do so many thousandths of the signatures' own work.
const WORK_PER_MILLE_MAX: u64 = 1_300;
/// `USER_HZ` of every Linux that has been seen.
const CLOCK_TICK: Duration = Duration::from_millis(10);

const FLEET: &str = r#"
description = "As many agents as a validation may ask for, each of them once."
profile = "hardened"
duration = "30s"
sites = { count = 1 }
[[agents]]
count = 4096
policy_interval = "never"
arrivals = { phases = [{ rate = "205/s", for = "20s" }] }
"#;

#[test]
#[ignore = "a minute, and its figure wants a machine that is at rest: `cargo test --release --test serve -- --ignored`"]
fn a_validation_of_4096_tokens_is_hardly_more_than_its_signatures() {
    let folder = tempfile::tempdir().unwrap();
    // One validation, once everybody has been there: a token is asked for again only if an agent wanted it (rule 37).
    let policy = "[parameters]\ntoken_lifetime = \"30m\"\nvalidation_period = \"45s\"\nlook_ahead = \"1h\"\n";
    let smp = Served::start("smp", folder.path(), &format!("{SMP}{policy}"));
    let (origin, pin) = (smp.origin(), smp.pin());
    let site = Served::start("site", folder.path(), &site_config(&smp));
    smp.act(&format!("/sites/{}/approve", site.node()));
    site.until("its registration", |line| line["message"] == "registered with the SMP");

    fs::write(folder.path().join("fleet.toml"), FLEET).unwrap();
    let load = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(folder.path())
        .args(["load", "fleet.toml", "--format", "json", "--target", &site.origin(), "--smp", &origin, "--pin", &pin])
        .output()
        .unwrap();
    assert_eq!(site.figure("countersign_cache_entries"), TOKENS, "{}", String::from_utf8_lossy(&load.stderr));

    let issued = || smp.figure("countersign_issued_total{to=\"site\"}");
    assert_eq!(issued(), TOKENS, "the validation came too early");
    let before = cpu_time(&smp);
    // To be asked costs the SMP, too.
    let asked_now_and_then = || {
        thread::sleep(Duration::from_millis(500));
        (issued() == 2 * TOKENS).then_some(())
    };
    poll(asked_now_and_then).expect("a validation of the whole cache");
    // The last answer is sealed and sent.
    thread::sleep(Duration::from_millis(500));
    let took = cpu_time(&smp) - before;
    let signature = signature_cpu_time();
    let per_mille = took.as_nanos() * 1_000 / (signature * TOKENS as u32).as_nanos();
    println!("the SMP took {took:?}, a signature {signature:?}: {per_mille} per mille of {TOKENS} signatures");
    assert!(per_mille <= WORK_PER_MILLE_MAX.into(), "{per_mille} per mille");
}

/// CPU time that a process has taken, of the user and of the kernel.
fn cpu_time(of: &Served) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", of.id())).unwrap();
    // After the name, which is in brackets and may hold spaces.
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    CLOCK_TICK * fields[11..=12].iter().map(|ticks| ticks.parse::<u32>().unwrap()).sum()
}

fn signature_cpu_time() -> Duration {
    const SIGNATURES: u32 = 1_000;
    let engine = Engine::new(backend(CryptoTier::AwsLc).unwrap(), Arc::default(), None);
    let key = KeyPool::new(SeedStream::new(1)).private_key(0).unwrap();
    engine.prepare(&key).unwrap();
    let start = ThreadTime::now();
    for _ in 0..SIGNATURES {
        black_box(engine.sign(&key, black_box(b"a token")).unwrap());
    }
    start.elapsed() / SIGNATURES
}
