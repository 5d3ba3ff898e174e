//! Timelines of several recorders in one.

use super::{Slice, TimelineRecorder};
use crate::metrics::server::ServerRecorder;

impl TimelineRecorder {
    /// How many slices are past.
    pub(in crate::metrics) fn closed(&self) -> u64 {
        self.closed
    }

    /// Closes slices until so many are past: what is heard of another recorder is that late at least.
    pub(in crate::metrics) fn close_up_to(&mut self, closed: u64, smp: &ServerRecorder, sites: &[ServerRecorder]) {
        while self.closed < closed {
            self.close(smp, sites);
        }
    }

    /// Takes in what another recorder of the same plan noted of others, slice by slice. Both have closed as many slices.
    pub(in crate::metrics) fn absorb(&mut self, other: &Self) {
        let (past, others) = (&mut self.past, &other.past);
        for (all, more) in [
            (&mut past.one_step, &others.one_step),
            (&mut past.two_step, &others.two_step),
            (&mut past.by_account, &others.by_account),
            (&mut past.authenticated, &others.authenticated),
            (&mut past.public, &others.public),
            (&mut past.failed, &others.failed),
            (&mut past.unavailable, &others.unavailable),
            (&mut past.refreshes, &others.refreshes),
            (&mut self.refresh_sums_ns, &other.refresh_sums_ns),
            (&mut past.connections_max, &others.connections_max),
        ] {
            join(all, more, |one, other| one.saturating_add(other));
        }
        for (all, more) in [
            (&mut past.refresh_max_ns, &others.refresh_max_ns),
            (&mut past.slots_max, &others.slots_max),
            (&mut past.slot_waiters_max, &others.slot_waiters_max),
        ] {
            join(all, more, u64::max);
        }
        for (why, more) in &others.refused {
            join(past.refused.entry(*why).or_default(), more, |one, other| one.saturating_add(other));
        }
        for (all, more) in
            [(&mut past.registry_entries, &others.registry_entries), (&mut past.cache_entries, &others.cache_entries)]
        {
            for (server, more) in more {
                join(all.entry(*server).or_default(), more, |one, other| one.saturating_add(other));
            }
        }
        self.open.absorb(&other.open);
        for (slots, more) in self.sites.iter_mut().zip(&other.sites) {
            slots.in_use = slots.in_use.saturating_add(more.in_use);
            slots.waiters = slots.waiters.saturating_add(more.waiters);
        }
        self.connections = self.connections.saturating_add(other.connections);
    }

    /// Whether it is one that a run of such a plan can have left.
    pub(in crate::metrics) fn is_like(&self, new: &Self) -> bool {
        let past = [
            &self.past.one_step,
            &self.past.two_step,
            &self.past.by_account,
            &self.past.authenticated,
            &self.past.public,
            &self.past.failed,
            &self.past.unavailable,
            &self.past.refreshes,
            &self.refresh_sums_ns,
            &self.past.refresh_max_ns,
            &self.past.slots_max,
            &self.past.slot_waiters_max,
            &self.past.connections_max,
        ];
        let has_length = |series: &Vec<u64>| u64::try_from(series.len()).is_ok_and(|length| length == self.closed);
        let sizes = self.past.registry_entries.values().chain(self.past.cache_entries.values());
        self.past.bucket_ms == new.past.bucket_ms
            && self.planned == new.planned
            && self.closed < self.planned
            && self.sites.len() == new.sites.len()
            && past.into_iter().chain(sizes).all(has_length)
            && self.past.refused.values().all(|series| series.len() as u64 <= self.closed)
    }
}

/// Joins two series value by value; what one lacks is zero there.
fn join(all: &mut Vec<u64>, more: &[u64], both: fn(u64, u64) -> u64) {
    all.resize(all.len().max(more.len()), 0);
    for (one, other) in all.iter_mut().zip(more) {
        *one = both(*one, *other);
    }
}

impl Slice {
    fn absorb(&mut self, other: &Self) {
        self.one_step += other.one_step;
        self.two_step += other.two_step;
        self.by_account += other.by_account;
        self.authenticated += other.authenticated;
        self.public += other.public;
        self.failed += other.failed;
        for (why, count) in &other.refused {
            *self.refused.entry(*why).or_default() += count;
        }
        self.unavailable += other.unavailable;
        self.refreshes += other.refreshes;
        self.refresh_sum_ns = self.refresh_sum_ns.saturating_add(other.refresh_sum_ns);
        self.refresh_max_ns = self.refresh_max_ns.max(other.refresh_max_ns);
        self.slots_max = self.slots_max.max(other.slots_max);
        self.slot_waiters_max = self.slot_waiters_max.max(other.slot_waiters_max);
        self.connections_max = self.connections_max.saturating_add(other.connections_max);
    }
}
