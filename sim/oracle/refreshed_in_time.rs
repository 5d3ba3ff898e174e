//! L5: every token that is asked for again is refreshed before it expires.
//!
//! Reading: a cached token that was asked for again (see S8) at least one validation before it expires, that is
//! one period, σ, the granularity of time and what the latest validation took, is not in the cache any more
//! when it expires: another token took its place. Whatever P is: that a period longer than the look-ahead leaves
//! tokens unrefreshed is the expected counterexample (hole 8).
//!
//! Not judged: when a validation that started within the look-ahead was hindered (a batch failed or came back
//! short, or the ceiling was reached), or one is in progress at the expiry. What was asked for before the network was
//! fair counts as asked for when it has become so. A site that stops loses its cache.

use super::{
    checker::Checker,
    facts::{Cache, CacheEntry, Facts},
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind, Removal},
    plan::Invariant,
    types::{ActorId, NodeId, Uid, UnixSeconds, VirtualTime},
};

#[derive(Debug)]
pub(super) struct RefreshedInTime {
    /// Up to which expiry tokens have been judged.
    judged: UnixSeconds,
}

impl Default for RefreshedInTime {
    fn default() -> Self {
        Self { judged: UnixSeconds(0) }
    }
}

impl Checker for RefreshedInTime {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        // A fast clock removes a token before its true expiry, hence before the tick that would judge it.
        let EventKind::CacheRemoved { agent, uid, why: Removal::ExpiredSweep | Removal::ExpiredInUse, .. } = event.kind
        else {
            return;
        };
        let Some(cache) = before.caches.get(event.actor) else { return };
        if let Some(entry) = cache.get(agent, uid).filter(|entry| entry.expires > self.judged) {
            judge(event.actor, cache, (agent, uid), entry, before, findings);
        }
    }

    fn tick(&mut self, now: VirtualTime, facts: &Facts, findings: &mut Findings) {
        let to = facts.assumptions.second_before(now);
        for (site, cache) in facts.caches.iter() {
            for (agent, uid, entry) in cache.expiring(self.judged, to) {
                judge(site, cache, (agent, uid), entry, facts, findings);
            }
        }
        self.judged = to.max(self.judged);
    }
}

fn judge(
    site: ActorId,
    cache: &Cache,
    whose: (NodeId, Uid),
    entry: &CacheEntry,
    facts: &Facts,
    findings: &mut Findings,
) {
    let assumptions = &facts.assumptions;
    let expiry = assumptions.instant_of(entry.expires);
    let Some(requested_at) = entry.requested_at else { return };
    let validated_by = requested_at
        .max(assumptions.fairness.from())
        .after(assumptions.period)
        .after(cache.validation_took)
        .after(assumptions.skew)
        .after(assumptions.granularity);
    let look_ahead = assumptions.look_ahead_max(facts.profile(site));
    let hindered = cache.hindered.is_some_and(|started| {
        started.after(look_ahead).after(assumptions.skew).after(assumptions.granularity) >= expiry
    });
    let in_progress = cache.validation.is_some_and(|validation| validation.started <= expiry);
    if validated_by > expiry || hindered || in_progress {
        return;
    }
    let (agent, uid) = (Who(whose.0), whose.1);
    findings.violated(Invariant::L5, site, || {
        format!(
            "{site} let the token {} of {agent}, uid {uid} expire at {expiry} unrefreshed, though it was asked for again at {requested_at}; it validates every {:?}, looks {:?} ahead, and validated last at {}",
            entry.jti,
            assumptions.period,
            look_ahead,
            cache.validated.unwrap_or_default()
        )
    });
}
