//! The command line.

mod bench;
mod bounds;
mod bugs;
mod calibration;
#[cfg(feature = "sockets")]
mod capacity;
mod cluster;
mod compare;
#[cfg(feature = "sockets")]
mod costs;
pub mod determinism;
pub mod environment;
mod exit;
#[cfg(feature = "sockets")]
mod foretold_load;
mod github;
mod instant;
mod interrupt;
#[cfg(feature = "sockets")]
mod interruptions;
mod judge;
mod list;
#[cfg(feature = "sockets")]
mod load;
#[cfg(feature = "sockets")]
mod load_progress;
#[cfg(feature = "sockets")]
mod load_shard;
mod logs;
mod matrix;
mod merge;
#[cfg(feature = "sockets")]
mod observation;
mod outcome;
pub mod parallel;
#[cfg(feature = "sockets")]
mod predict;
pub mod progress;
mod run;
mod schema;
mod schemes;
mod seeds;
#[cfg(feature = "sockets")]
mod serve;
mod shard;
mod shrink;
#[cfg(feature = "sockets")]
mod start_at;
mod sweep;
pub mod token;
mod trace_file;
mod traces;
mod watchdog;

use std::{
    io::{self, IsTerminal, Write as _},
    num::NonZero,
    path::PathBuf,
    process::ExitCode,
};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};

pub use bench::BenchArgs;
pub use bugs::HUNTING_GROUNDS;
pub use cluster::{ClusterCommand, DealtArgs, KubernetesArgs, SlurmArgs};
pub use exit::{Exit, Failure};
pub use logs::LogsArgs;
pub use merge::MergeArgs;
pub use seeds::{Seeds, SweepSeeds};
pub use shrink::ShrinkArgs;
pub use traces::{ExplainArgs, ExportArgs, Form};
#[cfg(feature = "sockets")]
pub use {capacity::CapacityArgs, costs::CalibrateArgs, load::LoadArgs};

use crate::{
    scenario::{self, Overrides},
    trace::Filter,
    types::{Bug, CryptoTier, Profile, ShardSource, TimeSpan, VirtualTime},
};

/// Deterministic simulation and load-test harness for token-based authentication.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 80, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Start with:
  countersign run smoke/first_contact

Exit codes:
  0   everything asked for holds
  1   an invariant was violated: a bug was found
  2   usage or scenario error
  3   a threshold was missed
  4   inconclusive: something that the scenario must reach never happened
  70  internal error, or one of the machine, such as a full disk";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Simulate a scenario, judge it and report
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// Run a plan that was printed or kept earlier
    Replay(ReplayArgs),
    /// Tell one agent's story from a trace, in plain sentences
    Explain(ExplainArgs),
    /// Write a trace in the form of Perfetto, ShiViz or Mermaid
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Show a trace as the log records of agents and servers
    #[command(after_help = logs::EXAMPLES)]
    Logs(LogsArgs),
    /// Run a scenario on real sockets of this machine, in real time
    #[cfg(feature = "sockets")]
    #[command(after_help = load::EXAMPLES)]
    Load(LoadArgs),
    /// Find the largest multiple of a scenario that meets its thresholds
    #[cfg(feature = "sockets")]
    #[command(after_help = capacity::EXAMPLES)]
    Capacity(CapacityArgs),
    /// Measure what operations cost on this machine, for scenarios and predictions
    #[cfg(feature = "sockets")]
    Calibrate(CalibrateArgs),
    /// Simulate many seeds of some scenarios, on all cores
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(SweepArgs),
    /// Put the shards of a sweep together, or those of a load
    #[command(after_help = merge::EXAMPLES)]
    Merge(MergeArgs),
    /// Print what a cluster needs to sweep in shards and to merge them
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Find the smallest plan that fails in the same way, and write it as a scenario
    #[command(after_help = shrink::EXAMPLES)]
    Shrink(ShrinkArgs),
    /// Put two runs or two sweeps side by side, and tell change from chance
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// Run every attack and every hole under both profiles, and show what falls and what stands
    #[command(after_help = MATRIX_EXAMPLES)]
    Matrix(matrix::MatrixArgs),
    /// Plant bugs and see which invariant notices them, in a build made for it
    #[command(after_help = BUGS_EXAMPLES)]
    Bugs(BugsArgs),
    /// Measure what cryptography and protocol cost on this machine
    #[command(after_help = bench::EXAMPLES)]
    Bench(BenchArgs),
    /// Serve an SMP, a site server or a portal on real sockets
    #[cfg(feature = "sockets")]
    #[command(subcommand)]
    Serve(serve::ServeCommand),
    /// Make and explain tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// List the scenarios that come with the program, or print one
    Scenarios(ScenariosArgs),
    /// Print the JSON Schema of scenario files or of a server's configuration, for editors that complete and check them
    Schema(schema::SchemaArgs),
}

const RUN_EXAMPLES: &str = "\
Examples:
  countersign run smoke/first_contact
  countersign run rules/upstream_slots --seed 7 --profile hardened
  countersign run my_scenario.toml --plan-only > plan.json";

