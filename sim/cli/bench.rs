//! `bench`: what each crypto backend costs on this machine, operation by operation.

use std::{fmt::Write as _, num::NonZero, sync::Arc, thread, time::Duration};

use clap::Args;
use cpu_time::ThreadTime;
use serde::Serialize;

use super::{
    Exit, Failure, Format,
    environment::{cpu_features, cpu_name, system},
    exit::print,
    profile_parser,
};
use crate::{
    bench::{LOGIN_KEYS, Nothing, Operation, Prepared, login_guess},
    crypto::{Backend, backend},
    report::human::separated,
    types::{CryptoTier, Profile},
};

/// Rises when a field of the JSON form changes its meaning or goes.
const BENCH_VERSION: u32 = 1;

pub(super) const EXAMPLES: &str = "\
Examples:
  countersign bench
  countersign bench --quick --format json

In a build with the feature `peers`, OpenSSL, Graviola and ring are measured too.";

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Measure authentications of this face of the protocol
    #[arg(long, value_name = "P", value_parser = profile_parser(), default_value = "hardened")]
    pub profile: Profile,
    /// Take a second instead of ten: the figures are only a hint
    #[arg(long)]
    pub quick: bool,
    /// How to report on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// What was measured, and where: the JSON form.
#[derive(Debug, Serialize)]
struct Bench {
    countersign_bench: u32,
    program: &'static str,
    system: String,
    cpu: Option<String>,
    cpu_features: Vec<&'static str>,
    cores: usize,
    profile: Profile,
    quick: bool,
    operations: Vec<Measured>,
    login_token_guess: Guess,
}

/// What it takes to guess the key of a portal's login tokens by trying: never done, only worked out.
#[derive(Debug, Serialize)]
struct Guess {
    /// CPU time of one guess.
    ns: u64,
    /// How many guesses one core makes.
    per_core_s: u64,
    /// How many keys there are.
    keys: u64,
    /// How many years one core takes for half of them, which is what a guess takes on average.
    core_years: u64,
}

/// One operation, the fastest backend first.
#[derive(Debug, Serialize)]
struct Measured {
    operation: &'static str,
    #[serde(skip)]
    heading: &'static str,
    backends: Vec<Row>,
}

/// One operation of one backend.
#[derive(Debug, Serialize)]
struct Row {
    backend: &'static str,
    /// CPU time of one operation.
    ns: u64,
    /// How often one core does it.
    per_core_s: u64,
    /// How many thousandths of the fastest backend's time it takes.
    ratio_to_best_thousandths: u64,
}

pub(super) fn bench(args: &BenchArgs) -> Result<Exit, Failure> {
    let bench = measure(args)?;
    match args.format {
        Format::Text => print(&text(&bench)),
        Format::Json => {
            let json = serde_json::to_string_pretty(&bench).map_err(Failure::internal)?;
            print(&format!("{json}\n"))
        }
    }
}

