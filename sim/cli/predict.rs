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

    #[test]
    fn every_request_occupies_a_core_before_its_answer_and_once_after_it_is_heard() {
        let text = "description = \"One agent.\"\nprofile = \"literal\"\ncrypto = \"modelled\"\nduration = \"2s\"\nsites = { count = 1 }\n\
                    [[agents]]\ncount = 1\nbootstrap = \"installed\"\npolicy_interval = \"never\"\nvisits = { every = \"1s\" }\n";
        let plan = Scenario::from_toml("one.toml", text).unwrap().resolve(None, Overrides::default()).unwrap();
        let busy_ms = |request_ms: u64, closing_ms: u64| {
            let costs =
                Costs { request_ns: request_ms * 1_000_000, closing_ns: closing_ms * 1_000_000, ..Costs::default() };
            let (interruptions, scatter) = (Interruptions::default(), Quantiles::default());
            let machine = MeasuredMachine { costs, interruptions, scatter };
            let made = predict(&plan, &machine, 1, &AtomicBool::new(false), &mut |_| {}).unwrap();
            made.cpu.busy.as_millis() / u128::from(SLOWER)
        };
        let requests = busy_ms(1, 0);
        assert!(requests >= 4, "a challenge, a token with its answer, a fetch: {requests}");
        assert_eq!(busy_ms(1, 3), 4 * requests);
    }
}
