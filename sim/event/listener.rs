//! Whoever wants to know what happens.

use super::{Event, Visit};
use crate::types::{ActorId, VirtualTime};

/// Takes the events of a run one by one, in order. Nobody keeps the history: a run may have millions.
pub trait Listener {
    /// Learns of the next event.
    fn hear(&mut self, event: &Event);

    /// Learns of the next event, which nobody else needs any more.
    fn take(&mut self, event: Event) {
        self.hear(&event);
    }

    /// Learns that a visit begins at `at`.
    fn visit_begins(&mut self, agent: ActorId, visit: &Visit, at: VirtualTime) {
        let _ = (agent, visit, at);
    }
}
