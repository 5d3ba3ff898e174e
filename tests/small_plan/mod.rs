//! Runs in process, and plans small enough to run many of them.

#![allow(dead_code, reason = "each suite uses its own part")]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use countersign::{
    event::Event,
    plan::Plan,
    report::{Environment, Findings, Report},
    run::{Finished, Options, Standing, run},
    scenario::{Overrides, Scenario, find},
    trace::TraceReader,
    types::{CryptoTier, Profile},
};

/// The plan of a shipped scenario.
pub fn shipped_plan(name: &str, seed: Option<u64>, profile: Option<Profile>, crypto: Option<CryptoTier>) -> Plan {
    find(name).unwrap().resolve(seed, Overrides { profile, crypto }).unwrap()
}

/// Four agents and two sites for three minutes, with every source of chance in use: latency, starts, jitter, clocks.
pub fn small_plan(seed: u64, crypto: CryptoTier) -> Plan {
    const SMALL: &str = r#"
        description = "Small."
        profile = "literal"
        duration = "3m"
        [network]
        tick = "1ms"
        latency = { min = "1ms", max = "9ms" }
        [sites]
        count = 2
        [[agents]]
        count = 4
        start = { min = "0s", max = "20s" }
        clock = { offset = { min = "-3s", max = "3s" } }
        visits = { every = "15s", jitter = "5s" }
        [parameters]
        token_lifetime = "1m"
        validation_period = "20s"
    "#;
    let overrides = Overrides { profile: None, crypto: Some(crypto) };
    Scenario::from_toml("small.toml", SMALL).unwrap().resolve(Some(seed), overrides).unwrap()
}

/// Runs a plan to its end.
pub fn finished(plan: &Plan) -> Finished {
    run(plan, Options::new(&AtomicBool::new(false), &mut |_| {})).unwrap()
}

/// The digest of a run of a plan.
pub fn digest(plan: &Plan) -> String {
    finished(plan).digest.unwrap()
}

/// Runs a plan to its end and holds the run against what the plan asks for.
pub fn report(plan: &Plan) -> Report {
    let Finished { judgement, measurements, latencies, digest, ended, .. } = finished(plan);
    let environment = Environment::default();
    Report::new(
        plan,
        Findings {
            pace: None,
            judgement,
            measurements,
            latencies,
            digest,
            interrupted: ended.was_interrupted,
            reproduce: String::new(),
            environment,
        },
    )
}

/// Runs a plan to its end, step by step.
pub fn without_jumps(plan: &Plan) -> Finished {
    let (never, mut nobody) = (AtomicBool::new(false), |_: Standing<'_>| {});
    run(plan, Options { skips_idle: false, ..Options::new(&never, &mut nobody) }).unwrap()
}

/// Digest and trace of a run of a plan, with or without jumps over idle time.
pub fn traced(plan: &Plan, skips_idle: bool) -> (Finished, Vec<u8>) {
    let trace = Shared::default();
    let (never, mut nobody) = (AtomicBool::new(false), |_: Standing<'_>| {});
    let options = Options { trace: Some(Box::new(trace.clone())), skips_idle, ..Options::new(&never, &mut nobody) };
    let finished = run(plan, options).unwrap();
    let bytes = trace.0.lock().unwrap().clone();
    (finished, bytes)
}

/// Every event of a run of a plan, read back from its trace.
pub fn history(plan: &Plan) -> Vec<Event> {
    let (_, trace) = traced(plan, true);
    TraceReader::new("trace", &*trace).unwrap().map(|record| record.unwrap().event).collect()
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
