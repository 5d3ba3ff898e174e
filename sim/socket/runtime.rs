//! Threads for actors on real sockets.

use std::{io, time::Duration};

use tokio::runtime::{Builder, Runtime};

/// After so many polls of tasks a worker looks at the sockets, and after each at what other threads have woken.
///
/// The runtime's own figure, 61, is meant for tasks of a microsecond. One that signs takes hundreds: whatever came from outside
/// would wait for ten milliseconds behind work that is already there.
const POLLS_BEFORE_EVENTS: u32 = 4;

/// A runtime whose tasks sign and verify, of so many threads, or of one for each core.
///
/// # Errors
/// If the system gives no threads, or no events.
pub fn runtime(workers: Option<usize>) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(workers) = workers {
        builder.worker_threads(workers.max(1));
    }
    let runtime = builder.enable_all().event_interval(POLLS_BEFORE_EVENTS).global_queue_interval(1).build()?;
    // The fine timers need file descriptors of their own, which they take at the first use: that must not be when a crowd
    // has taken them all.
    runtime.block_on(async { async_io::Timer::after(Duration::ZERO).await });
    Ok(runtime)
}
