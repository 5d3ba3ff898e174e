//! Whether one machine can be shared by everybody.

use super::within;
use crate::{
    plan::{Plan, PlanError, SharedCores},
    types::{Interruptions, Quantiles},
};

/// Whoever takes a core more often leaves nothing to draw but that.
const EVERY_NS_MIN: u64 = 100_000;
const LENGTH_NS_MAX: u64 = 1_000_000_000_000;

impl Plan {
    /// Checks the cores that everybody shares, if they do: how many there are, and what else takes them.
    pub(super) fn check_shared_cores(&self) -> Result<(), PlanError> {
        let Some(SharedCores { count, interruptions: Interruptions { every_ns, lengths } }) = self.shared_cores else {
            return Ok(());
        };
        within("shared_cores.count", count.into(), 1..=1_024, "", "a machine has a core at least")?;
        if every_ns > 0 {
            let why = "0 for never; whatever comes more often is a cost of the operations themselves";
            within("shared_cores.interruptions.every_ns", every_ns, EVERY_NS_MIN..=u64::MAX, "ns", why)?;
        }
        let Quantiles { p50_ns, p90_ns, p99_ns, p999_ns } = lengths;
        for (key, length_ns) in [("p50_ns", p50_ns), ("p90_ns", p90_ns), ("p99_ns", p99_ns), ("p999_ns", p999_ns)] {
            let place = format!("shared_cores.interruptions.lengths.{key}");
            within(&place, length_ns, 0..=LENGTH_NS_MAX, "ns", "nothing takes a core for longer than 1000 s")?;
        }
        Ok(())
    }
}
