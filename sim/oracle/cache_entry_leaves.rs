//! S8, the site's cache: an entry is gone by exp + P unless requested again, then refreshed at the next
//! validation (rules 36, 37).
//!
//! Reading, for each site since its start:
//! - When a validation ends, no entry is left that had expired (by σ and the granularity of time) before the
//!   validation started. One that was requested again may stay if the site could not refresh it: a batch failed or came
//!   back short, or the ceiling was reached.
//! - An entry is gone by exp + P + σ, plus the granularity of time and what the latest validation took, unless a
//!   validation is in progress. One that hangs for longer than all of its batches can take is none. Again an entry that
//!   was requested may stay while the site cannot refresh it. P is the longest that policy ever asks for. A management
//!   agent that hangs or is gone validates nothing: what it should have removed is judged as long after it works again.
//! - An entry is refreshed only if it was requested again: a `CacheHit` or, if it was there and not handed out, a
//!   `CacheMissed`; an `Accepted` of its agent and uid, or a token that was refused and names its agent. Hardened forgets
//!   requests at each refresh (hole 10). A first fetch that replaces a requested entry during a validation comes too
//!   late to take the entry off the validation's list.
//! - When a validation ends, no entry is left that was due when it started: within the look-ahead by the site's
//!   clock (and by whatever it may keep as the issuer's time: hole 17), and requested since it was stored, both by more
//!   than the granularity. Not if the site could not.
//!
//! A site that stops loses its cache, and what it was about to do.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    assumptions::Assumptions,
    checker::Checker,
    facts::Facts,
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, Jti, UnixSeconds, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct CacheEntryLeaves {
    /// Up to which expiry the entries of a site have been judged as overdue while no validation came.
    judged: BTreeMap<ActorId, UnixSeconds>,
    reported: BTreeSet<(ActorId, Jti)>,
}

impl CacheEntryLeaves {
    /// Reports the entries that expired after `from` and not after `to`.
    fn overdue(
        &mut self,
        site: ActorId,
        (from, to): (UnixSeconds, UnixSeconds),
        is_hindered: bool,
        now: VirtualTime,
        facts: &Facts,
        findings: &mut Findings,
    ) {
        let assumptions = &facts.assumptions;
        let Some(cache) = facts.caches.get(site) else { return };
        for (agent, uid, entry) in cache.expiring(from, to) {
            let is_excused = is_hindered && entry.requested_ever;
            if is_excused || !self.reported.insert((site, entry.jti)) {
                continue;
            }
            findings.violated(Invariant::S8, site, || {
                format!(
                    "{site} still caches the token {} of {}, uid {uid} at {now}; it expired at {}, and the latest validation started at {}",
                    entry.jti,
                    Who(agent),
                    assumptions.instant_of(entry.expires),
                    cache.validated.max(cache.validation.map(|validation| validation.started)).unwrap_or_default()
                )
            });
        }
    }

    fn validated(&mut self, site: ActorId, requested: u32, now: VirtualTime, before: &Facts, findings: &mut Findings) {
        let assumptions = &before.assumptions;
        let Some(cache) = before.caches.get(site) else { return };
        let Some(validation) = cache.validation else { return };
        let is_hindered = validation.incomplete || requested >= assumptions.parameters.validation_tokens_max;
        let margin = nanos(assumptions.skew.saturating_add(assumptions.granularity));
        if let Some(long_before) = validation.started.nanos().checked_sub(margin) {
            let to = assumptions.second_before(VirtualTime(long_before));
            self.overdue(site, (UnixSeconds(0), to), is_hindered, now, before, findings);
        }
        if is_hindered {
            return;
        }
        let (least, most) = assumptions.reckoning(site, before.profile(site), validation.started);
        let look_ahead = assumptions.look_ahead_min(before.profile(site)).saturating_sub(assumptions.granularity);
        let (from, to) = (most.after(assumptions.granularity).seconds(), least.after(look_ahead).seconds());
        let due = cache.expiring(from, to);
        for (agent, uid, entry) in due {
            let Some(requested_at) = entry.requested_at else { continue };
            if requested_at.after(assumptions.granularity) < validation.started {
                findings.violated(Invariant::S8, site, || {
                    format!(
                        "{site} did not refresh the token {} of {}, uid {uid} in the validation of {}; it expires at {} and was asked for again at {requested_at}",
                        entry.jti,
                        Who(agent),
                        validation.started,
                        assumptions.instant_of(entry.expires)
                    )
                });
            }
        }
    }
}

impl Checker for CacheEntryLeaves {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let site = event.actor;
        match &event.kind {
            EventKind::CacheStored { agent, uid, jti, refreshed: true, .. } => {
                let Some(old) = before.caches.get(site).and_then(|cache| cache.get(*agent, *uid)) else { return };
                let cache = before.caches.get(site);
                let refused_at = cache.and_then(|cache| cache.refused_at(*agent));
                let requested = if before.profile(site).resets_requested_on_refresh() {
                    old.requested_at.is_some() || refused_at.is_some_and(|at| at >= old.stored_at)
                } else {
                    old.requested_ever || refused_at.is_some()
                };
                // It was on the list of the validation before it was fetched anew.
                let is_listed = old.replaced_requested && cache.is_some_and(|cache| cache.validation.is_some());
                if !requested && !is_listed {
                    findings.violated(Invariant::S8, site, || {
                        format!(
                            "{site} refreshed the token {} of {}, uid {uid} with {jti}, though nobody had asked for it again",
                            old.jti,
                            Who(*agent)
                        )
                    });
                }
            }
            EventKind::ValidationEnded { requested, .. } => {
                self.validated(site, *requested, event.at, before, findings)
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, facts: &Facts, findings: &mut Findings) {
        let assumptions = &facts.assumptions;
        for (site, cache) in facts.caches.iter() {
            let hangs = cache.validation.is_none_or(|validation| now.since(validation.started) > longest(assumptions));
            let stay = assumptions
                .period
                // The first period is 5 minutes, however short the others are.
                .max(Duration::from_secs(300))
                .saturating_add(assumptions.skew)
                .saturating_add(assumptions.granularity)
                .saturating_add(cache.validation_took);
            if let (true, Some(latest)) = (hangs, now.nanos().checked_sub(nanos(stay)))
                && assumptions.management_agents.work(site, VirtualTime(latest), now)
            {
                let to = assumptions.second_before(VirtualTime(latest));
                let from = self.judged.get(&site).copied().unwrap_or(UnixSeconds(0));
                let hindered = cache.hindered.is_some_and(|hindered| Some(hindered) == cache.validated);
                self.overdue(site, (from, to), hindered, now, facts, findings);
                self.judged.insert(site, to.max(from));
            }
        }
    }
}

/// How long a validation can take: each of its batches waits for a slot and for its answer.
fn longest(assumptions: &Assumptions) -> Duration {
    let parameters = &assumptions.parameters;
    let batches = parameters.validation_tokens_max.div_ceil(parameters.batch_size_max.max(1));
    parameters.upstream_timeout().saturating_mul(2).saturating_mul(batches).saturating_add(assumptions.granularity)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
