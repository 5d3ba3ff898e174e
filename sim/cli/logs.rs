//! `logs`: a trace as the log records of its machines.

use std::{
    io::{self, BufWriter, ErrorKind, Write as _},
    path::PathBuf,
};

use clap::Args;

use super::{
    Exit, Failure, instant,
    traces::{open, range},
};
use crate::{
    logs::{LogFilter, LogLevels, LogRecord, Scribe, SeverityMask},
    types::{ActorId, VirtualTime},
};

/// What stands below the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  countersign run machine/hot_swap --trace run.jsonl
  countersign logs run.jsonl --filter 'Token registry' --actor site-1
  countersign logs run.jsonl --module-severity 0x3f --filter IISModule

A mask is the sum of 1 (error), 2 (warning), 4 (info), 8 (trace), 0x10 (verbose)
and 0x20 (debug). What a module says must be on in both masks.

Filters: NetworkOperation, IISModule, Token, Request:, Response:, SiteServer,
Token cache, Token registry, Token storage, Server keys:, _SMP_IUSR";

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The trace, as `run --trace` writes it; `-` is standard input
    pub trace: PathBuf,
    /// What management agents log
    #[arg(long, value_name = "MASK", default_value_t = SeverityMask::ALL)]
    pub severity: SeverityMask,
    /// What modules log in worker processes
    #[arg(long, value_name = "MASK", default_value_t = SeverityMask::NOTHING)]
    pub module_severity: SeverityMask,
    /// Only records with these words; may be given several times
    #[arg(long, value_name = "FILTER")]
    pub filter: Vec<LogFilter>,
    /// Only the logs of this actor; may be given several times
    #[arg(long, value_name = "ACTOR")]
    pub actor: Vec<ActorId>,
    /// Begin at this time, such as 5m or 0:05:00.000
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    pub from: Option<VirtualTime>,
    /// End at this time
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    pub to: Option<VirtualTime>,
}

/// `logs`: shows a trace as log records.
pub(super) fn logs(args: &LogsArgs) -> Result<Exit, Failure> {
    let (from, to) = range(args.from, args.to)?;
    let levels = LogLevels { management_agent: args.severity, module: args.module_severity };
    let mut scribe = Scribe::default();
    let mut lines = BufWriter::new(io::stdout().lock());
    for record in open(&args.trace)? {
        let is_wanted = |record: &LogRecord| {
            (from..=to).contains(&record.at)
                && levels.allow(record)
                && (args.actor.is_empty() || args.actor.contains(&record.actor))
                && (args.filter.is_empty() || args.filter.iter().any(|filter| filter.selects(record)))
        };
        for record in scribe.hear(&record?.event).filter(is_wanted) {
            match writeln!(lines, "{record}") {
                // Who reads has read enough.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Exit::Holds),
                written => written.map_err(failed)?,
            }
        }
    }
    match lines.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(failed(error)),
        _ => Ok(Exit::Holds),
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::Internal(format!("failed to write to standard output: {error}"))
}
