//! What a load on real sockets takes beside its cryptography, found out by making some.

use std::sync::atomic::AtomicBool;

use cpu_time::ProcessTime;

use super::{
    Failure,
    environment::stopwatch,
    predict::{Prediction, SLOWER, predict},
};
use crate::{
    crypto::CryptoTime,
    metrics::Histogram,
    plan::Plan,
    run::{self, LoadOptions, Standing},
    scenario::{Overrides, Scenario},
    types::{Costs, Interruptions, MeasuredMachine, Quantiles, Shard},
};

const CORES: u32 = 2;
/// A machine among others is faster now and slower then: each load is made so often, in turns.
const TURNS: usize = 3;
const BUSY_S: u32 = 2;
/// How often the cost of a core that begins is worked out, each time with how often cores begin by the one before.
const ROUNDS: usize = 3;
const WAKE_FIRST_NS: u64 = 50_000;
/// How long a core rests until it is as slow to begin as it gets: its caches are cold, and its host has given it away. Of loads
/// of 400 to 2,200 visits a second on two virtual cores, 3 ms explains well what their requests took beside cryptography.
const REST_NS: u64 = 3_000_000;

/// A few agents that come at a rate for a while, each time on a connection of its own and in one step.
fn plan(agents: u32, per_s: u64, seconds: u32) -> Result<Plan, Failure> {
    let text = format!(
        "description = \"A few agents come again and again.\"\nprofile = \"literal\"\ncrypto = \"aws-lc\"\n\
         duration = \"{seconds}s\"\nsites = {{ count = 1 }}\n[[agents]]\ncount = {agents}\nbootstrap = \"installed\"\n\
         policy_interval = \"never\"\n\
         arrivals = {{ spacing = \"poisson\", phases = [{{ rate = \"{per_s}/s\", for = \"{seconds}s\" }}] }}\n"
    );
    Ok(Scenario::from_toml("calibration.toml", &text)?.resolve(None, Overrides::default())?)
}

/// What loads took that were made of one plan.
struct Made {
    plan: Plan,
    crypto: CryptoTime,
    /// CPU time of everything at both ends, the kernel's part included.
    cpu_ns: u64,
    requests: u64,
    served: u64,
    /// Latencies of one step.
    exchanges_ns: Histogram,
    /// The same from when visits were due.
    from_due_ns: Histogram,
}

impl Made {
    fn of(plan: Plan) -> Self {
        Self {
            plan,
            crypto: CryptoTime::default(),
            cpu_ns: 0,
            requests: 0,
            served: 0,
            exchanges_ns: Histogram::default(),
            from_due_ns: Histogram::default(),
        }
    }

    /// Makes the load once more.
    fn make(&mut self) -> Result<(), Failure> {
        let interrupted = AtomicBool::new(false);
        // The first standing is told once everybody is ready: what keys take is no part of a load.
        let mut began = None;
        let mut begin = |_: Standing<'_>| {
            began.get_or_insert_with(ProcessTime::try_now);
        };
        let options = LoadOptions {
            workers: CORES as usize,
            target: None,
            shard: Shard::WHOLE,
            start_at: None,
            trace: None,
            stopwatch: Some(stopwatch),
            interrupted: &interrupted,
            progress: &mut begin,
        };
        let finished = run::load(&self.plan, options).map_err(Failure::internal)?.finish();
        let ended = ProcessTime::try_now().map_err(Failure::internal)?;
        let began = began.unwrap_or(Ok(ended)).map_err(Failure::internal)?;
        self.cpu_ns += u64::try_from(ended.duration_since(began).as_nanos()).unwrap_or(u64::MAX);
        self.crypto += CryptoTime::from(&*finished.ended.totals);
        self.requests += finished.measurements.traffic.sent();
        self.served += finished.measurements.total.authentication.served;
        self.exchanges_ns.absorb(&finished.latencies.one_step_ns);
        self.from_due_ns.absorb(&finished.pace.unwrap_or_default().latencies.one_step_from_due_ns);
        Ok(())
    }

    /// CPU time of a request that no signature and no verification took, in nanoseconds.
    fn request_ns(&self) -> u64 {
        self.cpu_ns.saturating_sub(self.crypto.took_ns()) / self.requests.max(1)
    }

    /// `alone` with what cryptography costs in these loads: signatures and blindings are as much dearer as all of them were
    /// together.
    fn crypto_costs(&self, alone: &Costs) -> Costs {
        let alone_ns = self.crypto.signs_by_ns(alone);
        let here = |cost_ns: u64| {
            let here_ns = (u128::from(cost_ns) * u128::from(self.crypto.sign_ns)).checked_div(alone_ns.into());
            here_ns.and_then(|here_ns| u64::try_from(here_ns).ok()).unwrap_or(cost_ns)
        };
        let (sign_ns, blinding_ns) = (here(alone.sign_ns), here(alone.blinding_ns));
        let verify_ns = self.crypto.verify_ns.checked_div(self.crypto.verifies).unwrap_or(alone.verify_ns);
        Costs { sign_ns, blinding_ns, verify_ns, ..*alone }
    }

    /// What a simulation by `costs` foretells.
    fn foretold(&self, costs: Costs, interruptions: Interruptions) -> Result<Prediction, Failure> {
        let machine = MeasuredMachine { costs, interruptions, scatter: Quantiles::default() };
        predict(&self.plan, &machine, CORES, &AtomicBool::new(false), &mut |_| {})
    }
}

