//! What a trace costs: the CPU time of a run with one, against that of the same run without.
//!
//! `cargo bench --bench tracing` takes the fastest of five runs of each kind, made in turn; `-- --quick` makes one of each.

use std::{
    env,
    error::Error,
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// Two with no RSA in them, where all else has the largest share, and one with it.
const RUNS: [(&str, &[&str]); 3] = [
    ("smoke/thousand_agents", &["--crypto", "modelled"]),
    ("hardship/swarm", &["--crypto", "modelled"]),
    ("smoke/first_contact", &["--crypto", "aws-lc"]),
];
/// What a trace may add to a run.
const TARGET_PERCENT: f64 = 15.0;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = if env::args().any(|argument| argument == "--quick") { 1 } else { 5 };
    println!("What a trace adds to the CPU time of a run; target: {TARGET_PERCENT} %\n");
    println!(
        "{:<42}{:>9}{:>12}{:>9}{:>11}{:>8}{:>11}",
        "RUN", "NO TRACE", "TO NOWHERE", "ADDED", "TO A FILE", "ADDED", "TRACE"
    );
    let file = env::temp_dir().join(format!("countersign-tracing-{}.jsonl", std::process::id()));
    for (scenario, arguments) in RUNS {
        let (mut alone_s, mut nowhere_s, mut written_s) = (f64::MAX, f64::MAX, f64::MAX);
        for _ in 0..rounds {
            // In turn, so that whatever else the machine does meets all of them. Noise only ever adds.
            alone_s = alone_s.min(cpu_s(scenario, arguments, None)?);
            nowhere_s = nowhere_s.min(cpu_s(scenario, arguments, Some(Path::new("/dev/null")))?);
            written_s = written_s.min(cpu_s(scenario, arguments, Some(&file))?);
        }
        let added = |with_s: f64| format!("{:+.1} %", 100.0 * (with_s / alone_s - 1.0));
        println!(
            "{:<42}{alone_s:>7.2} s{nowhere_s:>10.2} s{:>9}{written_s:>9.2} s{:>8}{:>7.0} MiB",
            format!("{scenario} {}", arguments.join(" ")),
            added(nowhere_s),
            added(written_s),
            fs::metadata(&file)?.len() as f64 / f64::from(1 << 20),
        );
        fs::remove_file(&file)?;
    }
    Ok(())
}

/// CPU seconds of a run, in a process of its own.
fn cpu_s(scenario: &str, arguments: &[&str], trace: Option<&Path>) -> Result<f64, Box<dyn Error>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["run", scenario, "--format", "json"]).args(arguments);
    if let Some(trace) = trace {
        command.arg("--trace").arg(trace);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(report["environment"]["cpu_ns"].as_f64().ok_or("no CPU time")? / 1e9)
}
