//! S9, after a replay: a hardened server offers another token than the one whose counter it has just refused (hole 7).
//!
//! Reading: no `Challenged` of a hardened server offers the token that the request carried, as far as its sender said which,
//! if the server refused that for its counter. Else an agent that has lost its counter is refused for ever.

use std::collections::BTreeMap;

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::Findings,
};
use crate::{
    event::{Carried, Event, EventKind},
    plan::Invariant,
    types::{ActorId, Jti, Refusal, RequestId, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct ChallengeIsNew {
    signed: BTreeMap<ActorId, Jti>,
    sent: FadingMap<RequestId, Jti>,
    refused: FadingMap<RequestId, ()>,
}

impl Checker for ChallengeIsNew {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let (actor, at) = (event.actor, event.at);
        let keep_until = || before.assumptions.forget_connection_at(at);
        match &event.kind {
            EventKind::Countersigned { jti, .. } => drop(self.signed.insert(actor, *jti)),
            // What an attacker presents need not be what it signed last.
            EventKind::RequestSent { request, carries: Carried::StoredToken | Carried::NewToken, .. }
                if matches!(actor, ActorId::Agent(_)) =>
            {
                if let Some(jti) = self.signed.get(&actor) {
                    self.sent.insert(*request, *jti, keep_until());
                }
            }
            EventKind::Refused {
                request,
                why: Refusal::CounterUsed | Refusal::CounterBelowWindow | Refusal::CounterBeyondJumpCap,
                ..
            } if before.profile(actor).evicts_on_replay() => self.refused.insert(*request, (), keep_until()),
            EventKind::Challenged { request, challenge: Some(challenge) } => {
                let was_refused = self.refused.remove(request).is_some();
                if was_refused && self.sent.get(request) == Some(&challenge.jti) {
                    findings.violated(Invariant::S9, actor, || {
                        format!(
                            "{actor} answered request {request} with the token {}, whose counter it had just refused",
                            challenge.jti
                        )
                    });
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.sent.fade(now);
        self.refused.fade(now);
    }
}
