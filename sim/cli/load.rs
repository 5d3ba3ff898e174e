//! `load`: a scenario on real sockets.

use std::{
    io::{self, IsTerminal, Write},
    num::NonZero,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

use super::{
    Exit, Failure, Format, bounds,
    calibration::calibrate,
    costs,
    environment::{Gauge, stopwatch},
    exit::warn,
    foretold_load::foretell_and_make,
    interrupt,
    load_progress::LoadProgress,
    load_shard,
    outcome::{Delivery, Outcome},
    parallel::all_cores,
    profile_parser, start_at,
    trace_file::{TraceFile, other_file},
};
use crate::{
    load::Target,
    plan::Plan,
    report::{self, Environment},
    run::{self, Heard, LoadOptions, Standing},
    scenario::{self, Overrides},
    serve::config::read_trust,
    sweep::LoadShard,
    types::{CryptoTier, Origin, Profile, Shard, ShardSource, Thumbprint, TimeSpan, UnixSeconds, WallTime},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  countersign load load/sockets_steady
  countersign load load/sockets_storm --profile hardened --out report
  countersign load load/sockets_steady --profile hardened \
      --target http://127.0.0.1:8081 --smp http://127.0.0.1:8080 --pin PIN \
      --shard 1/2 --start-at $(($(date +%s) + 10)) --out shard-1

Servers and agents of the scenario speak real HTTP over loopback. Latency counts
from when a visit was due. Faults and attackers are for `run`.

With --shard, several processes make one load: `countersign merge shard-*` puts
their reports together, without loss, and judges the whole.";

/// Where nobody sees a bar, a load that takes longer says so when it begins.
const UNTOLD_MS: u64 = 30_000;

/// Arguments of `load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// A scenario that comes with the program (`countersign scenarios` lists them), or a file
    pub scenario: String,
    /// Settle what the scenario leaves open by this seed [default: the scenario's own]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Show this face of the protocol instead of the scenario's
    #[arg(long, value_name = "P", value_parser = profile_parser())]
    pub profile: Option<Profile>,
    /// Sign with this implementation instead of the scenario's
    #[arg(long, value_name = "C", value_parser = PossibleValuesParser::new(["aws-lc", "rsa"])
        .map(|name| if name == "rsa" { CryptoTier::Rsa } else { CryptoTier::AwsLc }))]
    pub crypto: Option<CryptoTier>,
    /// Visit this server, which somebody else has started, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL", requires = "pin")]
    pub target: Option<Origin>,
    /// Register with this SMP [default: the target]
    #[arg(long, value_name = "URL", requires = "target")]
    pub smp: Option<Origin>,
    /// The SMP's key by its thumbprint, as `serve smp` prints it
    #[arg(long, value_name = "PIN", requires = "target", allow_hyphen_values = true)]
    pub pin: Option<Thumbprint>,
    /// Trust servers with certificates by these, in PEM form
    #[arg(long, value_name = "FILE", requires = "target")]
    pub trust: Option<PathBuf>,
    /// Allow a target that is not on this machine: it is mine
    #[arg(long, requires = "target")]
    pub i_own_this_target: bool,
    /// Make only the visits of this part of the agents, such as 1/2, or of the one that the job's environment tells: slurm,
    /// gitlab, buildkite or kubernetes/8; `merge` puts the parts together
    #[arg(long, value_name = "I/N", requires = "out")]
    pub shard: Option<ShardSource>,
    /// Begin once this machine's clock shows this time, in seconds since 1970, as other generators do
    #[arg(long, value_name = "TIME", requires = "target", value_parser = start_at::parse)]
    pub start_at: Option<UnixSeconds>,
    /// Exit with 0 once the load is made, whatever it came to: `merge` tells the verdict
    #[arg(long, requires = "shard")]
    pub exit_zero: bool,
    /// Simulate it first, and show both side by side
    #[arg(long, conflicts_with_all = ["target", "shard"])]
    pub predict: bool,
    /// Foretell by the costs in this file, which `calibrate` wrote [default: measure them]
    #[arg(long, value_name = "FILE", requires = "predict")]
    pub costs: Option<PathBuf>,
    /// Foretell and load so often, up to 100 times, each time by the next seed and, without --costs, by costs that are measured anew,
    /// and show the middle of every figure: a machine among others is faster now and slower then
    #[arg(long, value_name = "N", requires = "predict", conflicts_with = "trace", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: Option<u32>,
    /// How many threads serve and visit, each on a core of its own where there
    /// are as many and nobody else makes the load [default: one for each core]
    #[arg(long, value_name = "N", value_parser = bounds::jobs)]
    pub workers: Option<NonZero<usize>>,
    /// Write report and plan into this directory; with --shard, what `merge` needs
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write every event as a line of JSON into this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// How to report on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

