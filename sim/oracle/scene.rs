//! The events around a violation, for those who want to see how it came about.

use std::collections::VecDeque;

use super::Violation;
use crate::{
    event::Event,
    plan::{Invariant, Plan},
};

/// How many events before a violation are kept: a second of a large run. Most have nothing to do with it.
const BEFORE: usize = 2_048;

/// How many events after a violation are kept.
const AFTER: usize = 512;

/// A violation and the events around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scene {
    /// The first violation that the plan does not expect; if there is none, the first that it does.
    pub violation: Violation,
    /// Events before and after it, each with its number, counted from 1 as in the trace.
    pub events: Vec<(u64, Event)>,
}

/// Keeps the last events until there is a violation, and some after it.
#[derive(Clone, Debug)]
pub struct SceneRecorder {
    expected: Vec<Invariant>,
    last: VecDeque<(u64, Event)>,
    heard: u64,
    /// How many violations were looked at.
    looked_at: usize,
    scene: Option<Scene>,
    /// How many events the scene still lacks.
    missing: usize,
}

impl SceneRecorder {
    /// For a run of `plan`.
    pub fn new(plan: &Plan) -> Self {
        let expected = plan.expectation.violations.clone();
        Self { expected, last: VecDeque::with_capacity(BEFORE), heard: 0, looked_at: 0, scene: None, missing: 0 }
    }

    /// Learns of an event, and of all violations that are noted once the oracle has heard it.
    pub fn hear(&mut self, event: &Event, violations: &[Violation]) {
        self.heard += 1;
        if self.missing > 0
            && let Some(scene) = &mut self.scene
        {
            scene.events.push((self.heard, event.clone()));
            self.missing -= 1;
        }
        if self.may_change() {
            if self.last.len() == BEFORE {
                self.last.pop_front();
            }
            self.last.push_back((self.heard, event.clone()));
            self.look_at(violations);
        }
    }

    /// The scene of the run, when these are all violations, those that were noticed at its end included.
    pub fn finish(mut self, violations: &[Violation]) -> Option<Scene> {
        if self.may_change() {
            self.look_at(violations);
        }
        self.scene
    }

    /// Whether another violation could matter more than the one that is kept.
    fn may_change(&self) -> bool {
        self.scene.as_ref().is_none_or(|scene| self.expected.contains(&scene.violation.invariant))
    }

    fn look_at(&mut self, violations: &[Violation]) {
        for violation in violations.get(self.looked_at..).unwrap_or_default() {
            if self.scene.is_none() || !self.expected.contains(&violation.invariant) {
                self.scene = Some(Scene { violation: violation.clone(), events: self.last.iter().cloned().collect() });
                self.missing = AFTER;
                if !self.may_change() {
                    self.last = VecDeque::new();
                    break;
                }
            }
        }
        self.looked_at = violations.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::EventKind,
        types::{ActorId, VirtualTime},
    };

    fn violation(invariant: Invariant, event_number: u64) -> Violation {
        let at = VirtualTime::from_millis(event_number);
        Violation { invariant, at, actor: ActorId::Smp, event_number, what: "what".into() }
    }

    /// The scene of a run of 10,000 events with these violations.
    fn scene(expected: &[Invariant], violations: &[Violation]) -> Option<Scene> {
        let mut recorder = SceneRecorder {
            expected: expected.to_vec(),
            last: VecDeque::new(),
            heard: 0,
            looked_at: 0,
            scene: None,
            missing: 0,
        };
        for number in 1..=10_000 {
            let noted = violations.iter().take_while(|found| found.event_number <= number).count();
            let event =
                Event { at: VirtualTime::from_millis(number), actor: ActorId::Smp, kind: EventKind::RolledBack };
            recorder.hear(&event, &violations[..noted]);
        }
        recorder.finish(violations)
    }

    /// Which violation is shown, and the first and last event around it.
    fn shown(expected: &[Invariant], violations: &[Violation]) -> Option<(u64, u64, u64)> {
        let Scene { violation, events } = scene(expected, violations)?;
        assert!(events.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
        Some((violation.event_number, events.first()?.0, events.last()?.0))
    }

    #[test]
    fn there_is_no_scene_without_a_violation() {
        assert_eq!(shown(&[], &[]), None);
    }

    #[test]
    fn the_first_violation_is_shown_with_what_came_before_and_after_it() {
        let violations = [violation(Invariant::S1, 5_000), violation(Invariant::S2, 5_001)];
        assert_eq!(shown(&[], &violations), Some((5_000, 2_953, 5_512)));
        assert_eq!(shown(&[], &[violation(Invariant::S1, 3)]), Some((3, 1, 515)));
    }

    #[test]
    fn what_is_not_expected_matters_more_than_what_is() {
        let violations =
            [violation(Invariant::S13, 100), violation(Invariant::S13, 101), violation(Invariant::S1, 5_000)];
        assert_eq!(shown(&[Invariant::S13], &violations), Some((5_000, 2_953, 5_512)));
        assert_eq!(shown(&[Invariant::S13, Invariant::S1], &violations), Some((100, 1, 612)));
    }

    #[test]
    fn what_is_noticed_at_the_end_is_shown_with_what_came_before() {
        assert_eq!(shown(&[], &[violation(Invariant::L5, 20_000)]), Some((20_000, 7_953, 10_000)));
    }
}
