//! What a simulation costs: an authentication without its RSA, and a run with ever more agents.
//!
//! `cargo bench --bench simulation` prints two tables; `-- authentication` or `-- doubling` only one of them.

use std::{
    env,
    error::Error,
    fs,
    hint::black_box,
    process::{Command, Stdio},
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::{Duration, Instant},
};

use countersign::{
    bench::{Nothing, Stage},
    event::{Event, EventKind, Listener},
    metrics::Metrics,
    oracle::Oracle,
    plan::Plan,
    scenario::{Overrides, Scenario},
    trace::Digest,
    types::{Profile, VirtualTime},
    world::{self, Controls},
};

fn main() -> Result<(), Box<dyn Error>> {
    let asked: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|asked| name.contains(asked.as_str()));
    if is_asked("authentication") {
        authentication()?;
    }
    if is_asked("doubling") {
        doubling()?;
    }
    Ok(())
}

const REPETITIONS: u64 = 20_000;

fn authentication() -> Result<(), Box<dyn Error>> {
    println!("One authentication without RSA and HTTP, both sides; target: codec, registry and events in 10 µs\n");
    println!(
        "{:<10}{:>18}{:>20}{:>10}{:>10}{:>10}",
        "PROFILE", "ONE-STEP CODEC", "DIGEST OF EVENTS", "TOGETHER", "ORACLE", "METRICS"
    );
    let micros = |ns: f64| format!("{:.1} µs", ns / 1_000.0);
    for profile in [Profile::Literal, Profile::Hardened] {
        let (one_step_ns, two_step_ns) = codec_and_registry(profile)?;
        let events = events(profile)?;
        let per_authentication_ns = |took: Duration| took.as_nanos() as f64 / events.authentications as f64;
        println!(
            "{:<10}{:>18}{:>20}{:>10}{:>10}{:>10}",
            format!("{profile:?}").to_lowercase(),
            micros(one_step_ns),
            micros(per_authentication_ns(events.digest)),
            micros(one_step_ns + per_authentication_ns(events.digest)),
            micros(per_authentication_ns(events.oracle)),
            micros(per_authentication_ns(events.metrics)),
        );
        println!(
            "          two-step codec, the issuer's part included: {}; {:.1} events an authentication",
            micros(two_step_ns),
            events.heard as f64 / events.authentications as f64,
        );
    }
    println!();
    Ok(())
}

/// Nanoseconds of a one-step and of a two-step authentication, the SMP's part included in the latter.
fn codec_and_registry(profile: Profile) -> Result<(f64, f64), Box<dyn Error>> {
    let mut stage = Stage::new(Arc::new(Nothing), profile, 0)?;
    let two_step_ns = time(|| Ok(stage.two_step()?))?;
    let one_step_ns = time(|| Ok(stage.one_step()?))?;
    Ok((one_step_ns, two_step_ns))
}

/// The fastest of a few series, in nanoseconds for each repetition: noise only ever adds.
fn time(mut repeat: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..REPETITIONS {
            repeat()?;
        }
        fastest = fastest.min(start.elapsed());
    }
    Ok(fastest.as_nanos() as f64 / REPETITIONS as f64)
}

/// What the events of a warm fleet cost those that listen.
struct Events {
    heard: usize,
    authentications: usize,
    digest: Duration,
    oracle: Duration,
    metrics: Duration,
}

#[derive(Default)]
struct Kept(Vec<Event>);

