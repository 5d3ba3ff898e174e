//! `--check-determinism`: the same plan in two processes, compared event by event.

use std::{
    io::{BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

use super::{Exit, Failure};
use crate::{plan::Plan, trace::first_difference};

/// Runs two plans in two processes of `program` at the same time; says whether they made the same run, else shows the
/// first event in which they differ (S12). Whoever checks determinism gives the same plan twice.
///
/// # Errors
/// If a process cannot be started, or does not come to its end.
pub fn compare(program: &Path, plans: [&Plan; 2]) -> Result<(Exit, String), Failure> {
    let (mut first, first_trace) = start(program, plans[0])?;
    let (mut second, second_trace) = start(program, plans[1])?;
    let difference = first_difference(BufReader::new(first_trace), BufReader::new(second_trace));
    let has_ended = match &difference {
        Ok(None) => [true, true],
        Ok(Some(difference)) => difference.has_ended(),
        Err(_) => [false, false],
    };
    for (child, has_ended) in [(&mut first, has_ended[0]), (&mut second, has_ended[1])] {
        if !has_ended {
            // Nobody listens to it any more. It may have come to its end in the meantime: that is no failure.
            let _ = child.kill();
        }
        let status = child.wait().map_err(Failure::internal)?;
        // A trace also ends where its run breaks down, and that is no difference between two runs.
        if has_ended && !is_verdict(status) {
            return Err(Failure::Internal(format!("a run did not come to its end: {status}")));
        }
    }
    match difference.map_err(|error| Failure::Internal(format!("failed to compare the runs: {error}")))? {
        Some(difference) => {
            Ok((Exit::Violated, format!("NOT DETERMINISTIC: two runs of one plan differ.\n{difference}\n")))
        }
        None => Ok((Exit::Holds, "deterministic: two processes made the same run, event by event\n".to_owned())),
    }
}

/// Whether a process ended with a verdict on its run, good or bad.
fn is_verdict(status: ExitStatus) -> bool {
    [Exit::Holds, Exit::Violated, Exit::Missed, Exit::Inconclusive]
        .iter()
        .any(|exit| status.code() == Some(exit.code().into()))
}

fn start(program: &Path, plan: &Plan) -> Result<(Child, ChildStdout), Failure> {
    let failed = |error: std::io::Error| Failure::Internal(format!("failed to start a run: {error}"));
    let json = plan.to_json().map_err(Failure::internal)?;
    let mut child = Command::new(program)
        .args(["replay", "-", "--trace", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else {
        return Err(Failure::Internal("a run was started without pipes".to_owned()));
    };
    stdin.write_all(json.as_bytes()).map_err(failed)?;
    Ok((child, stdout))
}
