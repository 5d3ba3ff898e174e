//! A run slice by slice: what happened when.

mod absorb;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::server::ServerRecorder;
use crate::{
    event::{Event, EventKind, Outcome},
    types::{ActorId, Refusal, VirtualTime},
};

/// Into how many slices a run is cut at most: more than a page shows, few enough to keep.
pub const BUCKETS_MAX: u64 = 240;

/// The same figures for each slice of a run.
///
/// Slices are equally long, and `bucket_ms` follows from the plan alone. Every list has one figure for each slice that
/// the run has begun. Counts are of what happened within a slice; what is named `max` is the most at any instant of it;
/// sizes are those at its end.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// How long a slice is, in milliseconds of virtual time.
    pub bucket_ms: u64,
    /// Exchanges served with a stored token, in one step.
    pub one_step: Vec<u64>,
    /// Exchanges served with a token after a challenge, in two steps.
    pub two_step: Vec<u64>,
    /// Exchanges served by an account.
    #[serde(default)]
    pub by_account: Vec<u64>,
    /// Exchanges served on a connection that was authenticated before.
    pub authenticated: Vec<u64>,
    /// Exchanges served that need no authentication.
    pub public: Vec<u64>,
    /// Exchanges that failed, in whatever way.
    pub failed: Vec<u64>,
    /// Tokens refused, by the rule that they broke; what never occurred is left out.
    pub refused: BTreeMap<Refusal, Vec<u64>>,
    /// Requests answered with 503 or 429.
    pub unavailable: Vec<u64>,
    /// Validations that ended, of those with something to ask for.
    pub refreshes: Vec<u64>,
    /// How long these took on average, in nanoseconds, rounded down; zero if there was none.
    pub refresh_mean_ns: Vec<u64>,
    /// How long the longest of these took, in nanoseconds; zero if there was none.
    pub refresh_max_ns: Vec<u64>,
    /// Most upstream slots in use at any one site (rule 42).
    pub slots_max: Vec<u64>,
    /// Most requests that waited for a slot at any one site.
    pub slot_waiters_max: Vec<u64>,
    /// Most connections open, whoever opened them; of several generators, the sum of what each had at most.
    pub connections_max: Vec<u64>,
    /// Entries of each server's token registry.
    #[schemars(with = "BTreeMap<String, Vec<u64>>")]
    pub registry_entries: BTreeMap<ActorId, Vec<u64>>,
    /// Entries of each site's token cache.
    #[schemars(with = "BTreeMap<String, Vec<u64>>")]
    pub cache_entries: BTreeMap<ActorId, Vec<u64>>,
}

/// Fills a [`Timeline`] while a run happens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TimelineRecorder {
    past: Timeline,
    /// How long the validations of each slice took together: of several recorders, means cannot be added, but sums can.
    refresh_sums_ns: Vec<u64>,
    /// How many slices are past.
    closed: u64,
    /// How many slices the plan has.
    planned: u64,
    /// When the slice that is open ends, in nanoseconds of virtual time.
    ends_ns: u64,
    open: Slice,
    sites: Vec<Slots>,
    connections: u64,
}

/// The slice that is open.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Slice {
    one_step: u64,
    two_step: u64,
    #[serde(default)]
    by_account: u64,
    authenticated: u64,
    public: u64,
    failed: u64,
    refused: BTreeMap<Refusal, u64>,
    unavailable: u64,
    refreshes: u64,
    refresh_sum_ns: u64,
    refresh_max_ns: u64,
    slots_max: u64,
    slot_waiters_max: u64,
    connections_max: u64,
}

/// A site's upstream slots at this instant.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Slots {
    in_use: u64,
    waiters: u64,
}

/// The widths that people read easily, in milliseconds.
const WIDTHS_MS: [u64; 30] = {
    const S: u64 = 1_000;
    const MIN: u64 = 60 * S;
    const H: u64 = 60 * MIN;
    [
        1,
        2,
        5,
        10,
        20,
        50,
        100,
        200,
        500,
        S,
        2 * S,
        5 * S,
        10 * S,
        15 * S,
        30 * S,
        MIN,
        2 * MIN,
        3 * MIN,
        5 * MIN,
        6 * MIN,
        10 * MIN,
        15 * MIN,
        30 * MIN,
        H,
        2 * H,
        3 * H,
        6 * H,
        12 * H,
        24 * H,
        48 * H,
    ]
};

impl TimelineRecorder {
    /// For a run that is to last `duration_ms`, of so many sites.
    pub(super) fn new(duration_ms: u64, sites: usize) -> Self {
        let least_ms = duration_ms.div_ceil(BUCKETS_MAX).max(1);
        let bucket_ms = WIDTHS_MS.into_iter().find(|width_ms| *width_ms >= least_ms).unwrap_or(least_ms);
        Self {
            past: Timeline { bucket_ms, ..Timeline::default() },
            refresh_sums_ns: Vec::new(),
            closed: 0,
            planned: duration_ms.div_ceil(bucket_ms).max(1),
            ends_ns: bucket_ms.saturating_mul(1_000_000),
            open: Slice::default(),
            sites: vec![Slots::default(); sites],
            connections: 0,
        }
    }

    /// Whether the open slice is over at `now`. The last one never is: it takes what comes after the planned end.
    pub(super) fn is_due(&self, now: VirtualTime) -> bool {
        now.nanos() >= self.ends_ns && self.closed + 1 < self.planned
    }

