//! A shorter run.

use super::chosen::with_agents;
use crate::plan::{Plan, Visits};

/// The plan, over after so many milliseconds: whatever comes later is left out, and whatever lasts longer ends then.
pub fn cut(plan: &Plan, duration_ms: u64) -> Plan {
    let starts_in_time = |number: &u32| plan.agent(*number).is_some_and(|agent| agent.start_ms < duration_ms);
    let agents: Vec<u32> = (1..).take(plan.agents.len()).filter(starts_in_time).collect();
    let mut plan = with_agents(plan, &agents);
    plan.duration_ms = duration_ms;
    let end_us = duration_ms.saturating_mul(1_000);
    plan.heal_ms = plan.heal_ms.map(|heal_ms| heal_ms.min(duration_ms));
    plan.faults.retain(|fault| fault.at_ms < duration_ms);
    for fault in &mut plan.faults {
        fault.until_ms = fault.until_ms.map(|until_ms| until_ms.min(duration_ms));
    }
    plan.attackers.retain(|attacker| attacker.start_ms < duration_ms);
    for attacker in &mut plan.attackers {
        attacker.until_ms = attacker.until_ms.min(duration_ms);
    }
    for agent in &mut plan.agents {
        agent.leave_ms = agent.leave_ms.filter(|leave_ms| *leave_ms < duration_ms);
        if let Visits::At { times_us } = &mut agent.visits {
            times_us.retain(|time_us| *time_us < end_us);
        }
    }
    if let Some(portal) = &mut plan.portal {
        let (runs, visits) = (portal.jobs.iter_mut().map(|job| &mut job.runs), portal.browsers.iter_mut());
        for visits in runs.chain(visits.map(|browser| &mut browser.visits)) {
            if let Visits::At { times_us } = visits {
                times_us.retain(|time_us| *time_us < end_us);
            }
        }
    }
    plan
}
