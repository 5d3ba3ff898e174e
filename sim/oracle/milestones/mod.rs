//! What a run has reached: the *sometimes*-assertions of a scenario.

mod hardship;
mod kinds;
mod machine;
mod peer;
mod portal;
mod proxy;

use std::{collections::BTreeMap, time::Duration};

use super::facts::{Facts, FadingMap};
use crate::{
    event::{Event, EventKind, Outcome, Removal},
    plan::Milestone,
    types::{ActorId, NodeId, RequestId, VirtualTime},
};

/// Counts milestones. Ceilings are those of the plan, so that a small scenario may reach them too.
#[derive(Debug, Default)]
pub(super) struct Milestones {
    counts: BTreeMap<Milestone, u64>,
    in_flight: BTreeMap<ActorId, u32>,
    validations: BTreeMap<ActorId, VirtualTime>,
    machines: machine::MachineMilestones,
    jobs: portal::Jobs,
    /// Requests for packages that have yet to be answered.
    packages: FadingMap<RequestId, ()>,
}

impl Milestones {
    /// How often each milestone was reached; those that were not are left out.
    pub(super) fn into_counts(self) -> BTreeMap<Milestone, u64> {
        self.counts
    }

    /// Looks once more at what is left when the run ends.
    pub(super) fn finish(&mut self, end: VirtualTime, facts: &Facts) {
        let missed = hardship::missed_at_the_end(facts, end);
        if missed > 0 {
            *self.counts.entry(Milestone::RefreshMissed).or_default() += missed;
        }
    }

    pub(super) fn hear(&mut self, event: &Event, before: &Facts) {
        self.package(event, before);
        hardship::of(event, before, |milestone| self.reached(milestone));
        let Self { counts, jobs, .. } = self;
        portal::of(event, before, jobs, |milestone| *counts.entry(milestone).or_default() += 1);
        kinds::of(event, before, |milestone| self.reached(milestone));
        let reached = match &event.kind {
            EventKind::ExchangeEnded { outcome, .. } => of_outcome(*outcome),
            EventKind::Refused { why, .. } => hardship::of_refusal(*why),
            EventKind::Challenged { challenge: Some(challenge), .. } if !challenge.after_refusal => {
                let entry = before.caches.get(event.actor).and_then(|cache| cache.get(challenge.agent, challenge.uid));
                let from_cache = entry.is_some_and(|entry| entry.jti == challenge.jti && entry.requested_at.is_some());
                from_cache.then_some(Milestone::CacheHit)
            }
            EventKind::Challenged { challenge: Some(_), .. } => Some(Milestone::OfferedAfterRefusal),
            EventKind::Accepted { .. } if matches!(event.actor, ActorId::Site(_)) => Some(Milestone::AcceptedBySite),
            EventKind::CacheMissed { .. } => Some(Milestone::CacheMiss),
            EventKind::CacheStored { refreshed: true, .. } => Some(Milestone::TokenRefreshed),
            EventKind::CacheRemoved { why: Removal::ExpiredSweep | Removal::ExpiredInUse, .. } => {
                Some(Milestone::CacheExpired)
            }
            EventKind::RegistryRecorded { presented, state, .. } => {
                if presented.counter < state.highest {
                    self.reached(Milestone::OutOfOrderAccepted);
                }
                // Counters start at 1: the window has left one behind when it ends above that.
                let width = u64::from(before.assumptions.parameters.registry_window);
                (!state.is_new && state.slid_by > 0 && state.highest > width).then_some(Milestone::WindowSlide)
            }
            EventKind::RegistryRemoved { why: Removal::ExpiredSweep, .. } => Some(Milestone::RegistryPurged),
            EventKind::RegistryRemoved { why: Removal::ExpiredInUse, .. } => Some(Milestone::RegistryExpiredInUse),
            EventKind::StoredTokenRemoved { why: Removal::ExpiredSweep | Removal::Idle, .. } => {
                Some(Milestone::StorageSwept)
            }
            EventKind::StoredTokenRemoved { why: Removal::Forbidden, .. } => Some(Milestone::StoredTokenForbidden),
            EventKind::Unavailable { .. } => Some(Milestone::Unavailable),
            EventKind::Started { .. } | EventKind::Stopped { .. } => {
                self.in_flight.remove(&event.actor);
                self.validations.remove(&event.actor);
                None
            }
            EventKind::UpstreamStarted { agents, slot_waited_ns, .. } => {
                self.upstream_started(event.actor, *agents, *slot_waited_ns, before);
                None
            }
            EventKind::UpstreamEnded { .. } => {
                if let Some(in_flight) = self.in_flight.get_mut(&event.actor) {
                    *in_flight = in_flight.saturating_sub(1);
                }
                None
            }
            EventKind::Machine(_) => self.machines.of(event),
            EventKind::Proxy(event) => proxy::of(event),
            EventKind::Peer(event) => peer::of(event),
            EventKind::ValidationStarted { due, .. } => {
                if *due > before.assumptions.parameters.validation_tokens_max {
                    self.reached(Milestone::ValidationOverflow);
                }
                self.period_of_validation(event.actor, event.at, before)
            }
            EventKind::ValidationEnded { requested, batches, connections, .. } => {
                if *batches > 1 && *connections == 1 {
                    self.reached(Milestone::ValidationConnectionKept);
                }
                (*requested >= before.assumptions.parameters.validation_tokens_max).then_some(Milestone::ValidationFull)
            }
            _ => None,
        };
        if let Some(milestone) = reached {
            self.reached(milestone);
        }
    }

