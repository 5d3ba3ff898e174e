//! What must never happen, for the tests of what notices it.

use std::{future::poll_fn, hint::spin_loop, task::Poll};

use crate::types::Bug;

/// Hangs if a bug that does so is planted.
pub async fn hang_if_planted() {
    if Bug::PollNeverReturns.is_planted() {
        loop {
            spin_loop();
        }
    }
    if Bug::TaskNeverRests.is_planted() {
        poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        })
        .await;
    }
}
