//! S8, the agent's storage: a token that is not used is gone after the idle time and one sweep (rule 13).
//!
//! Reading: last use is the latest `Countersigned` of the stored token, or `TokenStored`. By last use +
//! `agent_idle_s` + `agent_sweep_period_s` + σ (and one exchange time-out, since the agent may count from the
//! answer, and the granularity of time) the token has a `StoredTokenRemoved`, was replaced or used, or its
//! agent has stopped, started again or left for good, or its memory went back. Attackers keep what they like.

use std::{collections::BTreeSet, time::Duration};

use super::{
    assumptions::Assumptions,
    checker::Checker,
    facts::{Facts, StoredToken},
    violation::Findings,
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, Jti, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct StoredTokenLeaves {
    scanned_minute: u64,
    reported: BTreeSet<(ActorId, ActorId, Jti)>,
}

impl StoredTokenLeaves {
    fn judge(
        &mut self,
        agent: ActorId,
        server: ActorId,
        token: &StoredToken,
        now: VirtualTime,
        facts: &Facts,
        findings: &mut Findings,
    ) {
        let bound = bound(token, &facts.assumptions);
        let late = matches!(agent, ActorId::Agent(_)) && now > bound && !facts.assumptions.has_left(agent, bound);
        if late && self.reported.insert((agent, server, token.jti)) {
            findings.violated(Invariant::S8, agent, || {
                format!(
                    "{agent} still stores the token {} for {server} at {now}; it was last used at {} and had to go by {bound}",
                    token.jti, token.used_at
                )
            });
        }
    }
}

impl Checker for StoredTokenLeaves {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        // The scan is coarse; what changes in between is judged when it does.
        let EventKind::StoredTokenRemoved { server, jti, .. } = event.kind else { return };
        if let Some(token) = before.storages.get(event.actor, server).filter(|token| token.jti == jti) {
            self.judge(event.actor, server, token, event.at, before, findings);
        }
    }

    fn tick(&mut self, now: VirtualTime, facts: &Facts, findings: &mut Findings) {
        let minute = now.nanos() / 60_000_000_000;
        if minute != self.scanned_minute {
            self.scanned_minute = minute;
            self.scan(now, facts, findings);
        }
    }

    fn finish(&mut self, end: VirtualTime, facts: &Facts, findings: &mut Findings) {
        self.scan(end, facts, findings);
    }
}

impl StoredTokenLeaves {
    fn scan(&mut self, now: VirtualTime, facts: &Facts, findings: &mut Findings) {
        for (agent, server, token) in facts.storages.iter() {
            self.judge(agent, server, token, now, facts, findings);
        }
    }
}

fn bound(token: &StoredToken, assumptions: &Assumptions) -> VirtualTime {
    let parameters = &assumptions.parameters;
    token
        .used_at
        .after(Duration::from_secs(parameters.agent_idle_s))
        .after(Duration::from_secs(parameters.agent_sweep_period_s))
        .after(parameters.exchange_timeout())
        .after(assumptions.skew)
        .after(assumptions.granularity)
}
