//! The real world in which a run was made: figures that differ from run to run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine that a run was made on, and what the run took of it.
///
/// Nothing of this decides a verdict, and nothing else in a report comes from a real clock.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// The version of countersign.
    pub version: String,
    /// Operating system and architecture.
    pub system: String,
    /// The CPU's name, where it can be had.
    pub cpu: Option<String>,
    /// Features of the CPU that cryptography gains from.
    pub cpu_features: Vec<String>,
    /// CPUs that the process may use.
    pub cpus: u64,
    /// Real time that the run took, in nanoseconds.
    pub wall_ns: u64,
    /// CPU time that the process took, all threads together, in nanoseconds; none where it cannot be had.
    pub cpu_ns: Option<u64>,
    /// Most memory that the process held, in bytes; none where it cannot be had.
    pub memory_peak_bytes: Option<u64>,
    /// Virtual milliseconds that passed in a second of real time.
    pub virtual_ms_per_wall_s: u64,
    /// Signatures really made, agents' and servers'.
    pub signs: Operations,
    /// Signatures really verified, agents' and servers'.
    pub verifies: Operations,
    /// What that cryptography would cost alone, measured by itself in the same process; none without a calibration.
    pub crypto_floor_ns: Option<u64>,
    /// CPU time of the whole run in percent of that floor.
    pub cpu_percent_of_floor: Option<u64>,
    /// CPU time of those who listen to the events.
    pub listening: Listening,
}

/// Operations of one kind, in CPU time of the thread that did them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Operations {
    /// How many.
    pub count: u64,
    /// How long they took together, in nanoseconds; 0 if no stopwatch was used.
    pub took_ns: u64,
    /// How many one core does in a second, at that pace.
    pub per_core_s: Option<u64>,
}

impl Operations {
    /// Operations that took `took_ns` nanoseconds together.
    pub fn new(count: u64, took_ns: u64) -> Self {
        let per_core_s = (u128::from(count) * 1_000_000_000).checked_div(u128::from(took_ns));
        let per_core_s = per_core_s.filter(|_| count > 0).and_then(|pace| u64::try_from(pace).ok());
        Self { count, took_ns, per_core_s }
    }

    /// These and others.
    fn and(self, other: Self) -> Self {
        Self::new(self.count.saturating_add(other.count), self.took_ns.saturating_add(other.took_ns))
    }
}

/// CPU time of those who listen to the events of a run, in nanoseconds, by a sample of the events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Listening {
    /// The oracle.
    pub oracle_ns: u64,
    /// The metrics.
    pub metrics_ns: u64,
    /// Digest and trace.
    pub trace_ns: u64,
}

/// What one operation costs on this machine, measured by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Calibration {
    /// One signature, in nanoseconds.
    pub sign_ns: u64,
    /// One verification, in nanoseconds.
    pub verify_ns: u64,
}

impl Environment {
    /// Takes in what another process took that made the same load, and its machine: what they took is added, but the time
    /// on the wall, since they ran side by side.
    pub fn absorb(&mut self, other: &Self) {
        fn joined(all: &mut String, more: &str) {
            if !all.split(", ").any(|known| known == more) {
                *all = [all, more].into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ");
            }
        }
        joined(&mut self.system, &other.system);
        if let Some(cpu) = &other.cpu {
            joined(self.cpu.get_or_insert_default(), cpu);
        }
        // Those that all have.
        self.cpu_features.retain(|feature| other.cpu_features.contains(feature));
        // Whether two processes share a machine is not known: as many as there are surely.
        self.cpus = self.cpus.max(other.cpus);
        self.wall_ns = self.wall_ns.max(other.wall_ns);
        let both = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
        self.cpu_ns = both(self.cpu_ns, other.cpu_ns);
        self.memory_peak_bytes = both(self.memory_peak_bytes, other.memory_peak_bytes);
        self.virtual_ms_per_wall_s = self.virtual_ms_per_wall_s.min(other.virtual_ms_per_wall_s);
        self.signs = self.signs.and(other.signs);
        self.verifies = self.verifies.and(other.verifies);
        self.crypto_floor_ns = both(self.crypto_floor_ns, other.crypto_floor_ns);
        self.cpu_percent_of_floor = percent(self.cpu_ns, self.crypto_floor_ns);
        let (all, more) = (&mut self.listening, other.listening);
        all.oracle_ns = all.oracle_ns.saturating_add(more.oracle_ns);
        all.metrics_ns = all.metrics_ns.saturating_add(more.metrics_ns);
        all.trace_ns = all.trace_ns.saturating_add(more.trace_ns);
    }

    /// Adds what the cryptography of this run costs alone by `calibration`.
    pub fn with_calibration(mut self, calibration: Calibration) -> Self {
        let floor_ns = self
            .signs
            .count
            .saturating_mul(calibration.sign_ns)
            .saturating_add(self.verifies.count.saturating_mul(calibration.verify_ns));
        self.crypto_floor_ns = Some(floor_ns);
        self.cpu_percent_of_floor = percent(self.cpu_ns, self.crypto_floor_ns);
        self
    }
}

/// One amount in percent of another, if both are known.
fn percent(part: Option<u64>, whole: Option<u64>) -> Option<u64> {
    u64::try_from((u128::from(part?) * 100).checked_div(u128::from(whole?))?).ok()
}
