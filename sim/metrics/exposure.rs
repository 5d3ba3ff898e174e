//! For how long somebody was let in who should not be.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::{BearerEvent, Event, EventKind},
    types::{ActorId, Jti, NodeId, VirtualTime},
};

/// For how long what was stolen, forged or withdrawn still opened a door, as far as the run shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ExposureFigures {
    /// Attempts of attackers that were served.
    pub attempts_served: u64,
    /// From the first of them to the last of the same attacker, at most, in nanoseconds.
    pub attempts_span_ns: u64,
    /// Requests that were served although their agent, or their bearer token, was revoked at that time.
    pub served_after_revocation: u64,
    /// From a revocation to the last such request, at most, in nanoseconds.
    pub after_revocation_ns: u64,
}

impl ExposureFigures {
    /// Whether nobody was let in who should not be.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Notes who is let in.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct ExposureRecorder {
    figures: ExposureFigures,
    first_served: BTreeMap<ActorId, VirtualTime>,
    revoked: BTreeMap<NodeId, VirtualTime>,
    revoked_bearers: BTreeMap<Jti, VirtualTime>,
}

impl ExposureRecorder {
    pub(super) fn hear(&mut self, event: &Event) {
        let figures = &mut self.figures;
        match &event.kind {
            EventKind::Attempted { status: Some(200..=299), .. } => {
                let first = *self.first_served.entry(event.actor).or_insert(event.at);
                figures.attempts_served += 1;
                figures.attempts_span_ns = figures.attempts_span_ns.max(nanos(first, event.at));
            }
            EventKind::Revoked { agent } => {
                self.revoked.entry(*agent).or_insert(event.at);
            }
            EventKind::Reinstated { agent } => {
                self.revoked.remove(agent);
            }
            EventKind::Bearer(BearerEvent::Revoked { jti }) => {
                self.revoked_bearers.entry(*jti).or_insert(event.at);
            }
            EventKind::Served { agent: Some(agent), .. } => late(figures, self.revoked.get(agent), event.at),
            EventKind::Bearer(BearerEvent::Accepted { jti, .. }) => {
                late(figures, self.revoked_bearers.get(jti), event.at);
            }
            _ => {}
        }
    }

    /// Takes in what was noted of other actors in the same run.
    pub(super) fn absorb(&mut self, other: &Self) {
        let (figures, more) = (&mut self.figures, &other.figures);
        figures.attempts_served += more.attempts_served;
        figures.attempts_span_ns = figures.attempts_span_ns.max(more.attempts_span_ns);
        figures.served_after_revocation += more.served_after_revocation;
        figures.after_revocation_ns = figures.after_revocation_ns.max(more.after_revocation_ns);
    }

    pub(super) const fn figures(&self) -> ExposureFigures {
        self.figures
    }
}

/// Notes that something was served that was revoked before, if it was.
fn late(figures: &mut ExposureFigures, revoked: Option<&VirtualTime>, at: VirtualTime) {
    let Some(since) = revoked else { return };
    figures.served_after_revocation += 1;
    figures.after_revocation_ns = figures.after_revocation_ns.max(nanos(*since, at));
}

fn nanos(from: VirtualTime, to: VirtualTime) -> u64 {
    u64::try_from(to.since(from).as_nanos()).unwrap_or(u64::MAX)
}
