//! What a load on real sockets takes beside its cryptography, found out by making two.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use cpu_time::ProcessTime;

use super::{Failure, environment::stopwatch, predict::predict};
use crate::{
    plan::Plan,
    run::{self, Finished, LoadOptions, Standing},
    scenario::{Overrides, Scenario},
    types::{Costs, Interruptions, MeasuredMachine, Quantiles, Shard},
};

const CORES: u32 = 2;

/// A few agents that come at a rate for a while, each time on a connection of its own and in one step.
fn plan(agents: u32, per_s: u32, seconds: u32) -> Result<Plan, Failure> {
    let text = format!(
        "description = \"A few agents come again and again.\"\nprofile = \"literal\"\ncrypto = \"aws-lc\"\n\
         duration = \"{seconds}s\"\nsites = {{ count = 1 }}\n[[agents]]\ncount = {agents}\nbootstrap = \"installed\"\n\
         policy_interval = \"never\"\narrivals = {{ phases = [{{ rate = \"{per_s}/s\", for = \"{seconds}s\" }}] }}\n"
    );
    Ok(Scenario::from_toml("calibration.toml", &text)?.resolve(None, Overrides::default())?)
}

/// A load that was made, and what it took.
struct Made {
    finished: Finished,
    sign_ns: u64,
    verify_ns: u64,
    /// CPU time of one request without cryptography, the kernel's part included, at both ends.
    request_cpu_ns: u64,
    requests: u64,
}

fn make(plan: &Plan) -> Result<Made, Failure> {
    let (interrupted, mut nobody) = (AtomicBool::new(false), |_: Standing<'_>| {});
    let options = LoadOptions {
        workers: CORES as usize,
        target: None,
        shard: Shard::WHOLE,
        start_at: None,
        trace: None,
        stopwatch: Some(stopwatch),
        interrupted: &interrupted,
        progress: &mut nobody,
    };
    let before = ProcessTime::try_now().map_err(Failure::internal)?;
    let finished = run::load(plan, options).map_err(Failure::internal)?.finish();
    let cpu_ns = u64::try_from(before.try_elapsed().map_err(Failure::internal)?.as_nanos()).unwrap_or(u64::MAX);
    let totals = &finished.ended.totals;
    let (sign_ns, verify_ns) = (totals.sign_ns.load(Relaxed), totals.verify_ns.load(Relaxed));
    let requests = finished.measurements.traffic.sent().max(1);
    Ok(Made {
        sign_ns: sign_ns / totals.signs.load(Relaxed).max(1),
        verify_ns: verify_ns / totals.verifies.load(Relaxed).max(1),
        request_cpu_ns: cpu_ns.saturating_sub(sign_ns + verify_ns) / requests,
        requests,
        finished,
    })
}

/// Completes `costs` by two loads: one that leaves the cores no rest, and one that leaves them idle most of the time.
///
/// The first tells what cryptography and requests cost while everybody works. What a request takes more of an idle machine is
/// what its cores take to begin. What a simulation without requests leaves unexplained of the middle latency of the second
/// comes before the answer, the rest of a request after it; and what its latencies are longer than the simulation explains is
/// scatter.
pub(super) fn observe(costs: Costs, interruptions: Interruptions) -> Result<MeasuredMachine, Failure> {
    let (busy, idle_plan) = (make(&plan(64, 8_000, 2)?)?, plan(20, 400, 5)?);
    let idle = make(&idle_plan)?;
    let request_ns = busy.request_cpu_ns.saturating_sub(costs.parse_ns);
    let costs = Costs { sign_ns: busy.sign_ns, verify_ns: busy.verify_ns, request_ns: 0, closing_ns: 0, ..costs };
    let foretell = |costs: Costs| {
        let machine = MeasuredMachine { costs, interruptions, scatter: Quantiles::default() };
        predict(&idle_plan, &machine, CORES, &AtomicBool::new(false), &mut |_| {})
    };
    let more_ns = idle.request_cpu_ns.saturating_sub(busy.request_cpu_ns).saturating_mul(idle.requests);
    // A core that begins has gone to rest before.
    let wake_ns = more_ns.checked_div(foretell(costs)?.cpu.wakes * 2).unwrap_or(0);
    let costs = Costs { wake_ns, ..costs };

    let explained = foretell(costs)?.figures.one_step_ns.unwrap_or_default();
    let middle_ns = idle.finished.measurements.total.authentication.one_step_ns.unwrap_or_default().p50;
    let before_ns = middle_ns.saturating_sub(explained.p50).min(request_ns);
    let costs = Costs { request_ns: before_ns, closing_ns: request_ns - before_ns, ..costs };

    let from_due = idle.finished.pace.unwrap_or_default().one_step_from_due_ns.unwrap_or_default();
    let late = |latency_ns: u64, explained_ns: u64| latency_ns.saturating_sub(explained_ns + before_ns);
    let scatter = Quantiles {
        p50_ns: late(from_due.p50, explained.p50),
        p90_ns: late(from_due.p90, explained.p90),
        p99_ns: late(from_due.p99, explained.p99),
        p999_ns: late(from_due.p999, explained.p999),
    };
    Ok(MeasuredMachine { costs, interruptions, scatter })
}
