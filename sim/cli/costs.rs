//! What operations cost on this machine, in a file that scenarios and predictions use.

use std::{
    hint::black_box,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use clap::Args;
use cpu_time::ProcessTime;

use super::{
    Exit, Failure,
    calibration::{self, time},
    environment::stopwatch,
    exit::print,
    predict::predict,
};
use crate::{
    crypto::{Engine, KeyPool, backend},
    metrics::Machine,
    plan::Plan,
    protocol::{IssuedToken, Issuer, Subject, jwe},
    report::{self, Calibration},
    run::{self, LoadOptions, Standing},
    scenario::{CostFile, Overrides, Scenario},
    types::{ActorId, Costs, CryptoTier, Jti, Origin, Scatter, Scheme, SeedStream, Shard, TimeSpan, Uid, UnixSeconds},
};

/// As long as the answer to one first fetch: a token and a key.
const BODY_BYTES: usize = 2_048;
/// A load at a pace that leaves most of the machine idle, each visit on a connection of its own and in one step.
const CORES: u32 = 2;
const LOAD: &str = r#"
description = "A few agents come again and again."
profile = "literal"
crypto = "aws-lc"
duration = "5s"
sites = { count = 1 }
[[agents]]
count = 20
bootstrap = "installed"
policy_interval = "never"
arrivals = { phases = [{ rate = "400/s", for = "5s" }] }
"#;

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Write the costs into this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `calibrate`: measures, and prints or writes the file.
pub(super) fn calibrate(args: &CalibrateArgs) -> Result<Exit, Failure> {
    let machine = measure(CryptoTier::AwsLc)?;
    let text = written(&machine);
    match &args.out {
        None => print(&text),
        Some(path) => {
            report::write_file(path, || Ok(text)).map_err(Failure::internal)?;
            Ok(Exit::Holds)
        }
    }
}

/// What `calibrate` found out and wrote into a file.
pub(super) fn read(path: &Path) -> Result<Machine, Failure> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("failed to read the costs `{file}`: {error}")))?;
    let (costs, scatter) = CostFile::from_toml(&file, &text)?;
    Ok(Machine { costs, scatter })
}

/// Measures every cost of this machine with one crypto tier: some seconds.
pub(super) fn measure(tier: CryptoTier) -> Result<Machine, Failure> {
    let failed = |error: Box<dyn std::error::Error>| Failure::Internal(format!("failed to calibrate: {error}"));
    let engine = Engine::new(backend(tier).map_err(Failure::internal)?, Arc::default(), None);
    let key = KeyPool::new(SeedStream::new(1)).private_key(0).map_err(Failure::internal)?;
    let Calibration { sign_ns, verify_ns } = calibration::calibrate(tier, 1).map_err(failed)?;
    let body = vec![b'x'; BODY_BYTES];
    let mut rng = SeedStream::new(1).rng("calibrate", 0);
    let sealed = jwe::seal(&body, key.public(), &engine, &mut rng).map_err(Failure::internal)?;
    let issuer = Issuer::new(Plan::node_of(ActorId::Smp), key.clone(), Duration::from_secs(3_600));
    let subject = Subject {
        agent: Plan::node_of(ActorId::Agent(1)),
        uid: Uid::from_bits(1),
        agent_key: key.public().thumbprint(),
        audience: Origin::new(Scheme::Http, "site-1".to_owned(), 80),
    };
    let token = issuer.issue(subject, Jti::from_bits(1), UnixSeconds(1), &engine).map_err(Failure::internal)?;
    let costs = Costs {
        sign_ns,
        verify_ns,
        parse_ns: time(10_000, || {
            black_box(IssuedToken::parse(black_box(token.text())));
            Ok(())
        })
        .map_err(failed)?,
        seal_ns: time(100, || {
            black_box(jwe::seal(black_box(&body), key.public(), &engine, &mut rng)).map(drop).ok();
            Ok(())
        })
        .map_err(failed)?,
        open_ns: time(100, || {
            black_box(jwe::open(black_box(&sealed), &key, &engine)).map(drop).ok();
            Ok(())
        })
        .map_err(failed)?,
        request_ns: 0,
        closing_ns: 0,
    };
    observe(costs)
}

