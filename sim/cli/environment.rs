//! What a run takes of the real world: time, CPU, memory; and the machine that it runs on.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::Ordering::Relaxed,
    thread,
    time::{Duration, Instant},
};

use cpu_time::{ProcessTime, ThreadTime};

use super::Failure;
use crate::{
    crypto::WallTotals,
    report::{Environment, Listening, Operations},
    run,
    types::VirtualTime,
};

/// Measures what a run takes of the real world, from its making on.
#[derive(Debug)]
pub struct Gauge {
    started: Instant,
    cpu_before: Option<ProcessTime>,
}

impl Gauge {
    /// Starts to measure.
    pub fn start() -> Self {
        let started = Instant::now();
        Self { started, cpu_before: ProcessTime::try_now().ok() }
    }

    /// What was taken until now, when the run has got to `reached`, its engines to `totals` and its listeners took so
    /// much.
    pub fn read(&self, reached: VirtualTime, totals: &WallTotals, listening: run::Listening) -> Environment {
        let wall_ns = nanos(self.started.elapsed());
        let cpu = self.cpu_before.and_then(|before| before.try_elapsed().ok());
        let pace = (u128::from(reached.nanos()) * 1_000).checked_div(u128::from(wall_ns));
        Environment {
            version: env!("CARGO_PKG_VERSION").into(),
            system: system(),
            cpu: cpu_name(),
            cpu_features: cpu_features().into_iter().map(str::to_owned).collect(),
            cpus: thread::available_parallelism().map_or(1, |cpus| u64::try_from(cpus.get()).unwrap_or(u64::MAX)),
            wall_ns,
            cpu_ns: cpu.map(nanos),
            memory_peak_bytes: memory_peak_bytes(),
            virtual_ms_per_wall_s: pace.and_then(|pace| u64::try_from(pace).ok()).unwrap_or(u64::MAX),
            signs: Operations::new(totals.signs.load(Relaxed), totals.sign_ns.load(Relaxed)),
            verifies: Operations::new(totals.verifies.load(Relaxed), totals.verify_ns.load(Relaxed)),
            crypto_floor_ns: None,
            cpu_percent_of_floor: None,
            listening: Listening {
                oracle_ns: listening.oracle_ns,
                metrics_ns: listening.metrics_ns,
                trace_ns: listening.trace_ns,
            },
        }
    }
}

/// The file of this program.
pub(super) fn own_program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::Internal(format!("failed to find this program's own file: {error}")))
}

/// A [`Stopwatch`](crate::crypto::Stopwatch): the CPU time of the calling thread, in nanoseconds. On a machine that
/// others use, too, the time on the wall would count what they took.
pub fn stopwatch() -> u64 {
    ThreadTime::try_now().map_or(0, |time| nanos(time.as_duration()))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Operating system, its version where it can be had, and architecture.
pub(super) fn system() -> String {
    let (system, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    match fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(version) => format!("{system} {} {architecture}", version.trim()),
        Err(_) => format!("{system} {architecture}"),
    }
}

/// What the CPU calls itself, where the system tells it.
pub fn cpu_name() -> Option<String> {
    value_of(&fs::read_to_string("/proc/cpuinfo").ok()?, "model name")
}

/// The high-water mark of this process's memory: Linux tells it, others answer none.
fn memory_peak_bytes() -> Option<u64> {
    kibibytes_of(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM")
}

fn kibibytes_of(text: &str, name: &str) -> Option<u64> {
    let value = value_of(text, name)?;
    value.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// The value of a `name: value` line, as files of the proc file system have them.
fn value_of(text: &str, name: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// Features that RSA, AES and SHA-256 gain from, as far as this CPU has them.
pub fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let features = [
        ("avx512ifma", std::arch::is_x86_feature_detected!("avx512ifma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("bmi2", std::arch::is_x86_feature_detected!("bmi2")),
        ("adx", std::arch::is_x86_feature_detected!("adx")),
        ("sha", std::arch::is_x86_feature_detected!("sha")),
        ("aes", std::arch::is_x86_feature_detected!("aes")),
        ("vaes", std::arch::is_x86_feature_detected!("vaes")),
    ];
    #[cfg(target_arch = "aarch64")]
    let features = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("sha2", std::arch::is_aarch64_feature_detected!("sha2")),
        ("aes", std::arch::is_aarch64_feature_detected!("aes")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let features: [(&str, bool); 0] = [];
    features.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn memory_is_read_in_bytes_and_anything_else_is_none() {
        assert_eq!(kibibytes_of("VmPeak:\t  99 kB\nVmHWM:\t   12 kB\n", "VmHWM"), Some(12_288));
        assert_eq!(kibibytes_of("VmHWM:\t 12 MB\n", "VmHWM"), None);
        assert_eq!(kibibytes_of("", "VmHWM"), None);
    }

    #[test]
    fn work_takes_cpu_time() {
        let gauge = Gauge::start();
        // Until the CPU clock itself has moved, so that no speed is assumed.
        while gauge.read(VirtualTime::ZERO, &WallTotals::default(), run::Listening::default()).cpu_ns == Some(0) {
            black_box((0..10_000_u64).sum::<u64>());
        }
        let read = gauge.read(VirtualTime::from_millis(1), &WallTotals::default(), run::Listening::default());
        assert!(read.wall_ns > 0 && read.cpu_ns != Some(0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_the_peak_of_memory() {
        assert!(memory_peak_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }

    #[test]
    fn the_stopwatch_never_goes_back() {
        let first = stopwatch();
        assert!(stopwatch() >= first);
    }
}
