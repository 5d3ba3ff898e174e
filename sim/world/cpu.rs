//! A server's CPU: in the simulation, computing takes no time by itself.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{actor::Occupied, types::VirtualTime};

/// Some cores, each busy until some nanosecond. Work takes the core that is free first.
#[derive(Debug)]
pub struct VirtualCpu {
    wake: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    busy_until: Vec<VirtualTime>,
    usage: CpuUsage,
}

/// What the cores of a CPU did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuUsage {
    /// How long they were busy, all together.
    pub busy: Duration,
    /// How often one that was idle had to begin.
    pub wakes: u64,
}

impl VirtualCpu {
    /// A CPU with so many cores, at least one. A core that is idle takes `wake` to begin, and has taken as long to go to rest
    /// before.
    pub fn new(cores: u32, wake: Duration) -> Self {
        let busy_until = vec![VirtualTime::ZERO; cores.max(1) as usize];
        Self { wake, state: Mutex::new(State { busy_until, usage: CpuUsage::default() }) }
    }

    /// Books `work` on a core; tells how long that core was still busy with what came before, and how long it is with this.
    pub fn book(&self, now: VirtualTime, work: Duration) -> Occupied {
        let mut state = self.lock();
        let State { busy_until, usage } = &mut *state;
        let Some(core) = busy_until.iter_mut().min() else { return Occupied::default() };
        let is_idle = *core < now;
        let (start, busy) = (now.max(*core), if is_idle { self.wake + work } else { work });
        *core = start.after(busy);
        // Nobody waited for the core to go to rest.
        usage.busy += if is_idle { self.wake + busy } else { busy };
        usage.wakes += u64::from(is_idle);
        Occupied { waited: start.since(now), busy }
    }

    /// What its cores have done so far.
    pub fn usage(&self) -> CpuUsage {
        self.lock().usage
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_queues_for_the_core_that_is_free_first_to_the_nanosecond() {
        let cpu = VirtualCpu::new(2, Duration::ZERO);
        let (now, cost) = (VirtualTime(5), Duration::from_nanos(100));
        let waits: Vec<_> = (0..5).map(|_| cpu.book(now, cost).waited.as_nanos()).collect();
        assert_eq!(waits, [0, 0, 100, 100, 200]);
        assert_eq!(cpu.book(VirtualTime(1_000), cost).waited, Duration::ZERO);
    }

    #[test]
    fn a_core_that_is_idle_takes_time_to_begin_and_one_that_is_busy_does_not() {
        let cpu = VirtualCpu::new(1, Duration::from_nanos(30));
        let (now, cost) = (VirtualTime(5), Duration::from_nanos(100));
        let occupied = [cpu.book(now, cost), cpu.book(now, cost)].map(|it| (it.waited.as_nanos(), it.busy.as_nanos()));
        assert_eq!(occupied, [(0, 130), (130, 100)]);
        assert_eq!(cpu.usage(), CpuUsage { busy: Duration::from_nanos(260), wakes: 1 });
    }
}
