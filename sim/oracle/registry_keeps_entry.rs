//! S6: the registry holds an entry from first accept until exp + λ.
//!
//! Reading:
//! - An `Accepted` has a `RegistryRecorded` before it, for the same request and the same use.
//! - A `RegistryRemoved` is not before exp + λ by the server's own clock, hence not before exp + λ − σ; or, where it
//!   keeps the issuer's time (hole 17), by that.
//! - An entry does not vanish otherwise: a record that calls itself new is for a token that has no entry.
//! - The entry is the right one: the highest counter and the window equal those that the oracle counts
//!   (rule 47). Only the 64 lowest counters of a window are seen; counter 0 is nobody's use and is left out.
//!
//! A server that stops or starts has an empty registry (hole 6).

use super::{
    checker::Checker,
    facts::{Facts, FadingMap, RegistryEntry},
    violation::{Findings, Who},
};
use crate::{
    event::{Event, EventKind, Presented, RegistryState},
    plan::Invariant,
    types::{ActorId, Jti, NodeId, RequestId, VirtualTime},
};

#[derive(Debug, Default)]
pub(super) struct RegistryKeepsEntry {
    /// The use that was recorded for each request.
    recorded: FadingMap<RequestId, (ActorId, NodeId, Jti, u64)>,
}

impl Checker for RegistryKeepsEntry {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let server = event.actor;
        match &event.kind {
            EventKind::RegistryRecorded { request, presented, state } => {
                let keep_until = before.assumptions.forget_connection_at(event.at);
                self.recorded.insert(*request, use_of(server, presented), keep_until);
                if let Some(fault) = fault_of_record(server, presented, state, before) {
                    findings.violated(Invariant::S6, server, || {
                        format!(
                            "{server} recorded counter {} of {}, jti {} for request {request}: {fault}",
                            presented.counter,
                            Who(presented.agent),
                            presented.jti
                        )
                    });
                }
            }
            EventKind::Accepted { request, presented, .. } => {
                let recorded = self.recorded.remove(request);
                if recorded != Some(use_of(server, presented)) {
                    findings.violated(Invariant::S6, server, || {
                        format!(
                            "{server} accepted request {request} of {}, jti {}, counter {} without a record of it in its registry",
                            Who(presented.agent), presented.jti, presented.counter
                        )
                    });
                }
            }
            EventKind::RegistryRemoved { agent, jti, why } => {
                let Some(entry) = before.registries.get(server, *agent, *jti) else { return };
                let assumptions = &before.assumptions;
                let (_, clock) = assumptions.reckoning(server, before.profile(server), event.at);
                let until = entry.expires.wall().after(assumptions.leeway);
                if clock < until {
                    findings.violated(Invariant::S6, server, || {
                        format!(
                            "{server} removed {}, jti {jti} from its registry at {} ({why:?}), {:?} too early by its own clock",
                            Who(*agent), event.at, until.since(clock)
                        )
                    });
                }
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {
        self.recorded.fade(now);
    }
}

fn use_of(server: ActorId, presented: &Presented) -> (ActorId, NodeId, Jti, u64) {
    (server, presented.agent, presented.jti, presented.counter)
}

fn fault_of_record(server: ActorId, presented: &Presented, state: &RegistryState, before: &Facts) -> Option<String> {
    let held = before.registries.get(server, presented.agent, presented.jti);
    if let (true, Some(held)) = (state.is_new, held) {
        return Some(format!("it calls the entry new, but it held one whose highest counter is {}", held.highest));
    }
    let expected =
        held.map_or(RegistryEntry::first(presented.counter, state.expires), |held| held.with(presented.counter));
    let mask = comparable(before.assumptions.parameters.registry_window, expected.highest);
    let same = state.highest == expected.highest && state.window & mask == expected.window & mask;
    (!same).then(|| {
        format!(
            "its entry then has highest counter {} and window {:#b}, but the uses recorded make {} and {:#b}",
            state.highest,
            state.window & mask,
            expected.highest,
            expected.window & mask
        )
    })
}

/// Which bits of a window mean the same to everybody: those within its width, for counters above 0.
fn comparable(width: u32, highest: u64) -> u64 {
    let bits = u64::from(width).min(highest).min(64);
    if bits == 64 { u64::MAX } else { (1 << bits) - 1 }
}
