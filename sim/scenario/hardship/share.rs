//! Faults of one kind, drawn.

use super::{hazard::Hazard, scene::Scene, scope::Scope};
use crate::{
    plan::{FAULTS_MAX, Fault},
    types::draw_between,
};

/// Faults of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub hazard: Hazard,
    pub scope: Scope,
    /// How many, from least to greatest.
    pub count: (u64, u64),
    /// How long each lasts, from shortest to longest, in seconds.
    pub length_s: (u64, u64),
    /// How strong they may be, in per cent of the strongest.
    pub strength: u64,
}

impl Share {
    /// Draws the faults of one kind, from a stream of their own. Each has a stretch of time for itself, so that no two of them
    /// last at once: clock steps, policies and paths would add up to something that nobody meant.
    pub fn add_to(&self, scene: &mut Scene<'_>) {
        let Self { hazard, scope, .. } = *self;
        if !hazard.is_possible(scene, scope) {
            return;
        }
        if hazard == Hazard::ClockStep {
            // Before the first: no two last at once, so that each may go as far.
            scene.step_ms_max = scene.room_for_steps_ms(scope);
        }
        let mut rng = scene.draws.stream(&format!("hardship {} {}", hazard.name(), scope.name()), 0);
        let mut window_ms = scene.heal_ms - scene.from_ms;
        let mut count = draw_between(&mut rng, self.count.0, self.count.1).min(window_ms);
        if hazard == Hazard::RotateServerKey && count > 1 {
            // The second withdraws the key of the first. An administrator who wants nobody to be turned away does so
            // long enough before the end for the tokens that it signed to expire.
            match window_ms.checked_sub(scene.plan.parameters.token_lifetime_s * 1_000) {
                Some(left_ms) if left_ms > count => window_ms = left_ms,
                _ => count = 1,
            }
        }
        for number in 0..count {
            if scene.plan.faults.len() >= FAULTS_MAX {
                return;
            }
            let start_ms = scene.from_ms + window_ms * number / count;
            let end_ms = scene.from_ms + window_ms * (number + 1) / count;
            let (shortest_ms, longest_ms) = (self.length_s.0 * 1_000, self.length_s.1 * 1_000);
            let length_ms = draw_between(&mut rng, shortest_ms, longest_ms).clamp(1, end_ms - start_ms);
            let at_ms = draw_between(&mut rng, start_ms, end_ms - length_ms);
            let Some(kind) = hazard.draw(&mut rng, scene, scope, self.strength) else { return };
            let until_ms = kind.may_end().then_some(at_ms + length_ms);
            scene.plan.faults.push(Fault { at_ms, until_ms, kind });
        }
    }
}
