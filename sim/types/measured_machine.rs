//! What calibration finds out.

use super::{Costs, Interruptions, Quantiles};

/// What was found out about a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeasuredMachine {
    /// What operations cost on one of its cores.
    pub costs: Costs,
    /// What else takes its cores.
    pub interruptions: Interruptions,
    /// How late timers ring while one of its cores is idle: until whoever waits for them is awake.
    pub scatter: Quantiles,
}
