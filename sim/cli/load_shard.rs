//! `load --shard`: one of several processes that make a load together.

use super::{Failure, load::LoadArgs};
use crate::{
    load::Target,
    metrics::Pace,
    plan::{Expectation, Plan},
    report::Environment,
    run::Heard,
    sweep::{LOAD_SHARD_VERSION, LoadShard, Visited},
    types::Shard,
};

/// Which part of the plan's agents comes; none if that was not asked.
pub(super) fn asked(args: &LoadArgs) -> Result<Option<Shard>, Failure> {
    let Some(source) = args.shard else { return Ok(None) };
    if args.target.is_none() {
        return Err(Failure::Usage(
            "--shard needs --target: without it each generator would start servers of its own, and put its share on those; \
             start them with `countersign serve`"
                .to_owned(),
        ));
    }
    super::shard::settle(source).map(Some)
}

/// What one generator heard. `command` makes the whole load.
pub(super) fn of(
    plan: &Plan,
    shard: Shard,
    target: &Target,
    command: String,
    heard: &Heard,
    machine: Environment,
) -> LoadShard {
    let Target { server, smp, pin, .. } = target.clone();
    LoadShard {
        countersign_load_shard: LOAD_SHARD_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        shard,
        visited: Visited { server, smp, pin },
        command,
        plan: plan.clone(),
        interrupted: heard.ended.was_interrupted,
        ended_at: heard.ended.at,
        judgement: heard.judgement.clone(),
        metrics: heard.metrics.clone(),
        pace: heard.pace.clone().unwrap_or_else(|| Pace::new(plan, 0)),
        machine,
    }
}

/// What a plan asks of one part of its agents: figures and milestones are those of the whole.
pub(super) fn plan_of(plan: &Plan, shard: Shard) -> Plan {
    let agents = (0..).zip(&plan.agents).filter(|(position, _)| shard.has(*position));
    let expectation = Expectation {
        violations: Vec::new(),
        reach: Vec::new(),
        never: plan.expectation.never.clone(),
        thresholds: Default::default(),
    };
    Plan { agents: agents.map(|(_, agent)| agent.clone()).collect(), expectation, ..plan.clone() }
}
