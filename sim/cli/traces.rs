//! `explain` and `export`: what a trace shows.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use super::{Exit, Failure, exit::print, instant, trace_file::other_file};
use crate::{
    report::write_file,
    trace::{Mermaid, Perfetto, ReadError, Selection, Shiviz, Story, TraceHeader, TraceReader},
    types::{ActorId, VirtualTime},
};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The trace, as `run --trace` writes it; `-` is standard input
    pub trace: PathBuf,
    /// Whose story: agent-7, or any other actor
    #[arg(long, value_name = "ACTOR")]
    pub agent: ActorId,
    /// Begin at this time, such as 5m or 0:05:00.000
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    pub from: Option<VirtualTime>,
    /// End at this time
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    pub to: Option<VirtualTime>,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The trace, as `run --trace` writes it; `-` is standard input
    pub trace: PathBuf,
    /// For which tool
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub form: Form,
    /// Write into this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Begin at this time, such as 5m or 0:05:00.000
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    pub from: Option<VirtualTime>,
    /// End at this time
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    pub to: Option<VirtualTime>,
    /// Only this actor and what happens on its connections; may be given several times
    #[arg(long, value_name = "ACTOR")]
    pub actor: Vec<ActorId>,
    /// How many arrows a sequence diagram has at most
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub arrows: usize,
    /// Draw the last arrows of a sequence diagram instead of the first
    #[arg(long)]
    pub last: bool,
}

/// The form of another tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Form {
    /// Trace events as JSON, for ui.perfetto.dev and chrome://tracing
    Perfetto,
    /// A log with vector clocks, for ShiViz
    Shiviz,
    /// A sequence diagram
    Mermaid,
}

/// `explain`: tells one agent's story.
pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, Failure> {
    let (from, to) = range(args.from, args.to)?;
    let mut story = Story::new(args.agent, from, to);
    let trace = open(&args.trace)?;
    let TraceHeader { scenario, seed, profile, .. } = trace.header().clone();
    for record in trace {
        story.hear(&record?);
    }
    let absent = || Failure::Usage(format!("{} does nothing in the trace `{}`", args.agent, args.trace.display()));
    let text = story.finish().ok_or_else(absent)?;
    print(&format!("{} in {scenario} (seed {seed}, {profile})\n\n{text}", args.agent))
}

/// `export`: writes a trace in another tool's form.
pub(super) fn export(args: &ExportArgs) -> Result<Exit, Failure> {
    let (from, to) = range(args.from, args.to)?;
    other_file(args.out.as_deref(), &args.trace)?;
    let mut selection = Selection::new(from, to, args.actor.clone());
    let trace = open(&args.trace)?;
    let text = match args.form {
        Form::Perfetto => {
            let mut perfetto = Perfetto::new(trace.header());
            for record in trace {
                let record = record?;
                if selection.hear(&record) {
                    perfetto.add(&record);
                }
            }
            perfetto.finish()
        }
        Form::Shiviz => {
            let mut shiviz = Shiviz::new();
            for record in trace {
                let record = record?;
                if selection.hear(&record) {
                    shiviz.add(&record);
                }
            }
            shiviz.finish()
        }
        Form::Mermaid => {
            let mut mermaid = Mermaid::new(args.arrows, args.last);
            for record in trace {
                let record = record?;
                let is_wanted = selection.hear(&record);
                mermaid.add(&record, is_wanted);
            }
            mermaid.finish()
        }
    };
    match &args.out {
        None => print(&text),
        Some(path) if path == Path::new("-") => print(&text),
        Some(path) => {
            write_file(path, || Ok(text))?;
            Ok(Exit::Holds)
        }
    }
}

pub(super) fn range(from: Option<VirtualTime>, to: Option<VirtualTime>) -> Result<(VirtualTime, VirtualTime), Failure> {
    let (from, to) = (from.unwrap_or(VirtualTime::ZERO), to.unwrap_or(VirtualTime(u64::MAX)));
    if from > to {
        return Err(Failure::Usage(format!("--from {from} lies after --to {to}")));
    }
    Ok((from, to))
}

pub(super) fn open(path: &Path) -> Result<TraceReader<Box<dyn BufRead>>, Failure> {
    let file = path.display().to_string();
    let from: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let opened = File::open(path);
        Box::new(BufReader::new(opened.map_err(|source| ReadError::File { file: file.clone(), source })?))
    };
    Ok(TraceReader::new(file, from)?)
}
