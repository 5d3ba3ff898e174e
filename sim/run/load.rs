//! A plan on real sockets, with everybody who listens to a run.

use std::{
    io::Write,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use super::{Audience, Heard, Standing, relay::Relay};
use crate::{
    crypto::Stopwatch,
    event::{Event, Listener, Visit},
    load::{self, Controls, LoadError, Loaded, Target},
    plan::Plan,
    types::{ActorId, Shard, VirtualTime, WallTime, locked},
    world::Ended,
};

/// What whoever starts a load may have of it beside its result.
pub struct LoadOptions<'a> {
    /// How many threads serve and visit.
    pub workers: usize,
    /// The servers to visit, if somebody else has started them.
    pub target: Option<Target>,
    /// Which part of the agents come: others are other processes'.
    pub shard: Shard,
    /// When the load begins by the machine's wall clock; at once without it.
    pub start_at: Option<WallTime>,
    /// Where every event goes, as a line of JSON. Give it a buffered writer.
    pub trace: Option<Box<dyn Write + Send>>,
    /// Measures real time around crypto operations and, now and then, around the listeners.
    pub stopwatch: Option<Stopwatch>,
    /// Ends the load early when it becomes true.
    pub interrupted: &'a AtomicBool,
    /// Is told now and then how far the load is.
    pub progress: &'a mut dyn FnMut(Standing<'_>),
}

/// Runs a plan on real sockets, in real time.
///
/// # Errors
/// If the plan has what only the simulation can do, or no agent for this part, or if a server cannot start.
pub fn load(plan: &Plan, options: LoadOptions<'_>) -> Result<Heard, LoadError> {
    let LoadOptions { workers, target, shard, start_at, trace, stopwatch, interrupted, progress } = options;
    let hears_servers = target.is_none();
    let audience = Audience::of_load(plan, workers, shard, hears_servers, trace, stopwatch);
    let audience = Shared(Arc::new(Mutex::new(Some(audience))));
    // Whoever judges on the threads of those who are judged takes the caches from them, and lets them wait for each other.
    let relay = Arc::new(Mutex::new(Relay::start("judge", audience.clone())));
    let mut tell = |at| {
        let mut relay = locked(&relay);
        relay.hand_over();
        if relay.is_broken() {
            // Nobody judges any more: how the judge broke down is how the load does.
            relay.finish();
        }
        drop(relay);
        if let Some(audience) = locked(&audience.0).as_ref() {
            progress(audience.standing(at));
        }
    };
    let controls = Controls { workers, target, shard, start_at, stopwatch, interrupted, progress: &mut tell };
    let Loaded { at, began, was_interrupted, totals } = load::run(plan, &relay, controls)?;
    locked(&relay).finish();
    let audience = locked(&audience.0).take();
    // Nobody else takes it; an empty audience would have heard nothing.
    let mut audience = audience.unwrap_or_else(|| Audience::of_load(plan, workers, shard, hears_servers, None, None));
    if let Some(began) = began {
        audience.begins(began);
    }
    Ok(audience.finish(Ended { at, was_interrupted, steps: 0, skips: 0, totals, shared_cpu: None }))
}

/// An audience that is asked now and then how far the load is.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<Audience>>>);

impl Listener for Shared {
    fn hear(&mut self, event: &Event) {
        locked(&self.0).hear(event);
    }

    fn visit_begins(&mut self, agent: ActorId, visit: &Visit, at: VirtualTime) {
        locked(&self.0).visit_begins(agent, visit, at);
    }
}
