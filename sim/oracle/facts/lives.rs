//! How often each actor has started, and with which software.

use std::collections::BTreeMap;

use crate::{
    event::{Event, EventKind},
    oracle::Assumptions,
    types::{ActorId, Profile, VirtualTime},
};

/// The latest start of an actor.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// How often it has started.
    pub starts: u32,
    /// Whether its process runs.
    pub runs: bool,
    /// The profile of its software: it changes with a start only.
    pub profile: Profile,
}

/// The latest starts of all actors.
#[derive(Debug, Default)]
pub struct Lives {
    lives: BTreeMap<ActorId, Life>,
}

impl Lives {
    /// The latest start of an actor; none if it never started.
    pub fn get(&self, actor: ActorId) -> Option<&Life> {
        self.lives.get(&actor)
    }

    /// The profile of an actor's software.
    pub fn profile(&self, actor: ActorId, assumptions: &Assumptions) -> Profile {
        assumptions.profiles.uniform().unwrap_or_else(|| match self.get(actor) {
            Some(life) => life.profile,
            None => assumptions.profiles.at(actor, VirtualTime::ZERO),
        })
    }

    pub(super) fn learn(&mut self, event: &Event, assumptions: &Assumptions) {
        match event.kind {
            EventKind::Started { .. } => {
                let starts = self.get(event.actor).map_or(0, |life| life.starts).saturating_add(1);
                let profile = assumptions.profiles.at(event.actor, event.at);
                self.lives.insert(event.actor, Life { starts, runs: true, profile });
            }
            EventKind::Stopped { .. } => {
                if let Some(life) = self.lives.get_mut(&event.actor) {
                    life.runs = false;
                }
            }
            _ => {}
        }
    }
}
