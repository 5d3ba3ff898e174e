//! `capacity`: the largest multiple of a scenario that meets its objectives.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use clap::Args;

use super::{
    Exit, Failure, Format,
    exit::{print, warn},
    interrupt,
    judge::judge,
    load,
    parallel::all_cores,
    profile_parser,
};
use crate::{
    plan::Thresholds,
    report::{self, Capacity, Step},
    scenario::{self, Overrides, Scenario},
    types::{CryptoTier, Profile},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  countersign capacity load/sockets_steady --sockets
  countersign capacity own.toml       # with [costs], as `calibrate` writes them

Rates of arrivals are multiplied, or the agents where these visit at intervals.
Exits with 4 if no limit was found: nothing meets the objectives, or all that was tried does, or the generator is the limit.";

/// Arguments of `capacity`.
#[derive(Debug, Args)]
pub struct CapacityArgs {
    /// A scenario with thresholds that comes with the program, or a file
    pub scenario: String,
    /// Settle what the scenario leaves open by this seed [default: the scenario's own]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Show this face of the protocol instead of the scenario's
    #[arg(long, value_name = "P", value_parser = profile_parser())]
    pub profile: Option<Profile>,
    /// Try it on real sockets of this machine, in real time [default: simulated]
    #[arg(long)]
    pub sockets: bool,
    /// How to report on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// The scenario itself.
const ONCE: u64 = 1_000;
/// Neither more than so many times the scenario is tried, nor less than its part of as many.
const MOST: u64 = 64 * ONCE;
const LEAST: u64 = ONCE / 64;
/// The answer is as good as this part of it, in thousandths.
const CLOSE: u64 = 50;

pub(super) fn capacity(args: &CapacityArgs) -> Result<Exit, Failure> {
    let scenario = scenario::find(&args.scenario)?;
    if scenario.document.thresholds == Thresholds::default() {
        return Err(Failure::Usage(format!(
            "{} has no [thresholds]: nothing tells when it is too much; give it one, such as `one_step_p99_ms = 50`",
            args.scenario
        )));
    }
    let interrupted = interrupt::listen();
    let mut trials = Trials { args, scenario, interrupted, steps: Vec::new() };
    trials.search()?;
    if interrupted.load(Relaxed) {
        warn("interrupted: the search did not come to its end");
    }
    let seed = args.seed.unwrap_or(trials.scenario.document.seed);
    let capacity = Capacity::new(&args.scenario, seed, args.sockets, trials.steps);
    match args.format {
        Format::Text => print(&capacity.to_text())?,
        Format::Json => print(&capacity.to_json().map_err(Failure::internal)?)?,
    };
    let is_known = capacity.is_limit_known() && !interrupted.load(Relaxed);
    Ok(if is_known { Exit::Holds } else { Exit::Inconclusive })
}

struct Trials<'a> {
    args: &'a CapacityArgs,
    scenario: Scenario,
    interrupted: &'static AtomicBool,
    steps: Vec<Step>,
}

impl Trials<'_> {
    /// Doubles or halves until one multiple is met and the double is not; then halves the distance.
    fn search(&mut self) -> Result<(), Failure> {
        let (mut met, mut missed) = if self.is_met(ONCE)? { (ONCE, 2 * ONCE) } else { (ONCE / 2, ONCE) };
        if met == ONCE {
            while missed <= MOST && self.is_met(missed)? {
                (met, missed) = (missed, 2 * missed);
            }
        } else {
            while met >= LEAST && !self.is_met(met)? {
                (met, missed) = (met / 2, met);
            }
        }
        if missed > MOST || met < LEAST {
            return Ok(());
        }
        while missed - met > met * CLOSE / 1_000 && !self.interrupted.load(Relaxed) {
            let middle = met.midpoint(missed);
            if self.is_met(middle)? { met = middle } else { missed = middle }
        }
        Ok(())
    }

    fn is_met(&mut self, per_mille: u64) -> Result<bool, Failure> {
        if self.interrupted.load(Relaxed) {
            return Ok(false);
        }
        let crypto = if self.args.sockets { CryptoTier::AwsLc } else { CryptoTier::Modelled };
        let overrides = Overrides { profile: self.args.profile, crypto: Some(crypto) };
        let plan = self.scenario.scaled(per_mille).resolve(self.args.seed, overrides)?;
        let name = &self.args.scenario;
        let report = if self.args.sockets {
            let making = load::Making::new(all_cores(), self.interrupted);
            load::make(report::reproduce_load(name, &plan), &plan, making)?.report
        } else {
            judge(name, &plan, self.interrupted)?
        };
        // What was cut off says nothing of so much.
        if self.interrupted.load(Relaxed) {
            return Ok(false);
        }
        let step = Step::of(per_mille, &report);
        let is_met = step.is_met();
        self.steps.push(step);
        Ok(is_met)
    }
}
