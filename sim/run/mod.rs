//! A whole run: the world acts, and everything that listens has its say at the end.

mod audience;
#[cfg(feature = "sockets")]
mod load;
mod relay;

use std::{
    io::Write,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use thiserror::Error;

use self::audience::Audience;
#[cfg(feature = "sockets")]
pub use self::load::{LoadOptions, load};
use crate::{
    crypto::Stopwatch,
    event::Listener,
    metrics::{Latencies, Measurements, Metrics, Pace, PaceFigures},
    oracle::{Judgement, Scene, Violation},
    plan::{Plan, PlanError},
    trace::TraceError,
    types::{CryptoTier, VirtualTime, locked},
    world::{self, Controls, Ended, Pulse, WorldError},
};

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The virtual time that has passed.
    pub at: VirtualTime,
    /// Tokens accepted so far.
    pub accepted: u64,
    /// Violations found so far.
    pub violations: u64,
    /// Those of them that are kept whole, in the order of their discovery.
    pub kept: &'a [Violation],
    /// How a load goes; nothing of a simulated run.
    pub pace: Option<&'a Pace>,
}

/// What whoever starts a run may have of it beside its result.
pub struct Options<'a> {
    /// Where every event goes, as a line of JSON. Give it a buffered writer.
    pub trace: Option<Box<dyn Write + Send>>,
    /// Hears every event last.
    pub log: Option<Box<dyn Listener + Send>>,
    /// Ends the run at this virtual time, if that comes before its planned end.
    pub until: Option<VirtualTime>,
    /// Measures real time around crypto operations and, now and then, around the listeners.
    pub stopwatch: Option<Stopwatch>,
    /// Whether idle time is jumped over. Nothing that happens depends on it, only how long the run takes: where two
    /// runs differ, this tells whether the jumps are to blame.
    pub skips_idle: bool,
    /// Ends the run early when it becomes true.
    pub interrupted: &'a AtomicBool,
    /// Beats while the run moves, for whoever looks at it from another thread.
    pub pulse: Arc<Pulse>,
    /// Is told now and then how far the run is.
    pub progress: &'a mut dyn FnMut(Standing<'_>),
}

/// What was heard of a run, before figures are made of it: what several processes heard of one load can still be joined.
#[derive(Debug)]
pub struct Heard {
    /// What the oracle says.
    pub judgement: Judgement,
    /// The events around a violation, if there was one.
    pub scene: Option<Scene>,
    /// What is measured.
    pub metrics: Metrics,
    /// Whether visits came in time, on real sockets.
    pub pace: Option<Pace>,
    /// The digest of the history, in hexadecimal (S12); none of a load on sockets without a trace.
    pub digest: Option<String>,
    /// What the world says.
    pub ended: Ended,
    /// What listening took of the real world.
    pub listening: Listening,
    /// Why the trace is not whole, if one was asked for and it is not.
    pub trace_error: Option<TraceError>,
}

impl Heard {
    /// Makes figures of it.
    pub fn finish(self) -> Finished {
        let Self { judgement, scene, metrics, pace, digest, ended, listening, trace_error } = self;
        Finished {
            judgement,
            scene,
            latencies: metrics.latencies(),
            measurements: metrics.finish(ended.at),
            pace: pace.map(|pace| pace.finish(ended.at)),
            digest,
            ended,
            listening,
            trace_error,
        }
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Finished {
    /// What the oracle says.
    pub judgement: Judgement,
    /// The events around a violation, if there was one.
    pub scene: Option<Scene>,
    /// What was measured.
    pub measurements: Measurements,
    /// Whether visits came in time, on real sockets.
    pub pace: Option<PaceFigures>,
    /// How long what takes long took, whole.
    pub latencies: Latencies,
    /// The digest of the history, in hexadecimal (S12); none of a load on sockets without a trace.
    pub digest: Option<String>,
    /// What the world says.
    pub ended: Ended,
    /// What listening took of the real world.
    pub listening: Listening,
    /// Why the trace is not whole, if one was asked for and it is not.
    pub trace_error: Option<TraceError>,
}

/// Real time that the listeners took, in nanoseconds, by a sample of the events; zero without a stopwatch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Listening {
    /// The oracle.
    pub oracle_ns: u64,
    /// The metrics.
    pub metrics_ns: u64,
    /// The digest, or handing events over to whoever writes the trace.
    pub trace_ns: u64,
}

/// Why there was no run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The plan is impossible.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The world could not be made, or broke.
    #[error(transparent)]
    World(#[from] WorldError),
}

/// Runs a plan.
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use countersign::{run, scenario::{Overrides, find}};
///
/// let scenario = find("smoke/first_contact").unwrap();
/// let mut plan = scenario.resolve(Some(7), Overrides::default()).unwrap();
/// plan.agents.truncate(3);
/// plan.duration_ms = 60_000;
/// let finished = run::run(&plan, run::Options::new(&AtomicBool::new(false), &mut |_| {})).unwrap();
/// assert!(finished.judgement.violations.is_empty());
/// ```
///
/// # Errors
/// If the plan is impossible, or the world cannot be made or breaks.
pub fn run(plan: &Plan, options: Options<'_>) -> Result<Finished, RunError> {
    plan.check()?;
    let Options { trace, log, until, stopwatch, skips_idle, interrupted, pulse, progress } = options;
    let audience = Arc::new(Mutex::new(Some(Audience::new(plan, trace, log, stopwatch))));
    let mut tell = |at| {
        // Nobody speaks between two steps: the audience is free.
        if let Some(audience) = locked(&audience).as_ref() {
            progress(audience.standing(at));
        }
    };
    // Modelled signatures cost less than reading a clock, and say nothing about real ones.
    let stopwatch = stopwatch.filter(|_| plan.crypto != CryptoTier::Modelled);
    let controls = Controls { until, stopwatch, skips_idle, interrupted, pulse, progress: &mut tell };
    let ended = world::run(plan, &audience, controls)?;
    let audience = locked(&audience).take();
    // Nobody else takes it; an empty audience would have heard nothing.
    let audience = audience.unwrap_or_else(|| Audience::new(plan, None, None, None));
    Ok(audience.finish(ended).finish())
}

impl<'a> Options<'a> {
    /// Idle time is jumped over; no trace and no figures of the real world.
    pub fn new(interrupted: &'a AtomicBool, progress: &'a mut dyn FnMut(Standing<'_>)) -> Self {
        Self {
            trace: None,
            log: None,
            until: None,
            stopwatch: None,
            skips_idle: true,
            interrupted,
            pulse: Arc::default(),
            progress,
        }
    }
}
