//! A plan on real sockets: the same actors as in the simulated world, in real time, over loopback.
//!
//! Servers listen on ports that the system chooses; agents find them by the names that they have in the plan. Wall clocks
//! show the plan's time, so that whoever judges a simulated run can judge this one.

mod enrol;
mod fleet;
mod load_error;
mod refused;
mod target;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time;

use self::fleet::Fleet;
pub use self::{load_error::LoadError, target::Target};
use crate::{
    cast::Cast,
    crypto::{Stopwatch, WallTotals},
    event::Listener,
    plan::Plan,
    socket::{Workers, runtime},
    types::{Shard, VirtualTime, WallTime},
};

/// What whoever starts a load may do while it runs.
pub struct Controls<'a> {
    /// How many threads serve and visit.
    pub workers: usize,
    /// The servers to visit, if somebody else has started them; else those of the plan are started here.
    pub target: Option<Target>,
    /// Which part of the agents come: others are other processes'.
    pub shard: Shard,
    /// When the load begins by the machine's wall clock; at once without it.
    pub start_at: Option<WallTime>,
    /// Measures real time around crypto operations.
    pub stopwatch: Option<Stopwatch>,
    /// Ends the load early when it becomes true.
    pub interrupted: &'a AtomicBool,
    /// Is told now and then how far the load is.
    pub progress: &'a mut dyn FnMut(VirtualTime),
}

/// How a load went, as far as its events do not tell.
#[derive(Debug)]
pub struct Loaded {
    /// The time that it reached.
    pub at: VirtualTime,
    /// When it began by the machine's wall clock; none if it was interrupted before.
    pub began: Option<WallTime>,
    /// Whether it was interrupted before its planned end.
    pub was_interrupted: bool,
    /// Crypto operations done, and their real time if a stopwatch was given.
    pub totals: Arc<WallTotals>,
}

/// How often progress is told, and an interruption noticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the runtime may take to end once everything was told to stop.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs a plan on real sockets to its end. Everything that happens goes to `listener`, in the order of its times.
///
/// # Errors
/// If the plan has what only the simulation can do, has no agent for this part, needs a key or tier that is not there, or
/// if a server cannot start. If everybody is ready only once the load was to begin.
pub fn run<L: Listener + Send + 'static>(
    plan: &Plan,
    listener: &Arc<Mutex<L>>,
    controls: Controls<'_>,
) -> Result<Loaded, LoadError> {
    refused::check(plan, controls.shard)?;
    let cast = Cast::new(plan)?;
    let runtime = runtime(workers(&controls)).map_err(LoadError::Runtime)?;
    let loaded = runtime.block_on(act(&cast, Arc::clone(listener) as _, controls));
    runtime.shutdown_timeout(END_TIMEOUT);
    loaded
}

/// Both ends of a whole load have the machine to themselves.
fn workers(controls: &Controls<'_>) -> Workers {
    match controls.target {
        None if controls.shard == Shard::WHOLE => Workers::OnCores(controls.workers),
        _ => Workers::Count(controls.workers),
    }
}

async fn act(
    cast: &Cast,
    listener: Arc<Mutex<dyn Listener + Send>>,
    controls: Controls<'_>,
) -> Result<Loaded, LoadError> {
    let mut fleet = match controls.target {
        None => Fleet::gather(cast, controls.shard, listener, controls.stopwatch).await?,
        Some(target) => {
            let interrupted = async {
                while !controls.interrupted.load(Relaxed) {
                    time::sleep(LOOK_EVERY).await;
                }
            };
            tokio::select! {
                biased;
                // Agents register first, which takes as long as the target's SMP takes.
                fleet = Fleet::against(cast, controls.shard, target, listener, controls.stopwatch) => fleet?,
                () = interrupted => {
                    let (at, totals) = (VirtualTime::ZERO, Arc::default());
                    return Ok(Loaded { at, began: None, was_interrupted: true, totals });
                }
            }
        }
    };
    if let Some(start_at) = controls.start_at
        && !fleet.wait_until(start_at, controls.interrupted).await?
    {
        return Ok(Loaded { at: VirtualTime::ZERO, began: None, was_interrupted: true, totals: fleet.end() });
    }
    let begin = fleet.start().await;
    let began = Some(fleet.wall());
    let end = begin.after(Duration::from_millis(cast.plan.duration_ms));
    let mut looks = time::interval(LOOK_EVERY);
    let (mut at, mut was_interrupted) = (fleet.now(), false);
    while at < end && !was_interrupted {
        (controls.progress)(VirtualTime::ZERO.after(at.since(begin)));
        tokio::select! {
            biased;
            error = fleet.broke_down() => return Err(error),
            _ = looks.tick() => {}
            () = time::sleep(end.since(at)) => {}
        }
        at = fleet.now();
        was_interrupted = controls.interrupted.load(Relaxed);
    }
    let totals = fleet.end();
    Ok(Loaded { at: at.min(end), began, was_interrupted, totals })
}
