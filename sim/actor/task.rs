//! Tasks whose result somebody waits for.

use std::future::Future;

use tokio::sync::oneshot;

use super::Environment;

/// Starts `future` as a task of its own; it goes on even if nobody waits for its result any more. The result is an
/// error only if the task broke down.
pub fn spawned<E: Environment, T: Send + 'static>(
    environment: &E,
    future: impl Future<Output = T> + Send + 'static,
) -> oneshot::Receiver<T> {
    let (sender, receiver) = oneshot::channel();
    environment.spawn(async move {
        // Whoever started it may have given up.
        let _ = sender.send(future.await);
    });
    receiver
}