    /// Closes every slice that is over at `now`. Between two events nothing changes, so that all have the same sizes.
    pub(super) fn close_until(&mut self, now: VirtualTime, smp: &ServerRecorder, sites: &[ServerRecorder]) {
        while self.is_due(now) {
            self.close(smp, sites);
        }
    }

    pub(super) fn hear(&mut self, event: &Event) {
        let open = &mut self.open;
        match &event.kind {
            EventKind::ExchangeEnded { outcome, .. } => {
                *match outcome {
                    Outcome::ServedOneStep => &mut open.one_step,
                    Outcome::ServedTwoStep => &mut open.two_step,
                    Outcome::ServedByAccount => &mut open.by_account,
                    Outcome::ServedAuthenticated => &mut open.authenticated,
                    Outcome::ServedPublic => &mut open.public,
                    _ => &mut open.failed,
                } += 1;
            }
            EventKind::Refused { why, .. } => *open.refused.entry(*why).or_default() += 1,
            EventKind::Unavailable { .. } => open.unavailable += 1,
            EventKind::ValidationEnded { requested, took_ns, .. } if *requested > 0 => {
                open.refreshes += 1;
                open.refresh_sum_ns = open.refresh_sum_ns.saturating_add(*took_ns);
                open.refresh_max_ns = open.refresh_max_ns.max(*took_ns);
            }
            EventKind::ConnectionOpened { .. } => {
                self.connections += 1;
                open.connections_max = open.connections_max.max(self.connections);
            }
            EventKind::ConnectionClosed { .. } => self.connections = self.connections.saturating_sub(1),
            EventKind::Started { .. }
            | EventKind::SlotAwaited { .. }
            | EventKind::UpstreamStarted { .. }
            | EventKind::UpstreamEnded { .. } => {
                if let ActorId::Site(number) = event.actor
                    && let Some(slots) = super::nth(&mut self.sites, number)
                {
                    slots.hear(&event.kind);
                    open.slots_max = open.slots_max.max(slots.in_use);
                    open.slot_waiters_max = open.slot_waiters_max.max(slots.waiters);
                }
            }
            _ => {}
        }
    }

    /// The timeline of a run that ends at `end`.
    pub(super) fn finish(mut self, end: VirtualTime, smp: &ServerRecorder, sites: &[ServerRecorder]) -> Timeline {
        while end.nanos() > self.ends_ns && self.closed + 1 < self.planned {
            self.close(smp, sites);
        }
        self.close(smp, sites);
        let length = self.past.one_step.len();
        self.past.refused.values_mut().for_each(|series| series.resize(length, 0));
        let refreshes = self.refresh_sums_ns.iter().zip(&self.past.refreshes);
        self.past.refresh_mean_ns = refreshes.map(|(sum_ns, count)| sum_ns.checked_div(*count).unwrap_or(0)).collect();
        self.past
    }

    fn close(&mut self, smp: &ServerRecorder, sites: &[ServerRecorder]) {
        // Whoever is in the midst of something is so in the next slice, too.
        let next = Slice {
            slots_max: self.sites.iter().map(|slots| slots.in_use).max().unwrap_or(0),
            slot_waiters_max: self.sites.iter().map(|slots| slots.waiters).max().unwrap_or(0),
            connections_max: self.connections,
            ..Slice::default()
        };
        let slice = std::mem::replace(&mut self.open, next);
        let past = &mut self.past;
        let length = past.one_step.len();
        past.one_step.push(slice.one_step);
        past.two_step.push(slice.two_step);
        past.by_account.push(slice.by_account);
        past.authenticated.push(slice.authenticated);
        past.public.push(slice.public);
        past.failed.push(slice.failed);
        for (why, count) in slice.refused {
            let series = past.refused.entry(why).or_default();
            series.resize(length, 0);
            series.push(count);
        }
        past.unavailable.push(slice.unavailable);
        past.refreshes.push(slice.refreshes);
        self.refresh_sums_ns.push(slice.refresh_sum_ns);
        past.refresh_max_ns.push(slice.refresh_max_ns);
        past.slots_max.push(slice.slots_max);
        past.slot_waiters_max.push(slice.slot_waiters_max);
        past.connections_max.push(slice.connections_max);
        let servers = [(ActorId::Smp, smp)].into_iter().chain((1..).map(ActorId::Site).zip(sites));
        for (name, server) in servers {
            past.registry_entries.entry(name).or_default().push(server.registry_entries());
            if let Some(entries) = server.cache_entries() {
                past.cache_entries.entry(name).or_default().push(entries);
            }
        }
        self.closed += 1;
        self.ends_ns = self.ends_ns.saturating_add(past.bucket_ms.saturating_mul(1_000_000));
    }
}

impl Slots {
    fn hear(&mut self, kind: &EventKind) {
        match kind {
            // What was in flight at a crash never ends.
            EventKind::Started { .. } => *self = Self::default(),
            EventKind::SlotAwaited { position } => self.waiters = u64::from(*position),
            EventKind::UpstreamStarted { slot_waited_ns, .. } => {
                self.in_use += 1;
                self.waiters -= u64::from(*slot_waited_ns > 0).min(self.waiters);
            }
            EventKind::UpstreamEnded { .. } => {
                self.in_use = self.in_use.saturating_sub(1);
                // A waiter that found no connection has left without a word; where nobody is served, nobody waits.
                self.waiters = if self.in_use == 0 { 0 } else { self.waiters };
            }
            _ => {}
        }
    }
}
