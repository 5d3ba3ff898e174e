//! `load`: a scenario on real sockets.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use super::{
    Exit, Failure, Format, LoadArgs,
    calibration::calibrate,
    costs,
    environment::{Gauge, stopwatch},
    exit::print,
    interrupt,
    parallel::all_cores,
    predict::predict,
    progress::Progress,
    trace_file::{TraceFile, other_file},
};
use crate::{
    crypto::KeyError,
    load::LoadError,
    metrics::PaceFigures,
    report::{self, Evidence, Findings, Report, text},
    run::{self, LoadOptions, Standing},
    scenario,
};

/// Runs a scenario on real sockets, judges it and reports.
pub(super) fn load(args: &LoadArgs) -> Result<Exit, Failure> {
    other_file(args.trace.as_deref(), Path::new(&args.scenario))?;
    let plan = scenario::find(&args.scenario)?.resolve(args.seed, args.overrides())?;
    if let Some(folder) = args.out.as_deref() {
        report::make_folder(folder)?;
    }
    let interrupted = interrupt::listen();
    let mut progress = Progress::new(plan.duration_ms, io::stderr().is_terminal());
    let mut tell = |standing: Standing<'_>| {
        progress.update(standing.at.nanos() / 1_000_000, standing.accepted, standing.violations);
    };
    let workers = args.workers.unwrap_or_else(all_cores);
    let predicted = if args.predict {
        let costs = args.costs.as_deref().map_or_else(|| costs::measure(plan.crypto), costs::read)?;
        let cores = u32::try_from(workers.get()).unwrap_or(u32::MAX);
        Some(predict(&plan, costs, cores, interrupted, &mut |_| {})?)
    } else {
        None
    };
    let (trace_file, trace) = args.trace.as_deref().map(TraceFile::create).transpose()?.unzip();
    // What the machine can do is measured before it is busy.
    let calibration = calibrate(&plan).map_err(Failure::internal)?;
    let gauge = Gauge::start();
    let finished = run::load(
        &plan,
        LoadOptions { workers: workers.get(), trace, stopwatch: Some(stopwatch), interrupted, progress: &mut tell },
    )
    .map_err(|error| match error {
        LoadError::OnlySimulated(_) | LoadError::Key(KeyError::NotBuilt(_)) => Failure::Usage(error.to_string()),
        _ => Failure::Internal(error.to_string()),
    })?;
    progress.finish();
    let environment = gauge.read(finished.ended.at, &finished.ended.totals, finished.listening);
    let report = Report::new(
        &plan,
        Findings {
            judgement: finished.judgement,
            measurements: finished.measurements,
            pace: finished.pace.map(|pace| PaceFigures { predicted, ..pace }),
            latencies: finished.latencies,
            digest: finished.digest,
            interrupted: finished.ended.was_interrupted,
            reproduce: report::reproduce_load(&args.scenario, &plan),
            environment: environment.with_calibration(calibration),
        },
    );
    let written = args.out.as_deref().map_or(Ok(()), |folder| {
        let (latencies, scene) = (&report.latencies, finished.scene.as_ref());
        report::write(folder, &report, &plan, Evidence { latencies, scene, trace: None })
    });
    match args.format {
        Format::Text => print(&text(&report, io::stdout().is_terminal()))?,
        Format::Json => print(&report.to_json().map_err(Failure::internal)?)?,
    };
    written?;
    match (finished.trace_error, trace_file) {
        (None, Some(file)) => file.keep()?,
        (Some(error), Some(file)) => {
            return Err(Failure::Internal(format!("{}: {error}", file.written().display())));
        }
        _ => {}
    }
    Ok(report.verdict.into())
}
