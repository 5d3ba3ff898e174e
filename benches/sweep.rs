//! How many runs a sweep makes in a second, by the command itself.
//!
//! `cargo bench --bench sweep` takes the fastest of three sweeps of 50 seeds; `-- --quick` makes one of 6.

use std::{
    env,
    error::Error,
    fs,
    num::NonZero,
    path::Path,
    process::{Command, Stdio},
    thread,
};

const SCENARIO: &str = "hardship/swarm";

fn main() -> Result<(), Box<dyn Error>> {
    let (rounds, seeds) = if env::args().any(|argument| argument == "--quick") { (1, 6_u32) } else { (3, 50) };
    println!("Runs of a sweep of {SCENARIO}, {seeds} seeds\n");
    println!(
        "{:<10}{:>5}{:>14}{:>22}{:>18}",
        "PROFILE", "JOBS", "CPU PER RUN", "RUNS PER CPU SECOND", "RUNS PER SECOND"
    );
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    for profile in ["literal", "hardened"] {
        for jobs in if cores > 1 { vec![1, cores] } else { vec![1] } {
            let (mut cpu_s, mut wall_s) = (f64::MAX, f64::MAX);
            for _ in 0..rounds {
                // Noise only ever adds.
                let (cpu, wall) = sweep(profile, seeds, jobs)?;
                (cpu_s, wall_s) = (cpu_s.min(cpu), wall_s.min(wall));
            }
            let runs = f64::from(seeds);
            let (per_run_ms, per_cpu_s, per_s) = (cpu_s * 1e3 / runs, runs / cpu_s, runs / wall_s);
            println!("{profile:<10}{jobs:>5}{per_run_ms:>11.0} ms{per_cpu_s:>22.2}{per_s:>18.2}");
        }
    }
    Ok(())
}

/// CPU and real seconds of a sweep, in a process of its own.
fn sweep(profile: &str, seeds: u32, jobs: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("countersign-sweep-{}", std::process::id()));
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["sweep", SCENARIO, "--seeds", &format!("0..{seeds}"), "--jobs", &jobs.to_string(), "--profile", profile])
        .arg("--out")
        .arg(&folder)
        .stderr(Stdio::inherit())
        .output()?;
    let figures = read(&folder).map_err(|error| format!("the sweep ended with {}: {error}", output.status));
    fs::remove_dir_all(&folder)?;
    figures.map_err(Into::into)
}

fn read(folder: &Path) -> Result<(f64, f64), Box<dyn Error>> {
    let sweep: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("sweep.json"))?)?;
    let seconds = |name: &str| sweep["environment"][name].as_f64().map(|ns| ns / 1e9);
    Ok((seconds("cpu_ns").ok_or("no CPU time")?, seconds("wall_ns").ok_or("no time")?))
}
