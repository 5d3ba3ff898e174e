//! A sign of life, for whoever looks at a run from another thread.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::types::{ActorId, VirtualTime};

/// Beats whenever a task of an actor is polled.
///
/// A poll that never returns cannot be ended from within: the thread does nothing else any more. Somebody else sees that
/// the pulse stands still, and whose poll it was.
#[derive(Debug, Default)]
pub struct Pulse {
    beats: AtomicU64,
    kind: AtomicU64,
    number: AtomicU64,
    at_ns: AtomicU64,
}

/// The latest beat of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beat {
    /// How many there have been.
    pub count: u64,
    /// Whose task was polled.
    pub actor: ActorId,
    /// Virtual time, of the step in which it was.
    pub at: VirtualTime,
}

impl Pulse {
    /// A task of this actor is polled now. One thread calls this, so that nothing is lost between reading and writing.
    pub(super) fn beat(&self, actor: ActorId, at: VirtualTime) {
        let (kind, number) = actor.kind_and_number();
        self.kind.store(kind.into(), Relaxed);
        self.number.store(number.into(), Relaxed);
        self.at_ns.store(at.nanos(), Relaxed);
        self.beats.store(self.beats.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// The latest beat; none before the first. While beats follow each other it may be a mixture of two.
    pub fn latest(&self) -> Option<Beat> {
        let count = self.beats.load(Relaxed);
        let number = u32::try_from(self.number.load(Relaxed)).unwrap_or(u32::MAX);
        let kind = u8::try_from(self.kind.load(Relaxed)).unwrap_or_default();
        let actor = ActorId::of_kind_and_number(kind, number).unwrap_or(ActorId::Smp);
        (count > 0).then(|| Beat { count, actor, at: VirtualTime(self.at_ns.load(Relaxed)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_beat_names_its_actor() {
        let pulse = Pulse::default();
        assert_eq!(pulse.latest(), None);
        let actors = [ActorId::Smp, ActorId::Site(1), ActorId::Agent(u32::MAX), ActorId::Browser(3)];
        for (count, actor) in (1..).zip(actors) {
            let at = VirtualTime::from_millis(count);
            pulse.beat(actor, at);
            assert_eq!(pulse.latest(), Some(Beat { count, actor, at }));
        }
    }
}
