//! L3: never more than 2 consecutive 401s without a new fault.
//!
//! Reading: answers to an agent's requests to one server, over all of its connections and exchanges. Only
//! requests count that carry a token, a first request or nothing; policy and registration are signed otherwise.
//! An agent with n parallel connections may see 2n in a row, since each may see 2. The count starts anew with
//! any other answer, and with a fault: an exchange that timed out, broke or found no connection, or a 401 for a
//! token that had no more than one exchange time-out and σ left; so it does when the agent stops, starts, or its memory
//! goes back. Only answers count to requests that were sent after the agent had settled with its server on a fair
//! network (see `fairness`), and only at servers that have tokens on all through the run. Not judged at all where L1 is not.

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::Findings,
};
use crate::{
    event::{Carried, Event, EventKind, Outcome},
    plan::Invariant,
    types::{ActorId, RequestId, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct NoRefusalStreak {
    streaks: FadingMap<(ActorId, ActorId), u32>,
}

impl NoRefusalStreak {
    fn answered(&mut self, event: &Event, request: RequestId, status: u16, before: &Facts, findings: &mut Findings) {
        let Some(connection) = before.connections.get(request.connection) else { return };
        let Some(sent) = before.connections.sent(request).filter(|sent| sent.by == event.actor) else { return };
        // A handshake is refused once by nature; whoever gets in by it has got in.
        let is_handshake = matches!(sent.carries, Carried::AccountHello | Carried::AccountResponse);
        if sent.carries == Carried::Signature || (is_handshake && status == 401) {
            return;
        }
        let key = (event.actor, connection.server);
        let assumptions = &before.assumptions;
        let is_judged = assumptions.fairness.includes(event.actor, sent.at, event.at)
            && before.settlements.is_settled(event.actor, connection.server, sent.at, assumptions)
            && assumptions.kinds.is_about_tokens(event.actor, connection.server)
            && !assumptions.is_left_behind(event.actor);
        let is_fault = !is_judged || sent.expires.is_some_and(|expires| before.assumptions.is_short(expires, sent.at));
        if status != 401 || is_fault {
            self.streaks.remove(&key);
            return;
        }
        // An agent that waits long between visits may still be in a loop.
        let keep_until = event.at.after(before.assumptions.lifetime.saturating_mul(4));
        let count = match self.streaks.touch(&key, keep_until) {
            Some(count) => {
                *count = count.saturating_add(1);
                *count
            }
            None => {
                self.streaks.insert(key, 1, keep_until);
                1
            }
        };
        let bound = before.assumptions.parallel_connections(event.actor).saturating_mul(2);
        if count > bound {
            findings.violated(Invariant::L3, event.actor, || {
                format!(
                    "{} got the 401 number {count} in a row from {} at {}, for request {request}; the bound is {bound}",
                    event.actor, connection.server, event.at
                )
            });
        }
    }
}

impl Checker for NoRefusalStreak {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        if !matches!(event.actor, ActorId::Agent(_)) {
            return;
        }
        match event.kind {
            EventKind::ResponseReceived { request, status } => {
                self.answered(event, request, status, before, findings);
            }
            EventKind::ConnectFailed { server, .. }
            | EventKind::ExchangeEnded {
                server,
                outcome: Outcome::TimedOut | Outcome::NotConnected | Outcome::Broken | Outcome::Unavailable,
                ..
            } => drop(self.streaks.remove(&(event.actor, server))),
            EventKind::Started { .. } | EventKind::Stopped { .. } | EventKind::RolledBack => {
                if let Some(server) = before.assumptions.server_of(event.actor) {
                    self.streaks.remove(&(event.actor, server));
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.streaks.fade(now);
    }
}
