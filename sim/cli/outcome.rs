//! What came of a run, in the world or on sockets, and how whoever asked for it gets it.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use super::{
    Exit, Failure, Format,
    exit::{print, warn},
    trace_file::TraceFile,
};
use crate::{
    oracle::Scene,
    plan::Plan,
    report::{self, Environment, Evidence, Findings, Report, text},
    run::Finished,
    trace::TraceError,
};

/// What came of a run, held against what its plan asks for.
pub(super) struct Outcome {
    pub report: Report,
    scene: Option<Scene>,
    trace_error: Option<TraceError>,
}

/// Where it goes.
pub(super) struct Delivery<'a> {
    /// The directory of report and plan.
    pub out: Option<&'a Path>,
    /// The file of the trace; `-` is standard output.
    pub trace: Option<&'a Path>,
    /// The form of the report on standard output.
    pub format: Format,
}

impl Outcome {
    /// Judges a run. `reproduce` is the command that makes it again.
    pub fn of(plan: &Plan, finished: Finished, reproduce: String, environment: Environment) -> Self {
        let Finished { judgement, scene, measurements, pace, latencies, digest, ended, trace_error, .. } = finished;
        let interrupted = ended.was_interrupted;
        let findings =
            Findings { judgement, measurements, pace, latencies, digest, interrupted, reproduce, environment };
        Self { report: Report::new(plan, findings), scene, trace_error }
    }

    /// A report alone.
    pub fn of_report(report: Report) -> Self {
        Self { report, scene: None, trace_error: None }
    }

    /// Writes the files, prints the report and gives the trace its name.
    pub fn deliver(self, plan: &Plan, to: &Delivery<'_>, trace_file: Option<TraceFile>) -> Result<Exit, Failure> {
        let Self { report, scene, trace_error } = self;
        // A file that cannot be written must not cost whoever waited for it the report on standard output.
        let written = to.out.map_or(Ok(()), |folder| {
            let trace = to.trace.and_then(|trace| seen_from(folder, trace));
            let evidence = Evidence { latencies: &report.latencies, scene: scene.as_ref(), trace: trace.as_deref() };
            report::write(folder, &report, plan, evidence)
        });
        // A trace on standard output stands alone there.
        if to.trace != Some(Path::new("-")) {
            match to.format {
                Format::Text => print(&text(&report, io::stdout().is_terminal()))?,
                Format::Json => print(&report.to_json().map_err(Failure::internal)?)?,
            };
        } else if let Some(line) = report.stop_line() {
            warn(&line);
        }
        written?;
        match (trace_error, trace_file) {
            (None, Some(file)) => file.keep()?,
            // A reader that has read enough (`| head`) is no failure.
            (Some(error), Some(file)) if error.source.kind() != io::ErrorKind::BrokenPipe => {
                return Err(Failure::Internal(format!("{}: {error}", file.written().display())));
            }
            _ => {}
        }
        Ok(report.verdict.into())
    }
}

/// The way from a folder to a file, for a link; none to standard output.
fn seen_from(folder: &Path, file: &Path) -> Option<String> {
    if file == Path::new("-") {
        return None;
    }
    let (folder, file) = (std::path::absolute(folder).ok()?, std::path::absolute(file).ok()?);
    let shared = folder.components().zip(file.components()).take_while(|(ours, theirs)| ours == theirs).count();
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = file.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}
