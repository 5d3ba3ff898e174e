//! Milestones of faults, holes and attacks.

use crate::{
    event::{BearerEvent, Event, EventKind, Outcome, Removal},
    oracle::facts::Facts,
    plan::Milestone,
    types::{ActorId, BearerKind, BearerRefusal, NodeId, Refusal, RequestId, Uid, UnixSeconds, VirtualTime},
};

/// Tells of each milestone that an event reaches.
pub(super) fn of(event: &Event, before: &Facts, mut reached: impl FnMut(Milestone)) {
    let assumptions = &before.assumptions;
    let is_agent = matches!(event.actor, ActorId::Agent(_));
    match &event.kind {
        EventKind::Started { .. } => {
            let Some(life) = before.lives.get(event.actor) else { return };
            match event.actor {
                ActorId::Smp | ActorId::Site(_) => reached(Milestone::ServerRestarted),
                portal if portal.is_of_portal() => return reached(Milestone::ServerRestarted),
                ActorId::Agent(_) => reached(Milestone::AgentRestarted),
                _ => return,
            }
            if life.profile != assumptions.profiles.at(event.actor, event.at) {
                reached(Milestone::Upgraded);
            }
        }
        EventKind::ConnectFailed { timed_out: true, .. } => reached(Milestone::ConnectTimedOut),
        EventKind::ExchangeEnded { outcome, .. } if is_agent => {
            if matches!(outcome, Outcome::TimedOut | Outcome::NotConnected) {
                reached(Milestone::ExchangeTimedOut);
            }
            let is_healed = assumptions.fairness.healed().is_some_and(|healed| event.at >= healed);
            if outcome.is_served() && is_healed && before.cut_offs.get(event.actor).is_some() {
                reached(Milestone::Recovered);
            }
            if *outcome == Outcome::Forbidden {
                let node = assumptions.identities.node_of(event.actor);
                if before.administration.revoked(node).is_some() {
                    reached(Milestone::RevokedRefused);
                } else if before.administration.has_new_key(event.actor) {
                    reached(Milestone::ForbiddenAfterKeyChange);
                }
            }
        }
        EventKind::TokenDeclined { .. } => reached(Milestone::TokenDeclined),
        EventKind::StoredTokenRemoved { why: Removal::PathChanged, .. } => reached(Milestone::PathChanged),
        EventKind::Unavailable { status: 429, .. } => reached(Milestone::RateLimited),
        EventKind::Served { request, agent: Some(agent) } => served(event, *request, *agent, before, reached),
        EventKind::CacheStored { agent, uid, refreshed, .. } => {
            stored(event, (*agent, *uid), *refreshed, before, reached);
        }
        EventKind::CacheRemoved { agent, uid, .. } if is_missed(event.actor, (*agent, *uid), event.at, before) => {
            reached(Milestone::RefreshMissed);
        }
        EventKind::RolledBack => reached(Milestone::RolledBack),
        EventKind::Revoked { .. } => reached(Milestone::Revoked),
        EventKind::ServerKeyRotated { .. } => reached(Milestone::KeyRotated),
        EventKind::AgentKeyChanged { .. } => reached(Milestone::AgentKeyChanged),
        EventKind::PolicyChanged { .. } => reached(Milestone::PolicyChanged),
        EventKind::SiteRemoved { .. } => reached(Milestone::SiteRemoved),
        EventKind::Attempted { status: Some(200..=299), .. } => reached(Milestone::AttackServed),
        EventKind::Attempted { status: Some(400..=499), .. } => reached(Milestone::AttackRefused),
        EventKind::Intercepted { .. } => reached(Milestone::Intercepted),
        EventKind::Overheard { .. } => reached(Milestone::Overheard),
        EventKind::Bearer(event) => of_bearer(event).into_iter().for_each(reached),
        _ => {}
    }
}

/// Tells how many tokens still lie expired in the caches that should have been refreshed.
pub(super) fn missed_at_the_end(facts: &Facts, end: VirtualTime) -> u64 {
    let to = facts.assumptions.second_before(end);
    let expired = facts
        .caches
        .iter()
        .flat_map(|(site, cache)| cache.expiring(UnixSeconds(0), to).map(move |(agent, uid, _)| (site, agent, uid)));
    let missed = expired.filter(|(site, agent, uid)| is_missed(*site, (*agent, *uid), end, facts)).count();
    u64::try_from(missed).unwrap_or(u64::MAX)
}

