//! A task that panics must not go unnoticed: the runtime would drop it and go on without it. Nor must one that spins:
//! virtual time would stand still for ever. One that spins within a single poll is seen from outside only, by its [`Pulse`].

use std::{
    any::Any,
    future::{pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
};

use super::{
    clock::{HostClock, WorldClock},
    pulse::Pulse,
};
use crate::types::{ActorId, VirtualTime, locked};

/// How often a task may run in one step of the world. Whoever has work runs once for each byte or timer that wakes it;
/// the busiest server of the largest plan stays far below.
const RUNS_MAX: u64 = 1_000_000;

/// What first went wrong with a world's tasks, if anything did.
#[derive(Debug, Default)]
pub struct Breakdown {
    pulse: Arc<Pulse>,
    reason: Mutex<Option<String>>,
    /// In which step the latest rest of no length was taken, and how many there were in it.
    rests: (AtomicU64, AtomicU64),
}

impl Breakdown {
    /// Nothing went wrong yet. Every poll is a beat of `pulse`.
    pub fn new(pulse: Arc<Pulse>) -> Self {
        Self { pulse, ..Self::default() }
    }

    /// Does the task, and notes it if it panics, or if it runs again and again while virtual time stands still.
    pub async fn watch(self: Arc<Self>, actor: ActorId, clock: Arc<HostClock>, task: impl Future<Output = ()>) {
        let mut task = pin!(task);
        let (mut step, mut runs) = (VirtualTime::ZERO, 0_u64);
        poll_fn(|context| {
            let now = clock.world().step_start();
            self.pulse.beat(actor, now);
            if now != step {
                (step, runs) = (now, 0);
            }
            runs += 1;
            if runs > RUNS_MAX {
                // It is not polled again: virtual time can go on, and the run can end.
                self.note(spinning(actor));
                return Poll::Ready(());
            }
            // A task that panicked is not polled again, whatever state it is in.
            catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context))).unwrap_or_else(|panic| {
                self.note(message(&*panic));
                Poll::Ready(())
            })
        })
        .await;
    }

    /// A rest of no length. It ends at once, but never again for whoever takes too many in one step: within one run of
    /// its task, which [`Breakdown::watch`] sees as one.
    pub async fn rest(&self, actor: ActorId, clock: &WorldClock) {
        let (step, count) = &self.rests;
        let now = clock.step_start().nanos();
        if step.swap(now, Relaxed) != now {
            count.store(0, Relaxed);
        }
        if count.fetch_add(1, Relaxed) >= RUNS_MAX {
            self.note(spinning(actor));
            pending().await
        }
    }

    fn note(&self, reason: String) {
        self.state().get_or_insert(reason);
    }

    /// What went wrong first.
    pub fn reason(&self) -> Option<String> {
        self.state().clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        locked(&self.reason)
    }
}

fn spinning(actor: ActorId) -> String {
    format!("{actor} is spinning: a task of its ran {RUNS_MAX} times, and virtual time did not advance")
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a task panicked: {}", text.unwrap_or("it did not say why"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(breakdown: &Arc<Breakdown>, task: impl Future<Output = ()>) -> impl Future<Output = ()> {
        let clock = Arc::new(HostClock::new(Arc::default()));
        Arc::clone(breakdown).watch(ActorId::Agent(7), clock, task)
    }

    #[tokio::test]
    async fn the_first_panic_is_noted_and_a_task_without_one_comes_to_its_end() {
        let breakdown = Arc::new(Breakdown::default());
        let mut is_done = false;
        watched(&breakdown, async { is_done = true }).await;
        assert!(is_done && breakdown.reason().is_none());
        for why in ["ports exhausted", "later"] {
            watched(&breakdown, async move { panic!("{why}") }).await;
        }
        assert_eq!(breakdown.reason().unwrap(), "a task panicked: ports exhausted");
    }

    const SPINNING: &str = "agent-7 is spinning: a task of its ran 1000000 times, and virtual time did not advance";

    #[tokio::test]
    async fn a_task_that_wakes_itself_for_ever_is_ended_and_named() {
        let breakdown = Arc::new(Breakdown::default());
        let wakes_itself = poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::Pending
        });
        watched(&breakdown, wakes_itself).await;
        assert_eq!(breakdown.reason().unwrap(), SPINNING);
    }

    #[tokio::test]
    async fn a_task_that_only_takes_rests_of_no_length_is_held_and_named() {
        let breakdown = Arc::new(Breakdown::default());
        let clock = WorldClock::default();
        let mut rests = pin!(async {
            loop {
                breakdown.rest(ActorId::Agent(7), &clock).await;
            }
        });
        poll_fn(|context| {
            assert!(rests.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(breakdown.reason().unwrap(), SPINNING);
    }

    #[tokio::test]
    async fn whoever_runs_often_while_time_advances_is_left_alone() {
        let breakdown = Arc::new(Breakdown::default());
        let world = Arc::new(WorldClock::default());
        let mut runs = 0;
        let clock = Arc::clone(&world);
        let busy = poll_fn(move |context| {
            runs += 1;
            if runs % (RUNS_MAX / 2) == 0 {
                clock.advance(std::time::Duration::from_millis(1));
            }
            context.waker().wake_by_ref();
            if runs == 3 * RUNS_MAX { Poll::Ready(()) } else { Poll::Pending }
        });
        Arc::clone(&breakdown).watch(ActorId::Smp, Arc::new(HostClock::new(world)), busy).await;
        assert_eq!(breakdown.reason(), None);
    }
}