impl LoadArgs {
    /// What is decided here instead of in the scenario. Modelled signatures say nothing in real time: real ones take their
    /// place.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides { profile: self.profile, crypto: Some(self.crypto.unwrap_or(CryptoTier::AwsLc)) }
    }
}

/// Runs a scenario on real sockets, judges it and reports.
pub(super) fn load(args: &LoadArgs) -> Result<Exit, Failure> {
    other_file(args.trace.as_deref(), Path::new(&args.scenario))?;
    let scenario = scenario::find(&args.scenario)?;
    let mut plan = scenario.resolve(args.seed, args.overrides())?;
    let target = target(args)?;
    if let Some(target) = &target {
        target.replace_servers(&mut plan);
    }
    let (shard, start_at) = (load_shard::asked(args)?, args.start_at.map(start_at::settle).transpose()?);
    let interrupted = interrupt::listen();
    if let Some(folder) = args.out.as_deref() {
        report::make_folder(folder)?;
    }
    let workers = args.workers.unwrap_or_else(all_cores);
    // Before anything is written: what is wrong with the costs is the user's to mend.
    let known = args.costs.as_deref().map(costs::read).transpose()?;
    let (trace_file, trace) = args.trace.as_deref().map(TraceFile::create).transpose()?.unzip();
    let reproduce =
        report::reproduce_load(&args.scenario, &plan) + &aimed_at(args) + &foretold_by(args) + &worked_by(args);
    let (out, format) = (args.out.as_deref(), args.format);
    let making = Making {
        target: target.clone(),
        shard: shard.unwrap_or(Shard::WHOLE),
        start_at,
        trace,
        ..Making::new(workers, interrupted)
    };
    let to = Delivery { out, trace: args.trace.as_deref(), format };
    if args.predict {
        let rounds = foretell_and_make(args, &scenario, plan.seed, known.as_ref(), &reproduce, making)?;
        return rounds.deliver(&to, trace_file);
    }
    tell_duration(&plan);
    let (Some(shard), Some(target), Some(folder)) = (shard, target, out) else {
        let outcome = make(reproduce, &plan, making)?;
        return outcome.deliver(&plan, &to, trace_file);
    };
    let (heard, environment) = hear(&plan, making)?;
    let was_interrupted = heard.ended.was_interrupted;
    let part = load_shard::of(&plan, shard, &target, reproduce.clone(), &heard, environment.clone());
    // What others need is written first, and told last.
    let written = report::write_file(&folder.join(LoadShard::FILE), || Ok(part.to_json()?));
    let reproduce = format!("{reproduce} --shard {shard} --out {}", report::shell_word(&folder.display().to_string()));
    let plan = load_shard::plan_of(&plan, shard);
    let mut outcome = Outcome::of(&plan, heard.finish(), reproduce, environment);
    outcome.report.generators.push(part.generator());
    let exit = outcome.deliver(&plan, &Delivery { out: None, ..to }, trace_file)?;
    written?;
    warn(&format!(
        "this is shard {shard} alone, kept in {}: `countersign merge` judges the whole by what the scenario asks for",
        folder.display()
    ));
    Ok(if args.exit_zero && !was_interrupted { Exit::Holds } else { exit })
}

/// Says how long a load takes, if nobody sees a bar.
pub(super) fn tell_duration(plan: &Plan) {
    if !io::stderr().is_terminal() && plan.duration_ms > UNTOLD_MS {
        warn(&format!("the load takes {}; Ctrl-C ends it", TimeSpan::from_millis(plan.duration_ms)));
    }
}

/// The arguments that say which servers are visited.
fn aimed_at(args: &LoadArgs) -> String {
    let (target, smp, pin) = (&args.target, &args.smp, &args.pin);
    let trust = args.trust.as_ref().map(|path| format!(" --trust {}", report::shell_word(&path.display().to_string())));
    let own = args.i_own_this_target.then(|| " --i-own-this-target".to_owned());
    let options = [
        target.as_ref().map(|target| format!(" --target {target}")),
        smp.as_ref().map(|smp| format!(" --smp {smp}")),
        pin.map(|pin| format!(" --pin {pin}")),
        trust,
        own,
    ];
    options.into_iter().flatten().collect()
}

