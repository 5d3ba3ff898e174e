//! Which visits were made of those that were due.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::Visit,
    plan::{AgentPlan, Plan, Visits},
    types::{ActorId, Shard, VirtualTime},
};

/// Visits of agents, retries of failed ones beside them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct VisitFigures {
    /// How many the plan has until the end.
    pub due: u64,
    /// How many of those began.
    pub begun: u64,
    /// How many were due and never began: their agents were still busy with the ones before, cut off, or not yet registered.
    pub missed: u64,
    /// How many exchanges those would have made.
    pub exchanges_missed: u64,
    /// Other attempts at failed ones.
    pub retries: u64,
}

/// Notes which visits begin.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct VisitRecorder {
    planned_ms: u64,
    /// Agents by their numbers, each with the visits that it has begun.
    agents: BTreeMap<u32, (AgentPlan, u64)>,
    retries: u64,
}

impl VisitRecorder {
    /// For the part of a plan's agents that come.
    pub(super) fn new(plan: &Plan, shard: Shard) -> Self {
        let agents = (1..).zip(&plan.agents).filter(|(number, _)| shard.has(u64::from(*number - 1)));
        let agents = agents.map(|(number, agent)| (number, (agent.clone(), 0))).collect();
        Self { planned_ms: plan.duration_ms, agents, retries: 0 }
    }

    /// Takes in what was noted of other agents of the same plan.
    pub(super) fn absorb(&mut self, other: Self) {
        for (number, (agent, begun)) in other.agents {
            self.agents.entry(number).or_insert((agent, 0)).1 += begun;
        }
        self.retries += other.retries;
    }

    pub(super) fn begins(&mut self, agent: ActorId, visit: &Visit) {
        if visit.is_retry {
            self.retries += 1;
        } else if let ActorId::Agent(number) = agent
            && let Some((_, begun)) = self.agents.get_mut(&number)
        {
            *begun += 1;
        }
    }

    /// The figures of a run that ended at `end`.
    pub(super) fn figures(&self, end: VirtualTime) -> VisitFigures {
        // On sockets a plan begins once its servers answer, which takes a moment.
        let length_ms = end.nanos().div_ceil(1_000_000).min(self.planned_ms);
        let mut figures = VisitFigures { retries: self.retries, ..VisitFigures::default() };
        for (agent, begun) in self.agents.values() {
            let missed = due(agent, length_ms).saturating_sub(*begun);
            figures.begun += begun;
            figures.missed += missed;
            let exchanges = u64::from(agent.requests).saturating_mul(agent.connections.into());
            figures.exchanges_missed = figures.exchanges_missed.saturating_add(missed.saturating_mul(exchanges));
        }
        figures.due = figures.begun + figures.missed;
        figures
    }
}

/// How many visits of an agent are due before so long, whatever its jitter.
fn due(agent: &AgentPlan, length_ms: u64) -> u64 {
    let end_ms = agent.leave_ms.map_or(length_ms, |leave_ms| leave_ms.min(length_ms));
    match &agent.visits {
        Visits::At { times_us } => {
            // A simulated wait ends on a whole millisecond: what is due in the last one cannot begin any more.
            times_us.partition_point(|at_us| at_us.div_ceil(1_000) < end_ms) as u64
        }
        Visits::Every { first_ms, interval_ms, jitter_ms } => {
            let last_ms = end_ms.checked_sub(1).and_then(|before_ms| before_ms.checked_sub(*jitter_ms));
            let since_first_ms = last_ms.and_then(|last_ms| last_ms.checked_sub(*first_ms));
            since_first_ms.map_or(0, |since_ms| since_ms / (*interval_ms).max(1) + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, find};

    #[test]
    fn a_visit_is_due_if_the_millisecond_on_which_its_wait_ends_is_before_the_end() {
        let mut plan = find("smoke/first_contact").unwrap().resolve(None, Overrides::default()).unwrap();
        let agent = &mut plan.agents[0];
        agent.visits = Visits::At { times_us: vec![9_998_000, 9_998_001, 9_999_000, 9_999_001] };
        assert_eq!([9_998, 9_999, 10_000, 10_001].map(|end_ms| due(agent, end_ms)), [0, 1, 3, 4]);
        agent.leave_ms = Some(9_999);
        assert_eq!(due(agent, 10_001), 1);
    }
}
