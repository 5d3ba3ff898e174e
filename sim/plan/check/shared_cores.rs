//! Whether one machine can be shared by everybody.

use super::within;
use crate::{
    plan::{Plan, PlanError, SharedCores},
    types::{Interruption, Interruptions, Quantiles},
};

/// What comes more often than a watch of this leaves nothing to repeat but that.
const WATCHED_NS_MIN: u64 = 1_000_000;
/// Whatever takes a core comes no more often than this, on average: a run by more would do little else than count them.
const APART_NS_MIN: u64 = 1_000_000;
const WATCHED_NS_MAX: u64 = 1_000_000_000_000_000;
const LATE_NS_MAX: u64 = 1_000_000_000_000;
/// As many of one core as a file tells of all.
const INTERRUPTIONS_MAX: u64 = 20_000;

impl Plan {
    /// Checks the cores that everybody shares, if they do: how many there are, what else takes them, and how late timers are.
    pub(super) fn check_shared_cores(&self) -> Result<(), PlanError> {
        let Some(SharedCores { count, interruptions, scatter }) = &self.shared_cores else { return Ok(()) };
        within("shared_cores.count", (*count).into(), 1..=1_024, "", "a machine has a core at least")?;
        check_interruptions(interruptions)?;
        let Quantiles { p50_ns, p90_ns, p99_ns, p999_ns } = *scatter;
        for (name, late_ns) in [("p50", p50_ns), ("p90", p90_ns), ("p99", p99_ns), ("p999", p999_ns)] {
            let place = format!("shared_cores.scatter.{name}_ns");
            within(&place, late_ns, 0..=LATE_NS_MAX, "ns", "no timer is late by more than 1000 s")?;
        }
        Ok(())
    }
}

fn check_interruptions(interruptions: &Interruptions) -> Result<(), PlanError> {
    let Interruptions { watched_ns, cores } = interruptions;
    if cores.iter().any(|taken| !taken.is_empty()) {
        let why = "a watch of a machine is repeated for as long as a run takes";
        within("shared_cores.interruptions.watched_ns", *watched_ns, WATCHED_NS_MIN..=WATCHED_NS_MAX, "ns", why)?;
    }
    for (core, taken) in cores.iter().enumerate() {
        let place = format!("shared_cores.interruptions.cores[{core}]");
        let why = "so many can be told apart in a watch, one in each millisecond at most";
        let most = INTERRUPTIONS_MAX.min(watched_ns / APART_NS_MIN);
        within(&place, taken.len() as u64, 0..=most, "interruptions", why)?;
        let mut free_ns = 0;
        for (index, Interruption { at_ns, length_ns }) in taken.iter().enumerate() {
            let place = |part| format!("{place}[{index}].{part}");
            let why = "each comes after the one before has ended, and while the machine is watched";
            within(&place("at_ns"), *at_ns, free_ns..=*watched_ns, "ns", why)?;
            let why = "each ends while the machine is watched";
            within(&place("length_ns"), *length_ns, 0..=*watched_ns - *at_ns, "ns", why)?;
            free_ns = at_ns + length_ns;
        }
        let all_ns = taken.iter().map(|it| it.length_ns).sum();
        let why = "at least a tenth of a core is left to whoever computes";
        within(&place, all_ns, 0..=watched_ns / 10 * 9, "ns in all", why)?;
    }
    Ok(())
}
