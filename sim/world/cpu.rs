//! A server's CPU: in the simulation, computing takes no time by itself.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{actor::Occupied, types::VirtualTime};

/// Some cores, each busy until some nanosecond. Work takes the core that is free first.
#[derive(Debug)]
pub struct VirtualCpu {
    busy_until: Mutex<Vec<VirtualTime>>,
}

impl VirtualCpu {
    /// A CPU with so many cores, at least one.
    pub fn new(cores: u32) -> Self {
        Self { busy_until: Mutex::new(vec![VirtualTime::ZERO; cores.max(1) as usize]) }
    }

    /// Books `busy` on a core; tells how long that core was still busy with what came before.
    pub fn book(&self, now: VirtualTime, busy: Duration) -> Occupied {
        let mut cores = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(core) = cores.iter_mut().min() else { return Occupied::default() };
        let start = now.max(*core);
        *core = start.after(busy);
        Occupied { waited: start.since(now), busy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_queues_for_the_core_that_is_free_first_to_the_nanosecond() {
        let cpu = VirtualCpu::new(2);
        let (now, cost) = (VirtualTime(5), Duration::from_nanos(100));
        let waits: Vec<_> = (0..5).map(|_| cpu.book(now, cost).waited.as_nanos()).collect();
        assert_eq!(waits, [0, 0, 100, 100, 200]);
        assert_eq!(cpu.book(VirtualTime(1_000), cost).waited, Duration::ZERO);
    }
}
