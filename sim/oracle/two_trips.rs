//! L1: on a fair network with σ < L/2 an honest agent succeeds in at most 2 trips, while its token has more than
//! one exchange time-out left.
//!
//! Reading, for each `ExchangeEnded` of an exchange that started while the network was fair (see `fairness`):
//! - It took at most 2 trips, however it ended. Whoever keeps a connection whose authentication has an end (hole 13)
//!   knows this end.
//! - It did not end as `Unauthorized`, `Forbidden` or `TokenDeclined`. Time-outs, refused connections and 503
//!   come from overload; they are measured, and not judged here.
//! - Not judged: an exchange in which a token was sent that had no more than one exchange time-out and σ left; one of
//!   an agent that is revoked, or was so recently that some server may not know better; one of an agent that fetches
//!   no policy where server keys change.
//! - Not judged: an exchange that an account ended, and one with a server that has not tokens on all through the run.
//! - Not judged at all if σ ≥ L/2, for the σ and the least L of the time in which the network is fair.

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::Findings,
};
use crate::{
    event::{Carried, Event, EventKind, Outcome},
    plan::Invariant,
    types::{ActorId, VirtualTime},
};

const TRIPS_MAX: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct TwoTrips {
    short_sent: ShortTokens,
}

impl Checker for TwoTrips {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        self.short_sent.hear(event, before);
        let EventKind::ExchangeEnded { server, outcome, trips, took_ns } = event.kind else { return };
        let turned_down = matches!(outcome, Outcome::Unauthorized | Outcome::Forbidden | Outcome::TokenDeclined);
        if !(trips > TRIPS_MAX || turned_down)
            || !before.is_fair_exchange(event, took_ns)
            || before.may_be_taken_for_revoked(event.actor, event.at)
            || self.short_sent.within(event, server, took_ns)
        {
            return;
        }
        findings.violated(Invariant::L1, event.actor, || {
            format!(
                "{}'s exchange with {server} that ended at {} took {trips} trips and ended as {outcome:?}; the bound is success in {TRIPS_MAX} trips",
                event.actor, event.at
            )
        });
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.short_sent.fade(now);
    }
}

/// When each agent last sent a token that was about to expire.
#[derive(Debug, Default)]
pub(super) struct ShortTokens {
    sent: FadingMap<(ActorId, ActorId), VirtualTime>,
}

impl ShortTokens {
    pub(super) fn hear(&mut self, event: &Event, before: &Facts) {
        let EventKind::RequestSent { request, carries, .. } = &event.kind else { return };
        if !matches!(carries, Carried::StoredToken | Carried::NewToken) {
            return;
        }
        let Some(expires) = before.connections.last_signed(event.actor) else { return };
        if !before.assumptions.is_short(expires, event.at) {
            return;
        }
        if let Some(connection) = before.connections.get(request.connection) {
            let keep_until = before.assumptions.forget_connection_at(event.at);
            self.sent.insert((event.actor, connection.server), event.at, keep_until);
        }
    }

    /// Whether the exchange that this event ends may have failed for a token that was about to expire.
    pub(super) fn within(&self, ended: &Event, server: ActorId, took_ns: u64) -> bool {
        let started = ended.at.nanos().saturating_sub(took_ns);
        self.sent.get(&(ended.actor, server)).is_some_and(|sent| sent.nanos() >= started)
    }

    pub(super) fn fade(&mut self, now: VirtualTime) {
        self.sent.fade(now);
    }
}
