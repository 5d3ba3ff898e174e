//! L6: after everything heals, N cold agents are back within 2N/sign rate + ⌈N/32⌉·RTT plus jitter.
//!
//! Reading: when everything has healed, an agent is cut off if its latest exchange was not served, or if it has started
//! anew since its latest exchange (see `facts/cut_off`). It is back with the first exchange that is served. Who failed
//! before is back by the time that everything has healed plus the bound, since it tries again by itself; who started
//! anew by its first try plus the bound. The bound, from the plan alone, for all of its N agents, cold or not:
//! - work: N times what a cold agent costs at most on one server (two signatures, four verifications, two parses, a
//!   sealed and an opened answer, four requests), by the cores of the server that has the fewest;
//! - ways: ⌈N / slots⌉ times two round trips at the greatest latency, to connect and to ask;
//! - jitter: the longest back-off of a site that must register, and of an agent; and what they still believe: the idle
//!   time after which no dead connection is tried any more, one upstream time-out of the fetches that hang, one fetch of
//!   policy and one visit (a time-out for connecting, three for exchanges); and a policy interval if keys, policy or
//!   paths change;
//! - the granularity of time.
//!
//! Not judged: agents with nothing that their server takes in the end, whoever has left or whose process does not run; revoked agents, agents of a removed site, agents that
//! fetch no policy where server keys change, and victims of attackers that are still on their path.

use std::{collections::BTreeSet, time::Duration};

use super::{assumptions::Assumptions, checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::Event,
    plan::{FaultKind, Invariant, Plan},
    types::{ActorId, VirtualTime},
};

/// Why it cannot be judged, if so. Where nothing was ever wrong, nobody was cut off, and it holds.
pub(super) fn why_never(plan: &Plan, assumptions: &Assumptions) -> Option<String> {
    let Some(healed) = assumptions.fairness.healed() else {
        return assumptions.fairness.why_never().map(str::to_owned);
    };
    let (by, end) = (healed.after(bound(plan)), VirtualTime::from_millis(plan.duration_ms));
    (by > end).then(|| format!("the run ends at {end}, before everybody had to be back at {by}"))
}

#[derive(Debug)]
pub(super) struct BackInTime {
    bound: Duration,
    reported: BTreeSet<ActorId>,
}

impl BackInTime {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { bound: bound(plan), reported: BTreeSet::new() }
    }
}

impl Checker for BackInTime {
    fn hear(&mut self, _event: &Event, _before: &Facts, _findings: &mut Findings) {}

    fn tick(&mut self, now: VirtualTime, facts: &Facts, findings: &mut Findings) {
        let assumptions = &facts.assumptions;
        let Some(healed) = assumptions.fairness.healed().filter(|healed| now > healed.after(self.bound)) else {
            return;
        };
        for (agent, cut_off) in facts.cut_offs.iter() {
            let Some(from) = (if cut_off.failed { Some(healed) } else { cut_off.tried }) else { continue };
            let by = from.after(self.bound);
            if now <= by || is_excused(agent, by, facts) || !self.reported.insert(agent) {
                continue;
            }
            findings.violated(Invariant::L6, agent, || {
                let why = if cut_off.failed { "its exchanges had failed" } else { "it had started anew" };
                format!(
                    "{agent} is still not back at {now}: {why}, everything had healed at {healed}, and it had to be served by {by}"
                )
            });
        }
    }
}

fn is_excused(agent: ActorId, by: VirtualTime, facts: &Facts) -> bool {
    let assumptions = &facts.assumptions;
    let server = assumptions.server_of(agent);
    assumptions.has_left(agent, by)
        || facts.lives.get(agent).is_some_and(|life| !life.runs)
        || facts.may_be_taken_for_revoked(agent, by)
        || server.is_some_and(|server| facts.administration.is_removed(assumptions.identities.node_of(server)))
        || server.is_some_and(|server| !assumptions.kinds.lets_in_at_last(agent, server))
        || assumptions.is_left_behind(agent)
        || assumptions.fairness.since(agent, by) > assumptions.fairness.from()
}

fn bound(plan: &Plan) -> Duration {
    let (parameters, costs) = (&plan.parameters, &plan.costs);
    let agents = u64::try_from(plan.agents.len()).unwrap_or(u64::MAX);
    let cores = plan.sites.iter().map(|site| site.cores).fold(plan.smp.cores, u32::min).max(1);
    let cold_ns = [
        costs.sign_ns.saturating_mul(2),
        costs.verify_ns.saturating_mul(4),
        costs.parse_ns.saturating_mul(2),
        costs.seal_ns,
        costs.open_ns,
        costs.blinding_ns.saturating_mul(3),
        costs.request_ns.saturating_add(costs.closing_ns).saturating_mul(4),
    ];
    let cold_ns = cold_ns.into_iter().fold(0, u64::saturating_add);
    let work = Duration::from_nanos(agents.saturating_mul(cold_ns) / u64::from(cores));

    let trip_ms = plan.network.latency_ms_max.saturating_add(plan.network.tick_ms).saturating_mul(4);
    let rounds = agents.div_ceil(u64::from(parameters.upstream_slots.max(1)));
    let ways = Duration::from_millis(rounds.saturating_mul(trip_ms));

    let (connect, exchange) = (parameters.connect_timeout(), parameters.exchange_timeout());
    let jitter = Duration::from_millis(parameters.retry_max_ms.saturating_mul(2))
        .saturating_add(parameters.keep_alive_idle())
        .saturating_add(parameters.upstream_timeout())
        .saturating_add(connect.saturating_mul(2))
        .saturating_add(exchange.saturating_mul(4));
    let news = plan.faults.iter().any(|fault| {
        matches!(
            fault.kind,
            FaultKind::RotateServerKey { .. }
                | FaultKind::ChangeAgentKey { .. }
                | FaultKind::ChangePolicy { .. }
                | FaultKind::Move { .. }
                | FaultKind::Revoke { .. }
                | FaultKind::RemoveSite { .. }
                | FaultKind::ChangeAccPassword {}
                | FaultKind::ChangeAuthentication { .. }
        )
    });
    let policy_s = plan.agents.iter().map(|agent| agent.policy_interval_s).fold(parameters.policy_interval_s, u64::max);
    let news = Duration::from_secs(if news { policy_s } else { 0 });
    let granularity =
        Duration::from_millis(plan.network.tick_ms.saturating_mul(2)).saturating_add(Duration::from_secs(1));
    [ways, jitter, news, granularity].into_iter().fold(work, Duration::saturating_add)
}
