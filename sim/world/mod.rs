//! The simulated world: a network of hosts (turmoil), clocks, CPUs and the actors of a plan on them.

mod administrator;
mod breakdown;
mod build;
mod clock;
mod connections;
mod cpu;
mod ears;
mod environment;
mod life;
mod network;
mod pacer;
mod portal;
mod proxy;
mod pulse;
mod recorder;
mod stream;
mod supervisor;
mod surroundings;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use thiserror::Error;

use self::{
    breakdown::Breakdown, build::build_hosts, clock::WorldClock, cpu::VirtualCpu, pacer::Pacers, recorder::Recorder,
};
pub use self::{
    cpu::CpuUsage,
    pulse::{Beat, Pulse},
};
use crate::{
    crypto::{KeyError, KeyPoolError, Stopwatch, WallTotals},
    event::Listener,
    plan::Plan,
    types::{Planting, SeedStream, VirtualTime},
};

/// What whoever starts a run may do while it runs.
pub struct Controls<'a> {
    /// Ends the run at this virtual time, if that comes before its planned end.
    pub until: Option<VirtualTime>,
    /// Measures real time around crypto operations.
    pub stopwatch: Option<Stopwatch>,
    /// Whether idle time is jumped over. Nothing that happens depends on it, only how long the run takes.
    pub skips_idle: bool,
    /// Ends the run early, between two steps, when it becomes true.
    pub interrupted: &'a AtomicBool,
    /// Beats while the run moves, for whoever looks at it from another thread.
    pub pulse: Arc<Pulse>,
    /// Is told now and then how far the run is.
    pub progress: &'a mut dyn FnMut(VirtualTime),
}

impl<'a> Controls<'a> {
    /// Idle time is jumped over; no figures of the real world, and no end but the planned one.
    pub fn new(interrupted: &'a AtomicBool, progress: &'a mut dyn FnMut(VirtualTime)) -> Self {
        Self { until: None, stopwatch: None, skips_idle: true, interrupted, pulse: Arc::default(), progress }
    }
}

/// How a run went, as far as its events do not tell.
#[derive(Debug)]
pub struct Ended {
    /// The virtual time that was reached.
    pub at: VirtualTime,
    /// Whether it was interrupted before its planned end.
    pub was_interrupted: bool,
    /// Steps of the simulation.
    pub steps: u64,
    /// Steps that jumped over idle time.
    pub skips: u64,
    /// Crypto operations done, and their real time if a stopwatch was given.
    pub totals: Arc<WallTotals>,
    /// What the cores did that all actors share, if the plan has such.
    pub shared_cpu: Option<CpuUsage>,
}

/// Why a plan could not be run.
#[derive(Debug, Error)]
pub enum WorldError {
    /// The tier cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The plan names a key that the pool does not have.
    #[error(transparent)]
    KeyPool(#[from] KeyPoolError),
    /// A simulated host failed, which no plan should make it do.
    #[error("a simulated host failed at {at}: {reason}")]
    Host {
        /// When.
        at: VirtualTime,
        /// What it said.
        reason: String,
    },
}

/// How often progress is told, in steps.
const PROGRESS_STEPS: u64 = 256;

/// Runs a plan to its end. Everything that happens goes to `listener`, in order.
///
/// # Errors
/// If the plan needs a key or tier that is not there, or if a simulated host fails.
pub fn run<L: Listener + Send + 'static>(
    plan: &Plan,
    listener: &Arc<Mutex<L>>,
    controls: Controls<'_>,
) -> Result<Ended, WorldError> {
    let _planting = Planting::of(plan.bug);
    let tick = Duration::from_millis(plan.network.tick_ms);
    let mut sim = turmoil::Builder::new()
        .rng_seed(plan.seed)
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(plan.run_start.0))
        .tick_duration(tick)
        .simulation_duration(Duration::MAX)
        .min_message_latency(Duration::from_millis(plan.network.latency_ms_min))
        .max_message_latency(Duration::from_millis(plan.network.latency_ms_max))
        // The defaults panic at the 65th pending connection, and after 16,000 of them.
        .tcp_capacity(65_536)
        .ephemeral_ports(1_024..=65_535)
        .build();
    let clock = Arc::new(WorldClock::default());
    let recorder = Arc::new(Recorder::new(Arc::clone(listener) as Arc<Mutex<dyn Listener + Send>>));
    let pacers = Pacers::default();
    let totals = Arc::new(WallTotals::default());
    let breakdown = Arc::new(Breakdown::new(Arc::clone(&controls.pulse)));
    let shared_cpu = plan
        .shared_cores
        .as_ref()
        .map(|cores| Arc::new(VirtualCpu::shared(cores, plan.costs, SeedStream::new(plan.seed))));
    build_hosts(
        &mut sim,
        plan,
        &build::Shared {
            clock: Arc::clone(&clock),
            recorder: Arc::clone(&recorder),
            pacers: pacers.clone(),
            totals: Arc::clone(&totals),
            breakdown: Arc::clone(&breakdown),
            shared_cpu: shared_cpu.clone(),
            stopwatch: controls.stopwatch,
        },
    )?;

    let planned = VirtualTime::from_millis(plan.duration_ms);
    let end = controls.until.map_or(planned, |until| until.min(planned));
    let (mut steps, mut skips) = (0, 0);
    let mut was_interrupted = end < planned;
    let mut activity = clock.activity();
    while clock.step_start() < end {
        if controls.interrupted.load(Relaxed) {
            was_interrupted = true;
            break;
        }
        if steps % PROGRESS_STEPS == 0 {
            (controls.progress)(clock.step_start());
        }
        step(&mut sim, &clock, &breakdown)?;
        clock.advance(tick);
        steps += 1;
        let is_quiet = controls.skips_idle && activity == clock.activity() && !has_bytes_in_flight(&sim);
        activity = clock.activity();
        if is_quiet && let Some(gap) = clock.idle_gap(end, tick) {
            pacers.jump(gap);
            step(&mut sim, &clock, &breakdown)?;
            pacers.rest();
            clock.advance(gap);
            steps += 1;
            skips += 1;
        }
    }
    recorder.close();
    Ok(Ended {
        at: clock.step_start().min(end),
        was_interrupted,
        steps,
        skips,
        totals,
        shared_cpu: shared_cpu.map(|cpu| cpu.usage()),
    })
}

fn step(sim: &mut turmoil::Sim<'_>, clock: &WorldClock, breakdown: &Breakdown) -> Result<(), WorldError> {
    let error = sim.step().err().map(|error| error.to_string());
    match error.or_else(|| breakdown.reason()) {
        None => Ok(()),
        Some(reason) => Err(WorldError::Host { at: clock.step_start(), reason }),
    }
}

fn has_bytes_in_flight(sim: &turmoil::Sim<'_>) -> bool {
    let mut has_bytes = false;
    sim.links(|links| has_bytes = links.into_iter().any(|mut link| link.next().is_some()));
    has_bytes
}
