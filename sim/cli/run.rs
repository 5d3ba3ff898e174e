//! `run` and `replay`.

use std::{
    io::{self, IsTerminal, Read},
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use super::{
    Exit, Failure, OutputArgs, ReplayArgs, RunArgs,
    calibration::calibrate,
    determinism,
    environment::{Gauge, own_program, stopwatch},
    exit::print,
    interrupt,
    outcome::{Delivery, Outcome},
    progress::Progress,
    trace_file::{TraceFile, other_file},
    watchdog::Watchdog,
};
use crate::{
    crypto::KeyError,
    plan::{Plan, PlanFileError},
    report,
    run::{self, Options, RunError, Standing},
    scenario,
    trace::EventLog,
    types::{CryptoTier, form_of},
    world::{Pulse, WorldError},
};

/// `run`: resolves the scenario and runs its plan.
pub(super) fn run(args: &RunArgs) -> Result<Exit, Failure> {
    other_file(args.output.trace.as_deref(), Path::new(&args.scenario))?;
    #[cfg_attr(not(feature = "planted-bugs"), expect(unused_mut, reason = "there is no bug to plant"))]
    let mut plan = scenario::find(&args.scenario)?.resolve(args.seed, args.overrides.overrides())?;
    #[cfg(feature = "planted-bugs")]
    {
        plan.bug = args.plant.or(plan.bug);
    }
    if args.plan_only {
        return print(&format!("{}\n", plan.to_json().map_err(Failure::internal)?));
    }
    if args.check_determinism {
        let program = own_program()?;
        let interrupted = interrupt::listen();
        let compared = determinism::compare(&program, [&plan, &plan]);
        if interrupted.load(Relaxed) {
            print("interrupted: the two runs did not come to their end\n")?;
            return Ok(Exit::Inconclusive);
        }
        let (exit, text) = compared?;
        print(&text)?;
        return Ok(exit);
    }
    execute(&plan, &args.output, report::reproduce(&args.scenario, &plan))
}

/// `replay`: runs a plan from a file.
pub(super) fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    other_file(args.output.trace.as_deref(), &args.plan)?;
    let plan = read_plan(&args.plan)?;
    execute(&plan, &args.output, report::reproduce_plan(&args.plan.display().to_string()))
}

/// Runs a plan. `reproduce` is the command that makes the run again, if it goes to its end.
fn execute(plan: &Plan, output: &OutputArgs, reproduce: String) -> Result<Exit, Failure> {
    let until = output.until.map_or_else(String::new, |until| format!(" --until {until}"));
    if let Some(folder) = output.out.as_deref() {
        report::make_folder(folder)?;
    }
    let interrupted = interrupt::listen();
    let gauge = Gauge::start();
    let mut progress = Progress::new(plan.duration_ms, io::stderr().is_terminal());
    let mut tell = |standing: Standing<'_>| {
        progress.update(standing.at.nanos() / 1_000_000, standing.accepted, standing.violations);
    };
    let (trace_file, trace) = output.trace.as_deref().map(TraceFile::create).transpose()?.unzip();
    let pulse = Arc::new(Pulse::default());
    let log = output.log.as_ref().map(|filter| Box::new(EventLog::new(io::stderr(), filter.clone())) as Box<_>);
    let options = Options {
        trace,
        log,
        until: output.until,
        stopwatch: Some(stopwatch),
        skips_idle: true,
        interrupted,
        pulse: Arc::clone(&pulse),
        progress: &mut tell,
    };
    let watchdog = Watchdog::start(pulse, format!("`{reproduce}`"));
    let finished = run::run(plan, options).map_err(|error| match error {
        RunError::Plan(_) | RunError::World(WorldError::Key(KeyError::NotBuilt(_))) => {
            Failure::Usage(error.to_string())
        }
        RunError::World(_) => {
            let written =
                trace_file.as_ref().map(|file| format!("; the trace up to there is `{}`", file.written().display()));
            Failure::Internal(format!("{error}{}", written.unwrap_or_default()))
        }
    })?;
    drop(watchdog);
    progress.finish();
    let mut environment = gauge.read(finished.ended.at, &finished.ended.totals, finished.listening);
    if plan.crypto != CryptoTier::Modelled {
        environment = environment.with_calibration(calibrate(plan.crypto, plan.seed).map_err(Failure::internal)?);
    }
    let mut outcome = Outcome::of(plan, finished, reproduce + &until, environment);
    outcome.report = outcome.report.until(output.until);
    let (out, trace, format) = (output.out.as_deref(), output.trace.as_deref(), output.format);
    outcome.deliver(plan, &Delivery { out, trace, format }, trace_file)
}

pub(super) fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let file = path.display().to_string();
    let read = if path == Path::new("-") {
        let mut content = Vec::new();
        io::stdin().read_to_end(&mut content).map(|_| content)
    } else {
        std::fs::read(path)
    };
    let content = read.map_err(|error| Failure::Usage(format!("failed to read the plan `{file}`: {error}")))?;
    let text = String::from_utf8(content).map_err(|error| {
        let found = form_of(error.as_bytes());
        Failure::Usage(PlanFileError::Foreign { file: file.clone(), found }.to_string())
    })?;
    if !text.trim_start().starts_with('{') && Path::new(&file).extension().is_some_and(|ending| ending == "toml") {
        let why = format!("`{file}` is no plan, which is JSON; a scenario runs with `countersign run {file}`");
        return Err(Failure::Usage(why));
    }
    Plan::from_json(&file, &text).map_err(|error| Failure::Usage(error.to_string()))
}
