//! What a trace costs: the time of a run with one, against that of the same run without, by the clock and in CPU time. A trace
//! is written on a thread of its own, beside the run.
//!
//! `cargo bench --bench tracing` takes the fastest of five runs of each kind, made in turn; `-- --quick` makes one of each.

use std::{
    env,
    error::Error,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// Two with no RSA in them, where all else has the largest share, and one with it.
const RUNS: [(&str, &[&str]); 3] = [
    ("smoke/thousand_agents", &["--crypto", "modelled"]),
    ("hardship/swarm", &["--crypto", "modelled"]),
    ("smoke/first_contact", &["--crypto", "aws-lc"]),
];
/// What a trace may add to the time of a run.
const TARGET_PERCENT: f64 = 15.0;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = if env::args().any(|argument| argument == "--quick") { 1 } else { 5 };
    println!("What a trace adds to a run; target: {TARGET_PERCENT} % of its time\n");
    println!(
        "{:<42}{:>9}{:>10}{:>9}{:>9}{:>10}{:>9}{:>10}",
        "RUN", "TIME", "TRACED", "ADDED", "CPU", "TRACED", "ADDED", "TRACE"
    );
    let file = env::temp_dir().join(format!("countersign-tracing-{}.jsonl", std::process::id()));
    for (scenario, arguments) in RUNS {
        let (mut alone, mut traced) = (Cost::MAX, Cost::MAX);
        for _ in 0..rounds {
            // In turn, so that whatever else the machine does meets both. Noise only ever adds.
            alone = alone.least(cost(scenario, arguments, None)?);
            traced = traced.least(cost(scenario, arguments, Some(&file))?);
        }
        let added = |with_s: f64, without_s: f64| format!("{:+.1} %", 100.0 * (with_s / without_s - 1.0));
        println!(
            "{:<42}{:>7.2} s{:>8.2} s{:>9}{:>7.2} s{:>8.2} s{:>9}{:>6.0} MiB",
            format!("{scenario} {}", arguments.join(" ")),
            alone.time_s,
            traced.time_s,
            added(traced.time_s, alone.time_s),
            alone.cpu_s,
            traced.cpu_s,
            added(traced.cpu_s, alone.cpu_s),
            fs::metadata(&file)?.len() as f64 / f64::from(1 << 20),
        );
        fs::remove_file(&file)?;
    }
    Ok(())
}

/// Seconds that a run takes, in a process of its own.
#[derive(Clone, Copy)]
struct Cost {
    time_s: f64,
    cpu_s: f64,
}

impl Cost {
    const MAX: Self = Self { time_s: f64::MAX, cpu_s: f64::MAX };

    fn least(self, other: Self) -> Self {
        Self { time_s: self.time_s.min(other.time_s), cpu_s: self.cpu_s.min(other.cpu_s) }
    }
}

fn cost(scenario: &str, arguments: &[&str], trace: Option<&Path>) -> Result<Cost, Box<dyn Error>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["run", scenario, "--format", "json"]).args(arguments);
    if let Some(trace) = trace {
        command.arg("--trace").arg(trace);
    }
    let started = Instant::now();
    let output = command.stderr(Stdio::inherit()).output()?;
    let time_s = started.elapsed().as_secs_f64();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(Cost { time_s, cpu_s: report["environment"]["cpu_ns"].as_f64().ok_or("no CPU time")? / 1e9 })
}
