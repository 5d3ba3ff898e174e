//! Which part of a trace is wanted.

use super::{Parties, Record};
use crate::types::{ActorId, VirtualTime};

/// A part of a trace: from when to when, and whose events.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The first instant.
    pub from: VirtualTime,
    /// The last instant.
    pub to: VirtualTime,
    /// The actors whose events are wanted, with what others do on their connections; all if there is none.
    pub actors: Vec<ActorId>,
    parties: Parties,
}

impl Selection {
    /// What happens from `from` to `to`, both included, to these actors.
    pub fn new(from: VirtualTime, to: VirtualTime, actors: Vec<ActorId>) -> Self {
        Self { from, to, actors, parties: Parties::default() }
    }

    /// Learns of the next record; tells whether it is wanted. It must hear every record, wanted or not.
    pub fn hear(&mut self, record: &Record) -> bool {
        let ends = |parties: &Parties| record.connection.and_then(|connection| parties.of(connection));
        let before = ends(&self.parties);
        self.parties.hear(&record.event);
        let ends = before.or(ends(&self.parties));
        let is_wanted = |actor: ActorId| self.actors.contains(&actor);
        (self.from..=self.to).contains(&record.event.at)
            && (self.actors.is_empty()
                || is_wanted(record.event.actor)
                || ends.is_some_and(|ends| is_wanted(ends.opener) || is_wanted(ends.server)))
    }
}
