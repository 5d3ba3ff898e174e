//! L4: waiter j of the upstream slots is served within ⌈j / slots⌉ upstream time-outs.
//!
//! Reading: the `position` of a `SlotAwaited` is j; whoever finds a slot free (position 0) is held to the bound of
//! the first waiter. Its `UpstreamStarted` comes within that time (and two ticks for each time-out). A waiter is
//! known again by how long it says that it waited, else the oldest is meant. Nobody waits at a site that stops. Faults
//! excuse nothing: the time-outs are there for them.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{assumptions::Assumptions, checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::{ActorId, VirtualTime},
};

#[derive(Clone, Copy, Debug)]
struct Waiter {
    since: VirtualTime,
    number: u32,
    bound: VirtualTime,
}

#[derive(Debug, Default)]
pub(super) struct WaitersProgress {
    waiters: BTreeMap<ActorId, VecDeque<Waiter>>,
}

impl Checker for WaitersProgress {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let site = event.actor;
        match event.kind {
            EventKind::Started { .. } | EventKind::Stopped { .. } => drop(self.waiters.remove(&site)),
            EventKind::SlotAwaited { position } => {
                let number = position.max(1);
                let bound = event.at.after(longest_wait(number, &before.assumptions));
                self.waiters.entry(site).or_default().push_back(Waiter { since: event.at, number, bound });
            }
            EventKind::UpstreamStarted { slot_waited_ns, .. } => {
                if let Some(waiter) = self.take(site, event.at, slot_waited_ns).filter(|waiter| event.at > waiter.bound)
                {
                    findings.violated(Invariant::L4, site, || late(site, &waiter, event.at, "was served only"));
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, findings: &mut Findings) {
        for (site, waiters) in &mut self.waiters {
            waiters.retain(|waiter| {
                let is_late = now > waiter.bound;
                if is_late {
                    findings.violated(Invariant::L4, *site, || late(*site, waiter, now, "still waits"));
                }
                !is_late
            });
        }
    }
}

impl WaitersProgress {
    fn take(&mut self, site: ActorId, now: VirtualTime, waited_ns: u64) -> Option<Waiter> {
        let waiters = self.waiters.get_mut(&site)?;
        let since = now.nanos().saturating_sub(waited_ns);
        let place = waiters.iter().position(|waiter| waiter.since.nanos() == since).unwrap_or_default();
        waiters.remove(place)
    }
}

fn longest_wait(number: u32, assumptions: &Assumptions) -> Duration {
    let rounds = number.div_ceil(assumptions.parameters.upstream_slots.max(1));
    let ticks = assumptions.granularity.saturating_sub(Duration::from_secs(1));
    assumptions.parameters.upstream_timeout().saturating_add(ticks).saturating_mul(rounds)
}

fn late(site: ActorId, waiter: &Waiter, now: VirtualTime, how: &str) -> String {
    format!(
        "waiter {} for {site}'s upstream slots, waiting since {}, {how} at {now}; the bound was {}",
        waiter.number, waiter.since, waiter.bound
    )
}
