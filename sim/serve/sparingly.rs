//! Lines that anybody could cause without end.

use std::{sync::Mutex, time::Duration};

use crate::{
    socket::RealClock,
    types::{VirtualTime, locked},
};

const PERIOD: Duration = Duration::from_secs(60);

/// Lets one through in a minute.
#[derive(Debug)]
pub struct Sparingly {
    clock: RealClock,
    next: Mutex<VirtualTime>,
}

impl Sparingly {
    /// Lets the first one through.
    pub fn new(clock: RealClock) -> Self {
        Self { clock, next: Mutex::new(VirtualTime::ZERO) }
    }

    /// Whether this one may pass.
    pub fn may(&self) -> bool {
        let now = self.clock.now();
        let mut next = locked(&self.next);
        let may = now >= *next;
        if may {
            *next = now.after(PERIOD);
        }
        may
    }
}
