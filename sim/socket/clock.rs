//! The machine's clocks.

use std::time::{Duration, Instant, SystemTime};

use crate::types::{UnixSeconds, VirtualTime, WallTime};

/// The machine's monotonic clock, counted from when this was made, and its wall clock.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    started: Instant,
}

impl RealClock {
    /// Counts from now on.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Monotonic time since the start: what events carry.
    pub fn now(&self) -> VirtualTime {
        VirtualTime::ZERO.after(self.started.elapsed())
    }

    /// What the machine's wall clock shows. A clock before 1970 shows 1970: nothing is valid by it.
    pub fn wall(&self) -> WallTime {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        UnixSeconds(0).wall().after(since_epoch)
    }
}
