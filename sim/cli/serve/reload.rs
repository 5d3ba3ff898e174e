//! What SIGHUP does at servers that have their policy from elsewhere, or have none.

use std::sync::Arc;

use super::{Failure, logging::LogSwitch};
use crate::serve::{
    Reload,
    config::{Reread, Running},
};

/// Reads the configuration again, takes over what it says of the log, and tells what else differs from what the server `runs`
/// with.
pub fn reload_log<A, C>(args: A, read: fn(&A) -> Result<C, Failure>, runs: C, log: LogSwitch) -> Reload
where
    A: Send + Sync + 'static,
    C: Reread + Clone + Send + Sync + 'static,
{
    let (args, running) = (Arc::new(args), Arc::new(Running::new(runs)));
    Arc::new(move || {
        let (args, running, log) = (Arc::clone(&args), Arc::clone(&running), log.clone());
        Box::pin(async move {
            let config = read(&args).map_err(|failure| failure.in_one_line())?;
            log.turn_to(config.log());
            Ok(running.take_over(&config, false))
        })
    })
}