impl Listener for Kept {
    fn hear(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

fn events(profile: Profile) -> Result<Events, Box<dyn Error>> {
    let mut plan = plan(200, "1m", "40m")?;
    plan.profile = profile;
    let kept = Arc::new(Mutex::new(Kept::default()));
    let (never, mut nobody) = (AtomicBool::new(false), |_| {});
    let controls = Controls::new(&never, &mut nobody);
    world::run(&plan, &kept, controls)?;
    let events = std::mem::take(&mut kept.lock().map_err(|_| "the run broke down")?.0);
    let end = VirtualTime::from_millis(plan.duration_ms);
    let fastest = |hear_all: &dyn Fn()| {
        let took = (0..5).map(|_| {
            let start = Instant::now();
            hear_all();
            start.elapsed()
        });
        took.min().unwrap_or_default()
    };
    let digest = fastest(&|| {
        let mut digest = Digest::new();
        events.iter().for_each(|event| digest.hear(event));
        black_box(digest.finish());
    });
    let oracle = fastest(&|| {
        let mut oracle = Oracle::new(&plan);
        events.iter().for_each(|event| oracle.hear(event));
        black_box(oracle.finish(end));
    });
    let metrics = fastest(&|| {
        let mut metrics = Metrics::new(&plan);
        events.iter().for_each(|event| metrics.hear(event));
        black_box(metrics.finish(end));
    });
    let authentications = events.iter().filter(|event| matches!(event.kind, EventKind::Accepted { .. })).count();
    Ok(Events { heard: events.len(), authentications, digest, oracle, metrics })
}

/// A fleet on four sites, as in `load/ten_thousand_day`.
fn plan(agents: u32, interval: &str, duration: &str) -> Result<Plan, Box<dyn Error>> {
    let text = format!(
        r#"
        description = "A fleet that grows."
        profile = "literal"
        crypto = "modelled"
        duration = "{duration}"
        [network]
        tick = "100ms"
        latency = "100ms"
        [sites]
        count = 4
        [[agents]]
        count = {agents}
        start = {{ min = "0s", max = "{interval}" }}
        bootstrap = "installed"
        policy_interval = "never"
        visits = {{ every = "{interval}", jitter = "20s" }}
        "#
    );
    Ok(Scenario::from_toml("growing.toml", &text)?.resolve(None, Overrides::default())?)
}

fn doubling() -> Result<(), Box<dyn Error>> {
    println!(
        "An hour with a visit every 15 minutes; target: twice the agents take at most twice the time and memory\n"
    );
    println!(
        "{:>6}  {:>8}  {:>6}  {:>9}  {:>6}  {:>14}  {:>8}",
        "AGENTS", "CPU", "RATIO", "MEMORY", "RATIO", "CPU PER ACCEPT", "VERDICT"
    );
    let folder = env::temp_dir().join(format!("countersign-doubling-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut measured: Vec<(u32, f64, f64)> = Vec::new();
    for agents in [1_000, 2_000, 4_000, 8_000, 16_000, 10_000, 20_000] {
        let file = folder.join("plan.json");
        fs::write(&file, plan(agents, "15m", "1h")?.to_json()?)?;
        // A process for each, so that the peak of memory is its own.
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["replay".as_ref(), file.as_os_str(), "--format".as_ref(), "json".as_ref()])
            .stderr(Stdio::inherit())
            .output()?;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let environment = &report["environment"];
        let (cpu_s, memory) = (
            environment["cpu_ns"].as_f64().ok_or("no CPU time")? / 1e9,
            environment["memory_peak_bytes"].as_f64().ok_or("no memory")? / f64::from(1 << 20),
        );
        let half = measured.iter().find(|(fewer, ..)| 2 * fewer == agents);
        let ratio = |now: f64, before: Option<f64>| before.map_or("–".to_owned(), |it| format!("{:.2}", now / it));
        let cpu_ratio = ratio(cpu_s, half.map(|(_, cpu_s, _)| *cpu_s));
        let memory_ratio = ratio(memory, half.map(|(.., memory)| *memory));
        let accepts =
            ["one_step", "two_step"].iter().filter_map(|name| report["milestones"][name].as_f64()).sum::<f64>();
        println!(
            "{agents:>6}  {cpu_s:>6.2} s  {cpu_ratio:>6}  {memory:>5.0} MiB  {memory_ratio:>6}  {:>11.0} µs  {:>8}",
            cpu_s * 1e6 / accepts,
            report["verdict"].as_str().unwrap_or("?")
        );
        measured.push((agents, cpu_s, memory));
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}
