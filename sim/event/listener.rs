//! Whoever wants to know what happens.

use super::Event;
use crate::types::{ActorId, VirtualTime};

/// Takes the events of a run one by one, in order. Nobody keeps the history: a run may have millions.
pub trait Listener {
    /// Learns of the next event.
    fn hear(&mut self, event: &Event);

    /// Learns that a visit begins at `at` that was due at `due`. It is no event of the run: a simulated visit is late only
    /// if its agent is busy.
    fn visit_begins(&mut self, agent: ActorId, due: VirtualTime, at: VirtualTime) {
        let _ = (agent, due, at);
    }
}
