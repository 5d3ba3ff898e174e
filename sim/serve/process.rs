//! What the process takes of the machine.

/// Its CPU time, in seconds.
pub fn cpu_seconds() -> Option<f64> {
    cpu_time::ProcessTime::try_now().ok().map(|time| time.as_duration().as_secs_f64())
}

/// The memory that it has at the moment, where the system tells.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kilobytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}
