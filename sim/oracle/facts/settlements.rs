//! Which agents have settled with their servers since the network has been fair.

use std::collections::BTreeMap;

use crate::{
    event::{Event, EventKind, Outcome, Removal},
    oracle::Assumptions,
    plan::Plan,
    types::{ActorId, VirtualTime},
};

/// When each agent first got through to a server with a token while the network was fair (see [`crate::oracle`]'s
/// `fairness`). None where a server has lost what the agent had settled on.
#[derive(Debug, Default)]
pub struct Settlements {
    settled: BTreeMap<(ActorId, ActorId), Option<VirtualTime>>,
}

impl Settlements {
    /// Whether an exchange that started then is one of an agent that had settled with that server.
    pub fn is_settled(&self, agent: ActorId, server: ActorId, started: VirtualTime, assumptions: &Assumptions) -> bool {
        let since = assumptions.fairness.since(agent, started);
        match self.settled.get(&(agent, server)) {
            Some(settled) => settled.is_some_and(|settled| since <= settled && settled <= started),
            None => since == VirtualTime::ZERO,
        }
    }

    pub(super) fn learn(&mut self, event: &Event, assumptions: &Assumptions) {
        let fairness = &assumptions.fairness;
        match event.kind {
            EventKind::ExchangeEnded {
                server,
                outcome: Outcome::ServedOneStep | Outcome::ServedTwoStep,
                took_ns,
                ..
            } => {
                let since = fairness.since(event.actor, event.at);
                let started = VirtualTime(event.at.nanos().saturating_sub(took_ns));
                let key = (event.actor, server);
                // Where nothing was ever wrong, nothing need be remembered.
                if since > started || (since == VirtualTime::ZERO && !self.settled.contains_key(&key)) {
                    return;
                }
                let settled = self.settled.entry(key).or_default();
                if settled.is_none_or(|settled| settled < since) {
                    *settled = Some(event.at);
                }
            }
            // Somebody else presented the agent's token again, and hardened drops a token that seems used up (hole 7).
            EventKind::CacheRemoved { agent, why: Removal::ReplayRefused, .. } => {
                if let Some(agent) = Plan::actor_of(agent).filter(|agent| fairness.is_doubled(*agent)) {
                    self.settled.insert((agent, event.actor), None);
                }
            }
            _ => {}
        }
    }
}
