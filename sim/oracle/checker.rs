//! What every checker is.

use super::{facts::Facts, violation::Findings};
use crate::{event::Event, types::VirtualTime};

/// Judges one invariant, or one part of one, event by event.
pub(super) trait Checker: Send {
    /// Judges an event. `before` is what was true before it.
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings);

    /// Judges what should have happened by now but did not. Called before the first event of each second
    /// of true time in which there is any, and at the end of the run.
    fn tick(&mut self, _now: VirtualTime, _facts: &Facts, _findings: &mut Findings) {}

    /// Judges what is left to judge when the run ends, after the last tick.
    fn finish(&mut self, _end: VirtualTime, _facts: &Facts, _findings: &mut Findings) {}
}