/// Completes `costs` by loads that leave the cores no rest, of two thirds of what they bear, and that leave them idle most of the
/// time.
///
/// The first tell what requests cost; the second what cryptography costs. What the third took more than both explain was to begin
/// after a rest. What a simulation without requests leaves unexplained of their middle latency comes before the answer, the rest
/// of a request after it; and what their latencies are longer than the simulation explains is scatter.
pub(super) fn observe(costs: Costs, interruptions: Interruptions) -> Result<MeasuredMachine, Failure> {
    let mut busy = Made::of(plan(200, 8_000, BUSY_S)?);
    busy.make()?;
    if busy.served == 0 {
        return Err(Failure::Internal(
            "failed to calibrate: a load on this machine's loopback served nobody".to_owned(),
        ));
    }
    let mut brisk = Made::of(plan(200, busy.served / u64::from(BUSY_S) * 2 / 3, 3)?);
    let mut idle = Made::of(plan(20, 400, 3)?);
    for turn in 0..TURNS {
        if turn > 0 {
            busy.make()?;
        }
        brisk.make()?;
        idle.make()?;
    }
    let request_ns = busy.request_ns().saturating_sub(costs.parse_ns);
    let costs = Costs { request_ns: 0, closing_ns: request_ns, rest_ns: REST_NS, ..brisk.crypto_costs(&costs) };
    let costs = Costs { wake_ns: wake_ns(&idle, costs, interruptions)?, ..costs };

    let explained = idle.foretold(costs, interruptions)?.figures.one_step_ns.unwrap_or_default();
    let middle_ns = idle.exchanges_ns.distribution().unwrap_or_default().p50;
    let before_ns = middle_ns.saturating_sub(explained.p50).min(request_ns);
    let costs = Costs { request_ns: before_ns, closing_ns: request_ns - before_ns, ..costs };

    let from_due = idle.from_due_ns.distribution().unwrap_or_default();
    let late = |latency_ns: u64, explained_ns: u64| latency_ns.saturating_sub(explained_ns + before_ns);
    let scatter = Quantiles {
        p50_ns: late(from_due.p50, explained.p50),
        p90_ns: late(from_due.p90, explained.p90),
        p99_ns: late(from_due.p99, explained.p99),
        p999_ns: late(from_due.p999, explained.p999),
    };
    Ok(MeasuredMachine { costs, interruptions, scatter })
}

/// What a core takes to begin after a rest, so that the simulation takes as much CPU time as `idle` did.
fn wake_ns(idle: &Made, costs: Costs, interruptions: Interruptions) -> Result<u64, Failure> {
    let explained_ns = idle.crypto.by_ns(&costs) + idle.requests * (costs.closing_ns + costs.parse_ns);
    let unexplained_ns = u128::from(idle.cpu_ns.saturating_sub(explained_ns)) / TURNS as u128;
    let mut wake_ns = WAKE_FIRST_NS;
    for _ in 0..ROUNDS {
        let woken = idle.foretold(Costs { wake_ns, ..costs }, interruptions)?.cpu.woken / SLOWER;
        let better_ns = (u128::from(wake_ns) * unexplained_ns).checked_div(woken.as_nanos()).unwrap_or(0);
        wake_ns = u64::try_from(better_ns).unwrap_or(u64::MAX);
    }
    Ok(wake_ns)
}
