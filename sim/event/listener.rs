//! Whoever wants to know what happens.

use super::Event;

/// Takes the events of a run one by one, in order. Nobody keeps the history: a run may have millions.
pub trait Listener {
    /// Learns of the next event.
    fn hear(&mut self, event: &Event);
}
