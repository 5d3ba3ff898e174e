//! Whether one machine can be shared by everybody.

use super::within;
use crate::{
    plan::{Plan, PlanError, SharedCores},
    types::Interruptions,
};

/// Whoever takes a core more often leaves nothing to draw but that.
const EVERY_NS_MIN: u64 = 100_000;
const LENGTH_NS_MAX: u64 = 1_000_000_000_000;
const LENGTHS_MAX: u64 = 10_000;

impl Plan {
    /// Checks the cores that everybody shares, if they do: how many there are, and what else takes them.
    pub(super) fn check_shared_cores(&self) -> Result<(), PlanError> {
        let Some(SharedCores { count, interruptions: Interruptions { every_ns, lengths_ns } }) = &self.shared_cores
        else {
            return Ok(());
        };
        within("shared_cores.count", (*count).into(), 1..=1_024, "", "a machine has a core at least")?;
        if *every_ns > 0 {
            let why = "0 for never; whatever comes more often is a cost of the operations themselves";
            within("shared_cores.interruptions.every_ns", *every_ns, EVERY_NS_MIN..=u64::MAX, "ns", why)?;
            let why = "what takes a core takes it for some time: how long is drawn from these";
            let lengths = lengths_ns.len() as u64;
            within("shared_cores.interruptions.lengths_ns", lengths, 1..=LENGTHS_MAX, "lengths", why)?;
        }
        for (index, length_ns) in lengths_ns.iter().enumerate() {
            let place = format!("shared_cores.interruptions.lengths_ns[{index}]");
            within(&place, *length_ns, 0..=LENGTH_NS_MAX, "ns", "nothing takes a core for longer than 1000 s")?;
        }
        Ok(())
    }
}