fn of_bearer(event: &BearerEvent) -> Option<Milestone> {
    match event {
        BearerEvent::Accepted { kind: BearerKind::PushInstall, .. } => Some(Milestone::InstallerFetched),
        BearerEvent::Accepted { kind: BearerKind::Asdk, .. } => Some(Milestone::AsdkAccepted),
        BearerEvent::Refused { why: BearerRefusal::WrongPath, .. } => Some(Milestone::BearerPathRefused),
        BearerEvent::Refused { why: BearerRefusal::Revoked, .. } => Some(Milestone::BearerRevokedRefused),
        BearerEvent::Refused { why: BearerRefusal::Expired, .. } => Some(Milestone::BearerExpiredRefused),
        BearerEvent::Refused { why: BearerRefusal::SwitchedOff, .. } => Some(Milestone::BearerKindRefused),
        _ => None,
    }
}

/// The milestone of a refusal, if it has one.
pub(super) fn of_refusal(why: Refusal) -> Option<Milestone> {
    match why {
        Refusal::Syntax => Some(Milestone::SyntaxRefused),
        Refusal::UnknownServerKey => Some(Milestone::UnknownKeyRefused),
        Refusal::BadServerSignature => Some(Milestone::ForgeryRefused),
        Refusal::AgentKeyNotCached => Some(Milestone::AgentKeyNotCached),
        Refusal::UnknownAgent => None,
        Refusal::AgentRevoked => Some(Milestone::RevokedRefused),
        Refusal::BadAgentSignature => Some(Milestone::BadAgentSignatureRefused),
        Refusal::Expired => Some(Milestone::ExpiredRefused),
        Refusal::StaleEpoch => Some(Milestone::StaleEpochRefused),
        Refusal::UidMismatch => Some(Milestone::UidMismatchRefused),
        Refusal::WrongAudience => Some(Milestone::WrongAudienceRefused),
        Refusal::WrongBinding => Some(Milestone::WrongBindingRefused),
        Refusal::CounterUsed | Refusal::CounterBelowWindow => Some(Milestone::ReplayRefused),
        Refusal::CounterBeyondJumpCap => Some(Milestone::JumpCapRefused),
        Refusal::BelowPurgeHighWater => Some(Milestone::BelowHighWaterRefused),
    }
}

fn served(event: &Event, request: RequestId, agent: NodeId, before: &Facts, mut reached: impl FnMut(Milestone)) {
    let assumptions = &before.assumptions;
    if let Some(authentication) = before.authentications.get(request.connection) {
        let expiry = assumptions.instant_of(authentication.expires);
        if event.at > expiry.after(assumptions.leeway).after(assumptions.skew) {
            reached(Milestone::ServedAfterExpiry);
        }
    }
    if before.must_be_out(event.actor, agent, event.at).is_some() {
        reached(Milestone::ServedAfterRevocation);
    }
}

fn stored(event: &Event, whose: (NodeId, Uid), refreshed: bool, before: &Facts, mut reached: impl FnMut(Milestone)) {
    let Some(cache) = before.caches.get(event.actor) else { return };
    let Some(old) = cache.get(whose.0, whose.1) else { return };
    let is_refused_since = cache.refused_at(whose.0).is_some_and(|at| at >= old.stored_at);
    if refreshed && old.requested_at.is_none() && !is_refused_since {
        reached(Milestone::RefreshedForNobody);
    }
    if is_missed(event.actor, whose, event.at, before) {
        reached(Milestone::RefreshMissed);
    }
}

/// Whether a cached token has expired by now that was asked for again while it had not.
fn is_missed(site: ActorId, whose: (NodeId, Uid), now: VirtualTime, facts: &Facts) -> bool {
    let Some(entry) = facts.caches.get(site).and_then(|cache| cache.get(whose.0, whose.1)) else { return false };
    let expiry = facts.assumptions.instant_of(entry.expires);
    expiry <= now && entry.requested_at.is_some_and(|requested_at| requested_at < expiry)
}
