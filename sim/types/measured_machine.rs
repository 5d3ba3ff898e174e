//! What calibration finds out.

use super::{Costs, Interruptions, Quantiles};

/// What was found out about a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeasuredMachine {
    /// What operations cost on one of its cores.
    pub costs: Costs,
    /// What else takes its cores.
    pub interruptions: Interruptions,
    /// How much later than computed things happen while it is not busy: timers that fire late, wake-ups.
    pub scatter: Quantiles,
}
