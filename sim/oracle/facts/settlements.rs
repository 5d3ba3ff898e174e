//! Which agents have settled with their servers since the network has been fair.

use std::collections::BTreeMap;

use crate::{
    event::{Event, EventKind, Outcome},
    oracle::Assumptions,
    types::{ActorId, VirtualTime},
};

/// When each agent first got through to a server with a token while the network was fair (see [`crate::oracle`]'s
/// `fairness`).
#[derive(Debug, Default)]
pub struct Settlements {
    settled: BTreeMap<(ActorId, ActorId), VirtualTime>,
}

impl Settlements {
    /// Whether an exchange that started then is one of an agent that had settled with that server.
    pub fn is_settled(&self, agent: ActorId, server: ActorId, started: VirtualTime, assumptions: &Assumptions) -> bool {
        let since = assumptions.fairness.since(agent, started);
        match self.settled.get(&(agent, server)) {
            Some(settled) => since <= *settled && *settled <= started,
            None => since == VirtualTime::ZERO,
        }
    }

    pub(super) fn learn(&mut self, event: &Event, assumptions: &Assumptions) {
        let EventKind::ExchangeEnded {
            server, outcome: Outcome::ServedOneStep | Outcome::ServedTwoStep, took_ns, ..
        } = event.kind
        else {
            return;
        };
        let since = assumptions.fairness.since(event.actor, event.at);
        let started = VirtualTime(event.at.nanos().saturating_sub(took_ns));
        // Where nothing was ever wrong, nothing need be remembered.
        if since > started || since == VirtualTime::ZERO {
            return;
        }
        let settled = self.settled.entry((event.actor, server)).or_insert(event.at);
        if *settled < since {
            *settled = event.at;
        }
    }
}
