//! `--check-determinism`: the same plan in two processes, compared event by event.

use std::{
    env,
    io::{BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
};

use super::{Exit, Failure, exit::print};
use crate::{plan::Plan, trace::first_difference};

/// Runs a plan in two processes at the same time; shows the first event in which they differ (S12).
pub(super) fn check(plan: &Plan) -> Result<Exit, Failure> {
    let json = plan.to_json().map_err(Failure::internal)?;
    let (mut first, first_trace) = start(&json)?;
    let (mut second, second_trace) = start(&json)?;
    let difference = first_difference(BufReader::new(first_trace), BufReader::new(second_trace));
    // Whoever has more to say finds nobody listening; that is no failure of the comparison.
    let statuses = [&mut first, &mut second].map(|child| child.wait());
    let difference = difference.map_err(|error| Failure::Internal(format!("failed to compare the runs: {error}")))?;
    match difference {
        Some(difference) => {
            print(&format!("NOT DETERMINISTIC: two runs of one plan differ.\n{difference}\n"))?;
            Ok(Exit::Violated)
        }
        None => {
            for status in statuses {
                let status = status.map_err(Failure::internal)?;
                let judged = [Exit::Holds, Exit::Violated, Exit::Missed, Exit::Inconclusive];
                if !judged.iter().any(|exit| status.code() == Some(exit.code().into())) {
                    return Err(Failure::Internal(format!("a run did not come to its end: {status}")));
                }
            }
            print("deterministic: two processes made the same run, event by event\n")
        }
    }
}

fn start(plan: &str) -> Result<(Child, ChildStdout), Failure> {
    let failed = |error: std::io::Error| Failure::Internal(format!("failed to start a run: {error}"));
    let program = env::current_exe().map_err(failed)?;
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
    stdin.write_all(plan.as_bytes()).map_err(failed)?;
    Ok((child, stdout))
}