/// Puts a load on, and sees what everything about one HTTP request but cryptography takes, both ends and the kernel's part
/// included, and how late visits begin and end that nothing keeps from it.
///
/// What a simulation without it leaves unexplained of the middle latency comes before the answer, the rest of its CPU time
/// after it.
fn observe(costs: Costs) -> Result<Machine, Failure> {
    let scenario = Scenario::from_toml("calibration.toml", LOAD)?;
    let plan: Plan = scenario.resolve(None, Overrides::default())?;
    let (interrupted, mut nobody) = (AtomicBool::new(false), |_: Standing<'_>| {});
    let options = LoadOptions {
        workers: CORES as usize,
        target: None,
        shard: Shard::WHOLE,
        start_at: None,
        trace: None,
        stopwatch: Some(stopwatch),
        interrupted: &interrupted,
        progress: &mut nobody,
    };
    let before = ProcessTime::try_now().map_err(Failure::internal)?;
    let finished = run::load(&plan, options).map_err(Failure::internal)?.finish();
    let cpu_ns = u64::try_from(before.try_elapsed().map_err(Failure::internal)?.as_nanos()).unwrap_or(u64::MAX);
    let totals = &finished.ended.totals;
    let crypto_ns = totals.sign_ns.load(Relaxed) + totals.verify_ns.load(Relaxed);
    let requests = finished.measurements.traffic.sent().max(1);
    let whole_ns = (cpu_ns.saturating_sub(crypto_ns) / requests).saturating_sub(costs.parse_ns);

    let unscattered = Machine { costs, scatter: Scatter::default() };
    let predicted = predict(&plan, &unscattered, CORES, &interrupted, &mut nobody)?.one_step_ns.unwrap_or_default();
    let middle_ns = finished.measurements.total.authentication.one_step_ns.unwrap_or_default().p50;
    let request_ns = middle_ns.saturating_sub(predicted.p50).min(whole_ns);
    let costs = Costs { request_ns, closing_ns: whole_ns - request_ns, ..costs };

    let from_due = finished.pace.unwrap_or_default().one_step_from_due_ns.unwrap_or_default();
    let computed_ns = predicted.p50 + request_ns;
    let late = |latency_ns: u64| latency_ns.saturating_sub(computed_ns);
    let scatter = Scatter {
        p50_ns: late(from_due.p50),
        p90_ns: late(from_due.p90),
        p99_ns: late(from_due.p99),
        p999_ns: late(from_due.p999),
    };
    Ok(Machine { costs, scatter })
}

/// As a file has them.
fn written(machine: &Machine) -> String {
    let time = |nanos: u64| format!("\"{}\"", TimeSpan::from_nanos(nanos));
    let Machine { costs, scatter } = machine;
    format!(
        "# What operations cost on one core of the machine on which `countersign calibrate` wrote this.\n\
         # `request` is everything about one HTTP request but cryptography, at both ends, up to its answer; `closing` what\n\
         # follows. This table can stand in a scenario.\n\
         [costs]\nsign = {}\nverify = {}\nparse = {}\nseal = {}\nopen = {}\nrequest = {}\nclosing = {}\n\n\
         # How late things happen while the machine is not busy, timers and wake-ups: predictions add it.\n\
         [scatter]\np50 = {}\np90 = {}\np99 = {}\np999 = {}\n",
        time(costs.sign_ns),
        time(costs.verify_ns),
        time(costs.parse_ns),
        time(costs.seal_ns),
        time(costs.open_ns),
        time(costs.request_ns),
        time(costs.closing_ns),
        time(scatter.p50_ns),
        time(scatter.p90_ns),
        time(scatter.p99_ns),
        time(scatter.p999_ns),
    )
}
