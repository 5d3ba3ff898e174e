//! Jumps over idle time: when nothing is under way, every host's clock is moved to the next deadline in one step.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::types::locked;

/// One pacer task per host, all jumping by the same gap.
///
/// Turmoil ticks each host by the same fixed time. A task that advances its own runtime's paused clock ends the host's
/// tick that much later, and uses public functions only.
#[derive(Clone, Debug, Default)]
pub struct Pacers {
    gap_ns: Arc<AtomicU64>,
    hosts: Arc<Mutex<Vec<Arc<Notify>>>>,
}

impl Pacers {
    /// Starts the pacer of the host in whose runtime this is called.
    pub fn start(&self) {
        let notify = Arc::new(Notify::new());
        locked(&self.hosts).push(Arc::clone(&notify));
        let gap_ns = Arc::clone(&self.gap_ns);
        tokio::task::spawn_local(async move {
            loop {
                notify.notified().await;
                let gap_ns = gap_ns.load(Relaxed);
                if gap_ns > 0 {
                    tokio::time::advance(Duration::from_nanos(gap_ns)).await;
                }
            }
        });
    }

    /// Makes every host jump in the next step.
    pub fn jump(&self, gap: Duration) {
        self.gap_ns.store(u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        for host in locked(&self.hosts).iter() {
            host.notify_one();
        }
    }

    /// No more jumps.
    pub fn rest(&self) {
        self.gap_ns.store(0, Relaxed);
    }
}
