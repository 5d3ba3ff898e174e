//! What the simulation foretells of a load on real sockets.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::Failure;
use crate::{
    metrics::{LoadFigures, Machine, Slower},
    plan::{Network, Plan},
    run::{self, Options, Standing},
    types::CryptoTier,
};

/// How many times slower the simulated load is: its network's step of a millisecond stands for ten microseconds.
const SLOWER: u64 = 100;
/// How long bytes take from one end of a loopback connection to the other's eyes, in microseconds: a wake-up.
const LOOPBACK_US: u64 = 10;

/// Simulates `plan` in slow motion, with both ends on one machine of so many cores, and its costs.
pub(super) fn predict(
    plan: &Plan,
    machine: &Machine,
    cores: u32,
    interrupted: &AtomicBool,
    progress: &mut dyn FnMut(Standing<'_>),
) -> Result<LoadFigures, Failure> {
    let latency_ms = LOOPBACK_US * SLOWER / 1_000;
    let plan = Plan {
        costs: machine.costs,
        crypto: CryptoTier::Modelled,
        shared_cores: Some(cores),
        network: Network { tick_ms: 1, latency_ms_min: latency_ms, latency_ms_max: latency_ms },
        ..plan.clone()
    };
    let finished = run::run(&plan.slower(SLOWER), Options::new(interrupted, progress)).map_err(Failure::internal)?;
    let totals = &finished.ended.totals;
    let slower = Slower {
        measured: &finished.measurements,
        pace: &finished.pace.unwrap_or_default(),
        times: SLOWER,
        signs: totals.signs.load(Relaxed),
        verifies: totals.verifies.load(Relaxed),
    };
    Ok(LoadFigures::foretold(&slower, machine))
}
