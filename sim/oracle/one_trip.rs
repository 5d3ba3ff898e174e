//! L2: on a fair network with σ < L/2 a warm agent succeeds in 1 trip, while its token has more than one
//! exchange time-out left.
//!
//! Reading: an exchange that started `warm` and not `authenticated` is served in 1 trip. Time-outs, refused
//! connections and 503 are not judged, as in L1. The stored token has more left than connecting and one
//! exchange may take, and σ; and no token that was about to expire was sent meanwhile. Exchanges that L1 does not
//! judge are not judged here either; and those that started before the agent had settled with its server are not (see
//! `fairness`): what it has stored may be for an earlier start, key or path.
//!
//! An agent may have several exchanges with one server at the same time, which events do not tell apart. One
//! that took two trips is charged to a warm start only when no other start is open, so that a cold start is
//! never taken for a warm one. Parallel connections over a window of width 1 break this invariant (hole 3). And one of
//! them may use the last counter of a token that the other was about to use: that one needs a new token.

use std::collections::BTreeMap;

use super::{checker::Checker, facts::Facts, two_trips::ShortTokens, violation::Findings};
use crate::{
    event::{Event, EventKind, Outcome},
    plan::Invariant,
    types::{ActorId, VirtualTime},
};

/// The exchanges of one agent with one server that are open.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    warm: u32,
    other: u32,
}

#[derive(Debug, Default)]
pub(super) struct OneTrip {
    open: BTreeMap<(ActorId, ActorId), Open>,
    short_sent: ShortTokens,
    /// When each agent last used the last counter of a token.
    used_up: BTreeMap<ActorId, VirtualTime>,
}

impl Checker for OneTrip {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        self.short_sent.hear(event, before);
        match event.kind {
            EventKind::Started { .. } | EventKind::Stopped { .. } => {
                // An agent that starts anew has forgotten what it was about to do.
                let of_agent = (event.actor, ActorId::Smp)..=(event.actor, ActorId::Agent(u32::MAX));
                while let Some((key, _)) = self.open.range(of_agent.clone()).next() {
                    let key = *key;
                    self.open.remove(&key);
                }
            }
            EventKind::Countersigned { counter, .. } if counter >= before.assumptions.parameters.counter_jump_max => {
                self.used_up.insert(event.actor, event.at);
            }
            EventKind::ExchangeStarted { server, warm, authenticated } => {
                let open = self.open.entry((event.actor, server)).or_default();
                if warm && !authenticated && !is_stored_token_short(event, server, before) {
                    open.warm += 1;
                } else {
                    open.other += 1;
                }
            }
            EventKind::ExchangeEnded { server, outcome, trips, took_ns } => {
                let Some(open) = self.open.get_mut(&(event.actor, server)) else { return };
                let overloaded = matches!(
                    outcome,
                    Outcome::TimedOut | Outcome::NotConnected | Outcome::Unavailable | Outcome::Broken
                );
                let one_trip = outcome.is_served() && trips <= 1;
                let is_warm = match (open.warm, open.other) {
                    (0, _) => false,
                    (_, 0) => true,
                    // Whatever went well, or says nothing, closes a warm start: so there is always another start
                    // left for each cold exchange that is still open.
                    _ => one_trip || overloaded,
                };
                if is_warm {
                    open.warm -= 1;
                } else {
                    open.other = open.other.saturating_sub(1);
                }
                if open.warm == 0 && open.other == 0 {
                    self.open.remove(&(event.actor, server));
                }
                let started = VirtualTime(event.at.nanos().saturating_sub(took_ns));
                if is_warm
                    && !overloaded
                    && !one_trip
                    && before.is_fair_exchange(event, took_ns)
                    && before.settlements.is_settled(event.actor, server, started, &before.assumptions)
                    && !before.may_be_taken_for_revoked(event.actor, event.at)
                    && !self.short_sent.within(event, server, took_ns)
                    && self.used_up.get(&event.actor).is_none_or(|at| *at < started)
                {
                    findings.violated(Invariant::L2, event.actor, || {
                        format!(
                            "{}'s exchange with {server} that ended at {} started with a stored token, took {trips} trips and ended as {outcome:?}; the bound is success in 1 trip",
                            event.actor, event.at
                        )
                    });
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.short_sent.fade(now);
    }
}

fn is_stored_token_short(event: &Event, server: ActorId, before: &Facts) -> bool {
    let connected = event.at.after(before.assumptions.parameters.connect_timeout());
    let token = before.storages.get(event.actor, server);
    token.is_some_and(|token| before.assumptions.is_short(token.expires, connected))
}
