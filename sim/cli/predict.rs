//! What the simulation foretells of a load on real sockets.

use std::sync::atomic::AtomicBool;

use super::Failure;
use crate::{
    crypto::CryptoTime,
    metrics::{LoadFigures, Slower},
    plan::{Network, Plan, SharedCores},
    run::{self, Options, RunError, Standing},
    types::{CryptoTier, MeasuredMachine},
    world::CpuUsage,
};

/// How many times slower the simulated load is: its network's step of a millisecond stands for ten microseconds.
pub(super) const SLOWER: u32 = 100;
/// How long bytes take from one end of a loopback connection to the other's eyes, in microseconds.
const LOOPBACK_US: u64 = 10;

/// What was foretold, and what it took of the cores.
pub(super) struct Prediction {
    pub figures: LoadFigures,
    /// In slow motion.
    pub cpu: CpuUsage,
}

/// Simulates `plan` in slow motion, with both ends on one machine of so many cores, and its costs.
pub(super) fn predict(
    plan: &Plan,
    machine: &MeasuredMachine,
    cores: u32,
    interrupted: &AtomicBool,
    progress: &mut dyn FnMut(Standing<'_>),
) -> Result<Prediction, Failure> {
    let latency_ms = LOOPBACK_US * u64::from(SLOWER) / 1_000;
    let plan = Plan {
        costs: machine.costs,
        crypto: CryptoTier::Modelled,
        shared_cores: Some(SharedCores {
            count: cores,
            interruptions: machine.interruptions.clone(),
            scatter: machine.scatter,
        }),
        network: Network { tick_ms: 1, latency_ms_min: latency_ms, latency_ms_max: latency_ms },
        ..plan.clone()
    }
    .slower(SLOWER.into());
    let heard = run::run(&plan, Options::new(interrupted, progress)).map_err(|error| match error {
        // The scenario's own plan can be run: what cannot is in the costs.
        RunError::Plan(error) => {
            Failure::Usage(format!("no prediction with these costs, {SLOWER} times slower: {error}"))
        }
        error @ RunError::World(_) => Failure::internal(error),
    })?;
    let cpu = heard.ended.shared_cpu.unwrap_or_default();
    let crypto = CryptoTime::from(&*heard.ended.totals);
    let slower = Slower {
        measured: &heard.measurements,
        pace: &heard.pace.unwrap_or_default(),
        times: SLOWER.into(),
        busy_ns: u64::try_from(cpu.busy.as_nanos()).unwrap_or(u64::MAX),
        sign_ns: crypto.signs_by_ns(&machine.costs).checked_div(crypto.signs),
    };
    Ok(Prediction { figures: LoadFigures::foretold(&slower), cpu })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        scenario::{Overrides, Scenario},
        types::{Costs, Interruptions, Quantiles},
    };

    /// What is foretold of one agent that visits twice, on a machine of one core.
    fn foretold(costs: Costs, scatter: Quantiles) -> Prediction {
        let text = r#"
            description = "One agent."
            profile = "literal"
            crypto = "modelled"
            duration = "2s"
            sites = { count = 1 }
            [[agents]]
            count = 1
            bootstrap = "installed"
            policy_interval = "never"
            visits = { every = "1s" }
        "#;
        let plan = Scenario::from_toml("one.toml", text).unwrap().resolve(None, Overrides::default()).unwrap();
        let machine = MeasuredMachine { costs, interruptions: Interruptions::default(), scatter };
        predict(&plan, &machine, 1, &AtomicBool::new(false), &mut |_| {}).unwrap()
    }

    #[test]
    fn every_request_occupies_a_core_before_its_answer_and_once_after_it_is_heard() {
        let busy_ms = |request_ms: u64, closing_ms: u64| {
            let (request_ns, closing_ns) = (request_ms * 1_000_000, closing_ms * 1_000_000);
            let made = foretold(Costs { request_ns, closing_ns, ..Costs::default() }, Quantiles::default());
            made.cpu.busy.as_millis() / u128::from(SLOWER)
        };
        let requests = busy_ms(1, 0);
        assert!(requests >= 4, "a challenge, a token with its answer, a fetch: {requests}");
        assert_eq!(busy_ms(1, 3), 4 * requests);
    }

    #[test]
    fn visits_begin_late_by_what_timers_do_on_an_idle_machine() {
        const LATE_NS: u64 = 20_000_000;
        let always = Quantiles { p50_ns: LATE_NS, p90_ns: LATE_NS, p99_ns: LATE_NS, p999_ns: LATE_NS };
        let slowest_ns = |scatter| foretold(Costs::default(), scatter).figures.two_step_ns.unwrap().max;
        let (prompt_ns, late_ns) = (slowest_ns(Quantiles::default()), slowest_ns(always));
        // Between nothing and the middle lateness is drawn evenly.
        assert!((prompt_ns + 1..=prompt_ns + LATE_NS + 1_000_000).contains(&late_ns), "{prompt_ns} {late_ns}");
    }
}
