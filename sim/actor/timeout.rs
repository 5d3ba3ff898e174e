//! Time-outs over an environment's clock.

use std::{future::Future, time::Duration};

use super::Environment;

/// The time was over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed;

/// Runs `future` for at most `duration`.
pub async fn timeout<E: Environment, F: Future>(
    environment: &E,
    duration: Duration,
    future: F,
) -> Result<F::Output, Elapsed> {
    // `biased` keeps the order of polling fixed: without it the macro draws from the thread's entropy.
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = environment.sleep(duration) => Err(Elapsed),
    }
}
