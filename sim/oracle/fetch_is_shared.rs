//! S8, the way upstream: a hardened site has one first fetch in flight for an agent and uid (hole 18).
//!
//! Reading: of two tokens that a hardened site caches by first fetches for the same agent and uid, the second was not
//! `Issued` before the first one was stored, if several requests had missed the cache before that. A single miss may meet
//! a fetch that looks for a new key of the agent (hole 14), which is another one.

use super::{
    checker::Checker,
    facts::{Facts, FadingMap},
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, Jti, NodeId, Uid, VirtualTime},
};

#[derive(Clone, Copy, Debug, Default)]
struct Round {
    misses: u32,
    stored: Option<VirtualTime>,
}

#[derive(Debug, Default)]
pub(super) struct FetchIsShared {
    issued: FadingMap<Jti, VirtualTime>,
    rounds: FadingMap<(ActorId, NodeId, Uid), Round>,
}

impl Checker for FetchIsShared {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let (site, at) = (event.actor, event.at);
        let keep_until = || before.assumptions.forget_connection_at(at);
        match event.kind {
            EventKind::Issued { jti, site: Some(_), .. } => self.issued.insert(jti, at, keep_until()),
            EventKind::CacheMissed { agent, uid } => {
                let key = (site, agent, uid);
                let round = self.rounds.get(&key).filter(|round| round.stored.is_none());
                let misses = round.map_or(0, |round| round.misses).saturating_add(1);
                self.rounds.insert(key, Round { misses, stored: None }, keep_until());
            }
            EventKind::CacheStored { agent, uid, jti, refreshed: false, .. } => {
                let Some(round) = self.rounds.touch(&(site, agent, uid), keep_until()) else { return };
                let stored = round.stored.replace(at);
                let (Some(stored), Some(issued)) = (stored, self.issued.get(&jti)) else { return };
                if *issued < stored && round.misses > 1 && before.profile(site).limits_first_requests() {
                    findings.violated(Invariant::S8, site, || {
                        format!(
                            "{site} had two fetches in flight for {}, uid {uid}: token {jti} was issued at {issued}, and another stored at {stored}",
                            Who(agent)
                        )
                    });
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.issued.fade(now);
        self.rounds.fade(now);
    }
}
