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
    types::{Costs, Interruptions, MeasuredMachine, Quantiles, Shard, saturating_nanos},
    world::CpuUsage,
};

const CORES: u32 = 2;
/// A machine among others is faster now and slower then: each load is made so often, in turns.
const TURNS: u64 = 3;
/// So many agents come for so long, once each of them has a token, as often as a machine of today does not bear on two cores: one that does
/// rests now and then, and what its cores take to begin is taken for the requests'.
const CROWD: u32 = 2_000;
const CROWD_PER_S: u64 = 8_000;
const CROWD_S: u32 = 4;
/// For so long they get their tokens, at this rate.
const FIRST_S: u32 = 2;
const FIRST_PER_S: u64 = 1_000;
/// How often the cost of a core that begins is worked out, each time with how often cores begin by the one before.
const REFINEMENTS: usize = 3;
const WAKE_FIRST_NS: u64 = 20_000;
/// How long a core rests until it is as slow to begin as it gets: its caches are cold, and its host has given it away. Of loads
/// of 400 to 2,200 visits a second on two virtual cores, 3 ms explains well what their requests took beside cryptography.
const REST_NS: u64 = 3_000_000;

/// Some agents that come at rates, each for a while, and each time on a connection of its own and in one step.
fn plan(agents: u32, rates: &[(u64, u32)]) -> Result<Plan, Failure> {
    let phases: Vec<_> =
        rates.iter().map(|(per_s, seconds)| format!("{{ rate = \"{per_s}/s\", for = \"{seconds}s\" }}")).collect();
    let (phases, seconds) = (phases.join(", "), rates.iter().map(|(_, seconds)| seconds).sum::<u32>());
    let text = format!(
        "description = \"Agents come again and again.\"\nprofile = \"literal\"\ncrypto = \"aws-lc\"\n\
         duration = \"{seconds}s\"\nsites = {{ count = 1 }}\n[[agents]]\ncount = {agents}\nbootstrap = \"installed\"\n\
         policy_interval = \"never\"\n\
         arrivals = {{ spacing = \"poisson\", phases = [{phases}] }}\n"
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
        self.cpu_ns += saturating_nanos(ended.duration_since(began));
        self.crypto += CryptoTime::from(&*finished.ended.totals);
        self.requests += finished.measurements.traffic.sent();
        self.served += finished.measurements.total.authentication.served;
        self.exchanges_ns.absorb(&finished.latencies.one_step_ns);
        self.from_due_ns.absorb(&finished.pace.unwrap_or_default().latencies.one_step_from_due_ns);
        Ok(())
    }

    /// CPU time that no signature and no verification took, in nanoseconds.
    fn beside_crypto_ns(&self) -> u64 {
        self.cpu_ns.saturating_sub(self.crypto.took_ns())
    }

    /// The same of each request that this load has and another, which is its beginning, has not; none if it has no more.
    fn request_ns_since(&self, beginning: &Self) -> Option<u64> {
        let took_ns = self.beside_crypto_ns().saturating_sub(beginning.beside_crypto_ns());
        took_ns.checked_div(self.requests.saturating_sub(beginning.requests))
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

    /// What it took a core to begin after a rest, if the rest of the CPU time is explained by `costs`; how often cores began, and
    /// how long they had rested, is as in a simulation.
    fn wake(&self, costs: Costs, interruptions: &Interruptions) -> Result<Wake, Failure> {
        let explained_ns = self.crypto.by_ns(&costs) + self.requests * (costs.closing_ns + costs.parse_ns);
        let unexplained_ns = self.cpu_ns.saturating_sub(explained_ns) / TURNS;
        let CpuUsage { wakes, rested, .. } = self.foretold(costs, interruptions)?.cpu;
        let rested_ns = u64::try_from((rested / SLOWER).as_nanos()).unwrap_or(u64::MAX);
        // To begin, and as much to go to rest.
        Ok(Wake { rested_ns: rested_ns / wakes.max(1), took_ns: unexplained_ns / (2 * wakes.max(1)) })
    }

    /// What a simulation by `costs` foretells.
    fn foretold(&self, costs: Costs, interruptions: &Interruptions) -> Result<Prediction, Failure> {
        let machine = MeasuredMachine { costs, interruptions: interruptions.clone(), scatter: Quantiles::default() };
        predict(&self.plan, &machine, CORES, &AtomicBool::new(false), &mut |_| {})
    }
}

/// Completes `costs` by loads that leave the cores no rest, of two thirds of what they bear, and that leave them idle most of the
/// time.
///
/// The first, less what the beginning took in which agents get their tokens, tell what requests cost; the second what cryptography
/// costs. What the second and third took more than both explain was to begin after a rest. What a simulation without requests leaves unexplained of their middle latency comes before the answer, the rest
/// of a request after it; and what their latencies are longer than the simulation explains is scatter.
pub(super) fn observe(costs: Costs, interruptions: Interruptions) -> Result<MeasuredMachine, Failure> {
    // Of few agents only few can wait at once, and requests cost less then than in loads of thousands.
    let first = (FIRST_PER_S, FIRST_S);
    let mut beginning = Made::of(plan(CROWD, &[first])?);
    let mut crowd = Made::of(plan(CROWD, &[first, (CROWD_PER_S, CROWD_S)])?);
    beginning.make()?;
    crowd.make()?;
    let served = crowd.served.saturating_sub(beginning.served);
    let served_nobody =
        || Failure::Internal("failed to calibrate: a crowd on this machine's loopback was not served".to_owned());
    if served == 0 {
        return Err(served_nobody());
    }
    let brisk_per_s = (served * 2 / (3 * u64::from(CROWD_S))).max(1);
    let mut brisk = Made::of(plan(200, &[(brisk_per_s, 3)])?);
    let mut idle = Made::of(plan(20, &[(400, 3)])?);
    for turn in 0..TURNS {
        if turn > 0 {
            beginning.make()?;
            crowd.make()?;
        }
        brisk.make()?;
        idle.make()?;
    }
    let request_ns = crowd.request_ns_since(&beginning).ok_or_else(served_nobody)?.saturating_sub(costs.parse_ns);
    let costs = Costs { request_ns: 0, closing_ns: request_ns, rest_ns: REST_NS, ..brisk.crypto_costs(&costs) };
    let costs = with_wakes(costs, &brisk, &idle, &interruptions)?;

    let explained = idle.foretold(costs, &interruptions)?.figures.one_step_ns.unwrap_or_default();
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

/// `costs` with what a core takes to begin, so that simulations take as much CPU time as the loads did: the cores of the one rest
/// often and not for long, those of the other for longer.
fn with_wakes(costs: Costs, brisk: &Made, idle: &Made, interruptions: &Interruptions) -> Result<Costs, Failure> {
    let mut costs = Costs { wake_min_ns: WAKE_FIRST_NS, wake_ns: WAKE_FIRST_NS, ..costs };
    for _ in 0..REFINEMENTS {
        let (short, long) = (brisk.wake(costs, interruptions)?, idle.wake(costs, interruptions)?);
        let (wake_min_ns, wake_ns) = Wake::bounds(short, long);
        costs = Costs { wake_min_ns, wake_ns, ..costs };
    }
    Ok(costs)
}

/// What it takes to begin after a rest, each on average and in nanoseconds.
#[derive(Clone, Copy)]
struct Wake {
    rested_ns: u64,
    took_ns: u64,
}

impl Wake {
    /// After no rest, and after one of `REST_NS`, where a longer rest makes it dearer. Rests that are nearly as long tell nothing of that.
    fn bounds(short: Self, long: Self) -> (u64, u64) {
        if long.rested_ns < short.rested_ns.saturating_mul(2) || long.took_ns < short.took_ns {
            return (long.took_ns, long.took_ns);
        }
        (Self::after(0, short, long), Self::after(REST_NS, short, long))
    }

    /// The same after another rest, in proportion.
    fn after(rested_ns: u64, short: Self, long: Self) -> u64 {
        let difference = |one: u64, other: u64| i128::from(one) - i128::from(other);
        let more_ns = (difference(long.took_ns, short.took_ns) * difference(rested_ns, short.rested_ns))
            .checked_div(difference(long.rested_ns, short.rested_ns))
            .unwrap_or_default();
        u64::try_from((i128::from(short.took_ns) + more_ns).max(0)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_costs_what_a_load_took_more_than_its_beginning_beside_cryptography() {
        let made = |cpu_ns, sign_ns, requests| Made {
            cpu_ns,
            crypto: CryptoTime { sign_ns, ..CryptoTime::default() },
            requests,
            ..Made::of(plan(1, &[(1, 1)]).unwrap())
        };
        let (beginning, whole) = (made(100, 40, 2), made(400, 100, 12));
        assert_eq!(whole.request_ns_since(&beginning), Some(24));
        assert_eq!([beginning.request_ns_since(&beginning), beginning.request_ns_since(&whole)], [None, None]);
        assert_eq!(made(90, 40, 12).request_ns_since(&beginning), Some(0));
    }

    #[test]
    fn a_load_lasts_as_long_as_its_rates() {
        let plan = plan(3, &[(10, 2), (20, 3)]).unwrap();
        assert_eq!((plan.duration_ms, plan.agents.len()), (5_000, 3));
    }

    #[test]
    fn what_it_takes_to_begin_follows_from_two_rests() {
        let wake = |rested_ns, took_ns| Wake { rested_ns, took_ns };
        let (short, long) = (wake(200, 12), wake(1_200, 32));
        assert_eq!([0, 200, 700, 3_000].map(|rested_ns| Wake::after(rested_ns, short, long)), [8, 12, 22, 68]);
        // Measured by chance: less than nothing is nothing, and where there is one rest all are alike.
        assert_eq!(Wake::after(0, wake(200, 2), long), 0);
        assert_eq!(Wake::after(0, short, wake(200, 12)), 12);
        assert_eq!(Wake::bounds(short, long), (8, Wake::after(REST_NS, short, long)));
        assert_eq!(Wake::bounds(short, wake(390, 60)), (60, 60));
        assert_eq!(Wake::bounds(short, wake(1_200, 10)), (10, 10));
    }
}