const SWEEP_EXAMPLES: &str = "\
Examples:
  countersign sweep hardship/swarm --seeds 0..1000
  countersign sweep hardship --seeds 0..50 --profile both --out sweep
  countersign sweep regressions --seeds own
  countersign sweep 'hole/*' my_scenarios --max-time 10m --max-failures 1
  countersign sweep hardship --seeds 0..10000 --shard 2/8 --out sweep-2

The exit code is that of the worst run.";

const COMPARE_EXAMPLES: &str = "\
Examples:
  countersign compare before after
  countersign compare before/sweep.json after/sweep.json --format json

Exits with 3 if a figure became worse beyond chance, or something fails that did not.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  countersign export run.jsonl --as perfetto --out run.json
  countersign export run.jsonl --as mermaid --actor agent-7 --from 5m --to 6m";

const MATRIX_EXAMPLES: &str = "\
Examples:
  countersign matrix
  countersign matrix attack/09 hole/06
  countersign matrix --format markdown > matrix.md

Exits with 1 if a run did not go as its scenario says, or the table checked differs.";

const BUGS_EXAMPLES: &str = "\
Examples:
  countersign bugs
  countersign bugs --seeds 0..50 window_off_by_one slot_leaked

Exits with 1 if a bug was not found. The build with planted bugs:
  cargo build --release --features planted-bugs";

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A scenario that comes with the program (`countersign scenarios` lists them), or a file
    pub scenario: String,
    /// Settle what the scenario leaves open by this seed [default: the scenario's own]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What is decided here instead of in the scenario.
    #[command(flatten)]
    pub overrides: OverrideArgs,
    /// What to do with the run.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Print the resolved plan as JSON and run nothing
    #[arg(long, conflicts_with_all = ["out", "trace", "until", "log"])]
    pub plan_only: bool,
    /// Plant this bug in the run, to see whether it is noticed
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_name = "BUG", value_parser = bug_parser())]
    pub plant: Option<Bug>,
    /// Run twice and show the first event that differs, if one does
    #[arg(long, conflicts_with_all = ["plan_only", "out", "trace", "until", "log"])]
    pub check_determinism: bool,
}

/// What is decided on the command line instead of in the scenario.
#[derive(Debug, Args)]
pub struct OverrideArgs {
    /// Show this face of the protocol instead of the scenario's
    #[arg(long, value_name = "P", value_parser = profile_parser())]
    pub profile: Option<Profile>,
    /// Sign with this implementation instead of the scenario's; the result is the same
    #[arg(long, value_name = "C", value_parser = crypto_parser())]
    pub crypto: Option<CryptoTier>,
}

impl OverrideArgs {
    /// For the scenario.
    pub fn overrides(&self) -> Overrides {
        Overrides { profile: self.profile, crypto: self.crypto }
    }
}

/// Arguments of `sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Scenarios that come with the program, or files; also folders and patterns such as `hole/*`
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// The seeds, from A up to, and not including, B; or `own`: each scenario once, with the seed that its file names
    #[arg(long, value_name = "A..B", default_value = "0..100")]
    pub seeds: SweepSeeds,
    /// Show this face of the protocol instead of the scenario's, or both, one after the other
    #[arg(long, value_enum, value_name = "P")]
    pub profile: Option<Profiles>,
    /// How many runs at the same time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = bounds::jobs)]
    pub jobs: Option<NonZero<usize>>,
    /// Keep a journal and results in this directory: a sweep that was killed goes on there where it was
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Make only this part of the runs, such as 2/8, or the one that the job's environment tells: slurm, gitlab,
    /// buildkite or kubernetes/8
    #[arg(long, value_name = "I/N", requires = "out")]
    pub shard: Option<ShardSource>,
    /// Exit with 0 once all runs are made, whatever they came to: `merge` tells the verdict
    #[arg(long, requires = "shard")]
    pub exit_zero: bool,
    /// Begin no further run after this time, such as 10m
    #[arg(long, value_name = "TIME", value_parser = bounds::patience)]
    pub max_time: Option<TimeSpan>,
    /// Begin no further run once so many did not pass
    #[arg(long, value_name = "N")]
    pub max_failures: Option<NonZero<u64>>,
    /// Begin no further run once so many in a row reached nothing new: no milestone, and no kind of failure
    #[arg(long, value_name = "N")]
    pub max_stale: Option<NonZero<u64>>,
    /// Also list the digest of every run
    #[arg(long)]
    pub digests: bool,
    /// Make every run twice, in two processes, and show the first event that differs, if one does
    #[arg(long, conflicts_with_all = ["out", "shard", "max_time", "max_failures", "max_stale", "digests"])]
    pub check_determinism: bool,
    /// Write the summary to the page of a GitHub job, and mark what did not pass in its log
    #[arg(long)]
    pub github: bool,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// What `run --out` or `sweep --out` wrote: the directory, or its report.json or sweep.json
    pub first: PathBuf,
    /// The same of what is to be held against it
    pub second: PathBuf,
    /// How to report on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// Which faces of the protocol a sweep shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Profiles {
    /// What the documents say
    Literal,
    /// With the holes closed
    Hardened,
    /// One after the other
    Both,
}

