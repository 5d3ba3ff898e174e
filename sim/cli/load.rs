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
    interrupt,
    outcome::{Delivery, Outcome},
    parallel::all_cores,
    predict::predict,
    profile_parser,
    progress::Progress,
    trace_file::{TraceFile, other_file},
};
use crate::{
    crypto::KeyError,
    load::{LoadError, Target},
    metrics::{LoadFigures, PaceFigures},
    plan::Plan,
    report,
    run::{self, LoadOptions, Standing},
    scenario::{self, Overrides},
    serve::config::read_trust,
    types::{CryptoTier, Origin, Profile, Thumbprint},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  countersign load load/sockets_steady
  countersign load load/sockets_storm --profile hardened --out report

Servers and agents of the scenario speak real HTTP over loopback. Latency counts
from when a visit was due. Faults and attackers are for `run`.";

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
    #[arg(long, value_name = "PIN", requires = "target")]
    pub pin: Option<Thumbprint>,
    /// Trust servers with certificates by these, in PEM form
    #[arg(long, value_name = "FILE", requires = "target")]
    pub trust: Option<PathBuf>,
    /// Allow a target that is not on this machine: it is mine
    #[arg(long, requires = "target")]
    pub i_own_this_target: bool,
    /// Simulate it first, and show both side by side
    #[arg(long, conflicts_with = "target")]
    pub predict: bool,
    /// Foretell by the costs in this file, which `calibrate` wrote [default: measure them]
    #[arg(long, value_name = "FILE", requires = "predict")]
    pub costs: Option<PathBuf>,
    /// How many threads serve and visit [default: one for each core]
    #[arg(long, value_name = "N", value_parser = bounds::jobs)]
    pub workers: Option<NonZero<usize>>,
    /// Write report and plan into this directory
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
    fn overrides(&self) -> Overrides {
        Overrides { profile: self.profile, crypto: Some(self.crypto.unwrap_or(CryptoTier::AwsLc)) }
    }
}

/// Runs a scenario on real sockets, judges it and reports.
pub(super) fn load(args: &LoadArgs) -> Result<Exit, Failure> {
    other_file(args.trace.as_deref(), Path::new(&args.scenario))?;
    let plan = scenario::find(&args.scenario)?.resolve(args.seed, args.overrides())?;
    if let Some(folder) = args.out.as_deref() {
        report::make_folder(folder)?;
    }
    let interrupted = interrupt::listen();
    let workers = args.workers.unwrap_or_else(all_cores);
    let predicted = if args.predict {
        let costs = args.costs.as_deref().map_or_else(|| costs::measure(plan.crypto), costs::read)?;
        let cores = u32::try_from(workers.get()).unwrap_or(u32::MAX);
        Some(predict(&plan, costs, cores, interrupted, &mut |_| {})?)
    } else {
        None
    };
    let (trace_file, trace) = args.trace.as_deref().map(TraceFile::create).transpose()?.unzip();
    let reproduce = report::reproduce_load(&args.scenario, &plan) + &aimed_at(args);
    let outcome = make(reproduce, &plan, workers, target(args)?, trace, predicted, interrupted)?;
    let (out, trace, format) = (args.out.as_deref(), args.trace.as_deref(), args.format);
    outcome.deliver(&plan, &Delivery { out, trace, format }, trace_file)
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

/// Puts a plan on real sockets and holds what came of it against what the plan asks for. `reproduce` is the command that
/// does so again.
pub(super) fn make(
    reproduce: String,
    plan: &Plan,
    workers: NonZero<usize>,
    target: Option<Target>,
    trace: Option<Box<dyn Write + Send>>,
    predicted: Option<LoadFigures>,
    interrupted: &AtomicBool,
) -> Result<Outcome, Failure> {
    let mut progress = Progress::new(plan.duration_ms, io::stderr().is_terminal());
    let mut tell = |standing: Standing<'_>| {
        progress.update(standing.at.nanos() / 1_000_000, standing.accepted, standing.violations);
    };
    // What the machine can do is measured before it is busy.
    let calibration = calibrate(plan.crypto, plan.seed).map_err(Failure::internal)?;
    let gauge = Gauge::start();
    let (workers, stopwatch) = (workers.get(), Some(stopwatch as fn() -> u64));
    let options = LoadOptions { workers, target, trace, stopwatch, interrupted, progress: &mut tell };
    let mut finished = run::load(plan, options).map_err(|error| match error {
        LoadError::OnlySimulated(_) | LoadError::Key(KeyError::NotBuilt(_)) => Failure::Usage(error.to_string()),
        _ => Failure::Internal(error.to_string()),
    })?;
    progress.finish();
    finished.pace = finished.pace.map(|pace| PaceFigures { predicted, ..pace });
    let environment = gauge.read(finished.ended.at, &finished.ended.totals, finished.listening);
    Ok(Outcome::of(plan, finished, reproduce, environment.with_calibration(calibration)))
}
