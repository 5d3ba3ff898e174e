//! A task that panics must not go unnoticed: the runtime would drop it and go on without it.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
};

/// The first panic of a world's tasks, if there was one.
#[derive(Debug, Default)]
pub struct Breakdown(Mutex<Option<String>>);

impl Breakdown {
    /// Does the task, and notes it if it panics.
    pub async fn watch(self: Arc<Self>, task: impl Future<Output = ()>) {
        let mut task = pin!(task);
        poll_fn(|context| {
            // A task that panicked is not polled again, whatever state it is in.
            catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context))).unwrap_or_else(|panic| {
                self.state().get_or_insert(message(&*panic));
                Poll::Ready(())
            })
        })
        .await;
    }

    /// What the first panic said.
    pub fn reason(&self) -> Option<String> {
        self.state().clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a task panicked: {}", text.unwrap_or("it did not say why"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_panic_is_noted_and_a_task_without_one_comes_to_its_end() {
        let breakdown = Arc::new(Breakdown::default());
        let mut is_done = false;
        Arc::clone(&breakdown).watch(async { is_done = true }).await;
        assert!(is_done && breakdown.reason().is_none());
        for why in ["ports exhausted", "later"] {
            Arc::clone(&breakdown).watch(async move { panic!("{why}") }).await;
        }
        assert_eq!(breakdown.reason().unwrap(), "a task panicked: ports exhausted");
    }
}