fn measure(args: &BenchArgs) -> Result<Bench, Failure> {
    let backends = backends();
    // Noise only ever adds: the fastest of some rounds counts, in which all backends take turns.
    let (rounds, slice) = if args.quick { (1, Duration::from_millis(10)) } else { (4, Duration::from_millis(35)) };
    let mut operations = Vec::new();
    for operation in Operation::ALL {
        let mut measured: Vec<(&'static str, Prepared, u64)> = Vec::new();
        for backend in &backends {
            if backend.name() == Nothing.name() && !operation.is_path() {
                continue;
            }
            if let Some(prepared) = operation.prepare(backend, args.profile).map_err(Failure::internal)? {
                measured.push((backend.name(), prepared, u64::MAX));
            }
        }
        for _ in 0..rounds {
            for (_, prepared, fastest_ns) in &mut measured {
                *fastest_ns = (*fastest_ns).min(time(prepared, slice).map_err(Failure::internal)?);
            }
        }
        operations.push(Measured {
            operation: operation.name(),
            heading: heading(operation),
            backends: rows(measured.into_iter().map(|(name, _, ns)| (name, ns)).collect()),
        });
    }
    let mut guess = login_guess().map_err(Failure::internal)?;
    let mut guess_ns = u64::MAX;
    for _ in 0..rounds {
        guess_ns = guess_ns.min(time(&mut guess, slice).map_err(Failure::internal)?);
    }
    Ok(Bench {
        countersign_bench: BENCH_VERSION,
        program: env!("CARGO_PKG_VERSION"),
        system: system(),
        cpu: cpu_name(),
        cpu_features: cpu_features(),
        cores: thread::available_parallelism().map_or(1, NonZero::get),
        profile: args.profile,
        quick: args.quick,
        operations,
        login_token_guess: Guess::of(guess_ns),
    })
}

impl Guess {
    fn of(ns: u64) -> Self {
        const YEAR_S: u64 = 31_557_600;
        let per_core_s = (1_000_000_000 / ns.max(1)).max(1);
        Self { ns, per_core_s, keys: LOGIN_KEYS, core_years: LOGIN_KEYS / 2 / per_core_s / YEAR_S }
    }
}

/// The real tiers that are built in, the peers if there are any, and none.
fn backends() -> Vec<Arc<dyn Backend>> {
    let mut backends: Vec<_> =
        [CryptoTier::AwsLc, CryptoTier::Rsa].into_iter().filter_map(|tier| backend(tier).ok()).collect();
    #[cfg(feature = "peers")]
    backends.extend(crate::crypto::peers());
    backends.push(Arc::new(Nothing));
    backends
}

/// Nanoseconds of CPU time for each repetition. On a machine that others use, too, the time on the wall would count
/// what they took.
fn time(operation: &mut Prepared, slice: Duration) -> Result<u64, Box<dyn std::error::Error>> {
    let mut times = 1_u64;
    loop {
        let start = ThreadTime::try_now()?;
        for _ in 0..times {
            operation()?;
        }
        let took = start.try_elapsed()?;
        if took >= slice / 2 {
            return Ok(u64::try_from(took.as_nanos() / u128::from(times)).unwrap_or(u64::MAX).max(1));
        }
        times *= 2;
    }
}

/// The fastest first; what is done without RSA is beside the comparison.
fn rows(mut measured: Vec<(&'static str, u64)>) -> Vec<Row> {
    measured.sort_by_key(|(name, ns)| (*name == Nothing.name(), *ns));
    let best_ns = measured.first().map_or(1, |(_, ns)| *ns);
    let row = |(backend, ns): (&'static str, u64)| Row {
        backend,
        ns,
        per_core_s: 1_000_000_000 / ns,
        ratio_to_best_thousandths: ns.saturating_mul(1_000) / best_ns,
    };
    measured.into_iter().map(row).collect()
}

const fn heading(operation: Operation) -> &'static str {
    match operation {
        Operation::Sign => "Sign, RSA-2048, 1,000 bytes",
        Operation::Verify => "Verify with a key that was used before",
        Operation::VerifyFirst => "Verify with a key that is new",
        Operation::LoadPrivate => "Load a private key",
        Operation::Seal => "Encrypt 32 bytes, RSA-OAEP-256",
        Operation::Open => "Decrypt them",
        Operation::SitePath => "Site: parse, verify twice, cache, registry",
        Operation::SitePathRemembered => "Site, prefix remembered: verify once",
        Operation::OneStep => "One-step authentication, both ends",
        Operation::OneStepRemembered => "One-step, prefix remembered",
        Operation::TwoStep => "Two-step authentication, both ends and issuer",
    }
}

fn text(bench: &Bench) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    let cpu = bench.cpu.as_deref().unwrap_or("a CPU that does not tell its name");
    let features = if bench.cpu_features.is_empty() { "none".into() } else { bench.cpu_features.join(" ") };
    let cores = if bench.cores == 1 { "1 core".into() } else { format!("{} cores", bench.cores) };
    line(format_args!("countersign {} on {}, {cpu}, {cores}", bench.program, bench.system));
    line(format_args!("CPU features that count: {features}"));
    line(format_args!(
        "CPU time of one thread; {}",
        if bench.quick { "quick, so only a hint" } else { "the fastest of four rounds" }
    ));
    line(format_args!(""));
    line(format_args!("{:<48}{:>10}{:>14}{:>8}", "", "µs", "/s and core", "× best"));
    for measured in &bench.operations {
        if measured.backends.is_empty() {
            continue;
        }
        line(format_args!("{}", measured.heading));
        for row in &measured.backends {
            let is_without = row.backend == Nothing.name();
            let name = if is_without { "without RSA" } else { row.backend };
            let thousandths = row.ratio_to_best_thousandths;
            let ratio = if is_without {
                String::new()
            } else {
                format!("{}.{:02}", thousandths / 1_000, thousandths / 10 % 100)
            };
            let micros = format!("{}.{:02}", row.ns / 1_000, row.ns / 10 % 100);
            let figures = format!("  {name:<46}{micros:>10}{:>14}{ratio:>8}", separated(row.per_core_s));
            line(format_args!("{}", figures.trim_end()));
        }
    }
    let Guess { ns, per_core_s, core_years, .. } = bench.login_token_guess;
    line(format_args!("Guess a portal's Login Token Key, one of 10^18, by trying (HMAC-SHA1)"));
    let micros = format!("{}.{:02}", ns / 1_000, ns / 10 % 100);
    line(format_args!("  {:<46}{micros:>10}{:>14}", "a guess", separated(per_core_s)));
    line(format_args!("  {} years of one core on average", separated(core_years)));
    text
}
