//! What moves the bytes of a client's connection.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

/// hyper's half of a connection. It is polled by whoever waits for an answer: a task of its own for each connection would
/// be woken for each request and each answer, which takes longer than what it does.
pub(super) struct Driver(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Driver {
    /// A driver that nobody has polled yet. Its errors reach whoever sends by it.
    pub(super) fn new<E>(driver: impl Future<Output = Result<(), E>> + Send + 'static) -> Self {
        Self(Some(Box::pin(async move {
            let _ = driver.await;
        })))
    }

    /// Runs `future` with the connection that it waits for.
    pub(super) async fn along_with<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|context| {
            // First what has come in, at the end what goes out.
            self.poll(context);
            let result = future.as_mut().poll(context);
            if result.is_pending() {
                self.poll(context);
            }
            result
        })
        .await
    }

    /// Notices what has happened to the connection since the last exchange.
    pub(super) fn look(&mut self) {
        self.poll(&mut Context::from_waker(Waker::noop()));
    }

    /// Takes the connection away, for somebody else to poll. None if it is over, or somebody has it already.
    pub(super) fn take(&mut self) -> Option<impl Future<Output = ()> + Send + use<>> {
        self.0.take()
    }

    fn poll(&mut self, context: &mut Context<'_>) {
        if let Some(driver) = &mut self.0
            && driver.as_mut().poll(context) == Poll::Ready(())
        {
            self.0 = None;
        }
    }
}

/// Closes the connection properly, over TLS with a `close_notify` (RFC 8446, section 6.1): hyper does so as soon as nobody
/// can send by it any more. A peer that takes in nothing does without.
impl Drop for Driver {
    fn drop(&mut self) {
        self.look();
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}