/// The arguments that say what is foretold by.
fn foretold_by(args: &LoadArgs) -> String {
    let predict = args.predict.then(|| " --predict".to_owned());
    let costs = args.costs.as_ref().map(|path| format!(" --costs {}", report::shell_word(&path.display().to_string())));
    let rounds = args.rounds.map(|rounds| format!(" --rounds {rounds}"));
    [predict, costs, rounds].into_iter().flatten().collect()
}

/// The argument that says how many threads there are.
fn worked_by(args: &LoadArgs) -> String {
    args.workers.map_or_else(String::new, |workers| format!(" --workers {workers}"))
}

/// The servers that the arguments name, if they name any.
fn target(args: &LoadArgs) -> Result<Option<Target>, Failure> {
    let (Some(server), Some(pin)) = (&args.target, args.pin) else { return Ok(None) };
    let smp = args.smp.as_ref().unwrap_or(server).clone();
    let trust = args.trust.as_deref().map(read_trust).transpose()?;
    let is_owned = args.i_own_this_target;
    let target = Target { server: server.clone(), smp, pin, trust, is_owned };
    let is_own = is_owned
        || target.is_loopback().map_err(|error| Failure::Usage(format!("failed to find {server}: {error}")))?;
    if !is_own {
        return Err(Failure::Usage(format!(
            "{server} is not on this machine: a load may only be put on servers of one's own; say so with \
             --i-own-this-target"
        )));
    }
    Ok(Some(target))
}

/// How a load is made.
pub(super) struct Making<'a> {
    /// How many threads serve and visit.
    pub workers: NonZero<usize>,
    /// The servers to visit, if somebody else has started them.
    target: Option<Target>,
    /// Which part of the agents come.
    shard: Shard,
    /// When it begins.
    start_at: Option<WallTime>,
    /// Where every event goes.
    trace: Option<Box<dyn Write + Send>>,
    /// Ends it early.
    pub interrupted: &'a AtomicBool,
}

impl<'a> Making<'a> {
    /// All agents and their servers, at once.
    pub fn new(workers: NonZero<usize>, interrupted: &'a AtomicBool) -> Self {
        Self { workers, target: None, shard: Shard::WHOLE, start_at: None, trace: None, interrupted }
    }

    /// All agents and their servers, as a prediction has them: the first load that is made so has the trace.
    pub fn again(&mut self) -> Self {
        Self { trace: self.trace.take(), ..Self::new(self.workers, self.interrupted) }
    }
}

/// Puts a plan on real sockets and holds what came of it against what the plan asks for. `reproduce` is the command that
/// does so again.
pub(super) fn make(reproduce: String, plan: &Plan, making: Making<'_>) -> Result<Outcome, Failure> {
    let (heard, environment) = hear(plan, making)?;
    Ok(Outcome::of(plan, heard.finish(), reproduce, environment))
}

/// Puts a plan on real sockets and listens.
fn hear(plan: &Plan, making: Making<'_>) -> Result<(Heard, Environment), Failure> {
    let Making { workers, target, shard, start_at, trace, interrupted } = making;
    let mut progress = LoadProgress::new(plan.duration_ms, io::stderr().is_terminal());
    let mut tell = |standing: Standing<'_>| {
        progress.update(&standing);
    };
    // What the machine can do is measured before it is busy.
    let calibration = calibrate(plan.crypto, plan.seed).map_err(Failure::internal)?;
    let gauge = Gauge::start();
    let (workers, stopwatch) = (workers.get(), Some(stopwatch as fn() -> u64));
    let options = LoadOptions { workers, target, shard, start_at, trace, stopwatch, interrupted, progress: &mut tell };
    let heard = run::load(plan, options).map_err(|error| match error.is_usage() {
        true => Failure::Usage(error.to_string()),
        false => Failure::Internal(error.to_string()),
    })?;
    progress.finish();
    let environment = gauge.read(heard.ended.at, &heard.ended.totals, heard.listening);
    Ok((heard, environment.with_calibration(calibration)))
}
