//! Who had lost its server when everything healed.

use std::collections::BTreeMap;

use crate::{
    event::{Event, EventKind},
    oracle::Assumptions,
    types::{ActorId, VirtualTime},
};

/// What is known of an agent that is not being served.
#[derive(Clone, Copy, Debug, Default)]
pub struct CutOff {
    /// Whether its latest exchange failed; else it has started anew and tried nothing yet.
    pub failed: bool,
    /// When it first tried again after everything had healed.
    pub tried: Option<VirtualTime>,
}

/// The agents that were cut off when everything healed, and are not back yet: those whose latest exchange was not
/// served, and those that started anew since the first fault and have not been served since.
#[derive(Debug, Default)]
pub struct CutOffs {
    agents: BTreeMap<ActorId, CutOff>,
}

impl CutOffs {
    /// Those who are not back.
    pub fn iter(&self) -> impl Iterator<Item = (ActorId, &CutOff)> {
        self.agents.iter().map(|(agent, cut_off)| (*agent, cut_off))
    }

    /// What is known of an agent if it is cut off.
    pub fn get(&self, agent: ActorId) -> Option<&CutOff> {
        self.agents.get(&agent)
    }

    pub(super) fn learn(&mut self, event: &Event, is_restart: bool, assumptions: &Assumptions) {
        let Some(healed) = assumptions.fairness.healed() else { return };
        if !matches!(event.actor, ActorId::Agent(_)) {
            return;
        }
        let is_healed = event.at >= healed;
        // Whoever is down up to the very end starts when everything heals.
        let was_down = event.at <= healed.after(assumptions.granularity);
        match event.kind {
            EventKind::Started { .. } if is_restart && was_down => {
                self.agents.insert(event.actor, CutOff::default());
            }
            EventKind::ExchangeStarted { .. } if is_healed => {
                if let Some(cut_off) = self.agents.get_mut(&event.actor) {
                    cut_off.tried.get_or_insert(event.at);
                }
            }
            EventKind::ExchangeEnded { outcome, .. } if outcome.is_served() => drop(self.agents.remove(&event.actor)),
            EventKind::ExchangeEnded { .. } if !is_healed => {
                self.agents.insert(event.actor, CutOff { failed: true, tried: None });
            }
            _ => {}
        }
    }
}
