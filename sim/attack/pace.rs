//! How often somebody on the way strikes.

use std::time::Duration;

use crate::types::VirtualTime;

/// Lets one strike through per interval, so that the victim comes far enough to be struck again.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    interval: Duration,
    next: VirtualTime,
    strikes: u64,
}

impl Pace {
    /// The first strike may come at once.
    pub fn new(interval_ms: u64) -> Self {
        Self { interval: Duration::from_millis(interval_ms), next: VirtualTime::ZERO, strikes: 0 }
    }

    /// Whether it is time to strike.
    pub fn is_due(&self, now: VirtualTime) -> bool {
        now >= self.next
    }

    /// Notes a strike; says how many there were before.
    pub fn strike(&mut self, now: VirtualTime) -> u64 {
        self.next = now.after(self.interval);
        self.strikes += 1;
        self.strikes - 1
    }
}