    /// By what a package was handed out.
    fn package(&mut self, event: &Event, before: &Facts) {
        match event.kind {
            EventKind::PackageAsked { request, .. } => {
                self.packages.fade(event.at);
                self.packages.insert(request, (), before.assumptions.forget_connection_at(event.at));
            }
            EventKind::Served { request, agent } if self.packages.remove(&request).is_some() => {
                self.reached(match agent {
                    None => Milestone::PackageAnonymous,
                    Some(NodeId::ACC) => Milestone::PackageByAcc,
                    Some(_) => Milestone::PackageByToken,
                });
            }
            _ => {}
        }
    }

    fn reached(&mut self, milestone: Milestone) {
        *self.counts.entry(milestone).or_default() += 1;
    }

    fn upstream_started(&mut self, site: ActorId, agents: u32, slot_waited_ns: u64, before: &Facts) {
        let parameters = &before.assumptions.parameters;
        let in_flight = self.in_flight.entry(site).or_default();
        *in_flight = in_flight.saturating_add(1);
        if *in_flight == parameters.upstream_slots {
            self.reached(Milestone::SlotsFull);
        }
        if agents >= parameters.batch_size_max {
            self.reached(Milestone::BatchFull);
        }
        if slot_waited_ns > 0 {
            self.reached(Milestone::SlotAwaited);
        }
    }

    /// By the time since the site's validation before this one, whatever period the site announces.
    fn period_of_validation(&mut self, site: ActorId, at: VirtualTime, before: &Facts) -> Option<Milestone> {
        let since = at.since(self.validations.insert(site, at)?);
        let took = before.caches.get(site).map_or(Duration::ZERO, |cache| cache.validation_took);
        let allowance = took.saturating_add(before.assumptions.granularity);
        [
            (300, Milestone::PeriodFiveMinutes),
            (600, Milestone::PeriodTenMinutes),
            (1_800, Milestone::PeriodThirtyMinutes),
        ]
        .into_iter()
        .find(|(period_s, _)| since.abs_diff(Duration::from_secs(*period_s)) <= allowance)
        .map(|(_, milestone)| milestone)
    }
}

fn of_outcome(outcome: Outcome) -> Option<Milestone> {
    match outcome {
        Outcome::ServedOneStep => Some(Milestone::OneStep),
        Outcome::ServedTwoStep => Some(Milestone::TwoStep),
        Outcome::ServedAuthenticated => Some(Milestone::ConnectionReused),
        Outcome::ServedPublic => Some(Milestone::PublicServed),
        Outcome::Forbidden => Some(Milestone::Forbidden),
        Outcome::ServedByAccount => Some(Milestone::ServedByAccount),
        Outcome::NoCredentials
        | Outcome::DowngradeRefused
        | Outcome::Unauthorized
        | Outcome::Unavailable
        | Outcome::NotConnected
        | Outcome::TimedOut
        | Outcome::Broken
        | Outcome::TokenDeclined => None,
    }
}