impl Profiles {
    fn overrides(self) -> Vec<Option<Profile>> {
        match self {
            Self::Literal => vec![Some(Profile::Literal)],
            Self::Hardened => vec![Some(Profile::Hardened)],
            Self::Both => vec![Some(Profile::Literal), Some(Profile::Hardened)],
        }
    }
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The plan, as `run --plan-only` prints it; `-` is standard input
    pub plan: PathBuf,
    /// What to do with the run.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What `run` and `replay` do with a run.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Write report and plan into this directory
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write every event as a line of JSON into this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Stop at this virtual time, such as 5m or 0:05:12.003, and report as far as the run came
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    pub until: Option<VirtualTime>,
    /// Print events on standard error as they happen: those of these actors, kinds or invariants, such as
    /// agent-7,accepted
    #[arg(long, value_name = "FILTER")]
    pub log: Option<Filter>,
    /// How to report on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// Arguments of `bugs`.
#[derive(Debug, Args)]
pub struct BugsArgs {
    /// The bugs to plant, one after the other [default: all]
    #[arg(value_name = "BUG", value_parser = bug_parser(), hide_possible_values = true)]
    pub bugs: Vec<Bug>,
    /// The seeds to try in ascending order; B is not included
    #[arg(long, value_name = "A..B", default_value_t = Seeds(0..200))]
    pub seeds: Seeds,
    /// A scenario to hunt in; may be given several times
    #[arg(long, value_name = "SCENARIO", default_values = HUNTING_GROUNDS)]
    pub scenario: Vec<String>,
    /// How many runs at the same time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = bounds::jobs)]
    pub jobs: Option<NonZero<usize>>,
    /// How to report on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: TableFormat,
}

/// How a table is written to standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum TableFormat {
    /// For people
    #[default]
    Text,
    /// A Markdown table
    Markdown,
    /// One JSON document
    Json,
}

/// Arguments of `scenarios`.
#[derive(Debug, Args)]
pub struct ScenariosArgs {
    /// Print the file of this one, to read it or to start from it
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// How to list them on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// How results are written to standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// If it cannot be done; the failure says why and knows its exit code.
    pub fn execute(&self) -> Result<Exit, Failure> {
        match self {
            Self::Run(args) => run::run(args),
            Self::Replay(args) => run::replay(args),
            #[cfg(feature = "sockets")]
            Self::Load(args) => load::load(args),
            #[cfg(feature = "sockets")]
            Self::Capacity(args) => capacity::capacity(args),
            #[cfg(feature = "sockets")]
            Self::Calibrate(args) => costs::calibrate(args),
            Self::Explain(args) => traces::explain(args),
            Self::Export(args) => traces::export(args),
            Self::Logs(args) => logs::logs(args),
            Self::Sweep(args) => sweep::sweep(args),
            Self::Compare(args) => compare::compare(args),
            Self::Shrink(args) => shrink::shrink(args),
            Self::Merge(args) => merge::merge(args),
            Self::Cluster(command) => cluster::cluster(command),
            Self::Matrix(args) => matrix::matrix(args),
            Self::Bugs(args) => bugs::bugs(args),
            Self::Bench(args) => bench::bench(args),
            #[cfg(feature = "sockets")]
            Self::Serve(command) => serve::serve(command),
            Self::Token(command) => token::token(command),
            Self::Scenarios(args) => exit::print(&match &args.name {
                None => list::render(args.format)?,
                Some(name) => scenario::shipped_text(name)?.to_owned(),
            }),
            Self::Schema(args) => schema::schema(args),
        }
    }
}

/// Parses the arguments, does what they ask and says how it ended.
pub fn main() -> ExitCode {
    let exit = Cli::parse().command.execute().unwrap_or_else(|failure| {
        // Whoever closed standard error does not want to know.
        let _ = write!(io::stderr(), "{}", failure.render(error_columns()));
        failure.exit()
    });
    exit.into()
}

/// How wide an error may be on the terminal behind standard error; none if there is no terminal.
fn error_columns() -> Option<usize> {
    const COLUMNS: usize = 80;
    std::io::stderr().is_terminal().then_some(COLUMNS)
}

fn profile_parser() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(["literal", "hardened"])
        .map(|name| if name == "hardened" { Profile::Hardened } else { Profile::Literal })
}

fn crypto_parser() -> impl TypedValueParser<Value = CryptoTier> {
    PossibleValuesParser::new(["aws-lc", "rsa", "modelled"]).map(|name| match name.as_str() {
        "rsa" => CryptoTier::Rsa,
        "modelled" => CryptoTier::Modelled,
        _ => CryptoTier::AwsLc,
    })
}

fn bug_parser() -> impl TypedValueParser<Value = Bug> {
    // The names are those of `ALL`, so that the first is never taken for another.
    PossibleValuesParser::new(Bug::ALL.iter().map(|bug| bug.name())).map(|name| name.parse().unwrap_or(Bug::ALL[0]))
}
