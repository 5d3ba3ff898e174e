//! What a smaller plan must show.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::{
    oracle::Violation,
    plan::{Invariant, Plan},
    run::{self, Options, RunError, Standing},
    sweep::FailureKind,
    types::VirtualTime,
};

/// A violation, told apart from others by its invariant and by how it is violated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Goal {
    /// The invariant.
    pub invariant: Invariant,
    kind: FailureKind,
}

/// How a plan fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failed {
    /// When.
    pub at: VirtualTime,
    /// What the oracle says.
    pub sentence: String,
}

impl Goal {
    /// That of a violation.
    pub fn of(violation: &Violation) -> Self {
        Self { invariant: violation.invariant, kind: FailureKind::of(violation) }
    }

    /// Runs a plan, and says how it fails in this way, if it does. The run ends as soon as it has failed, or when
    /// `interrupted`.
    ///
    /// # Errors
    /// If the plan cannot be run.
    pub fn find(&self, plan: &Plan, interrupted: &AtomicBool) -> Result<Option<Failed>, RunError> {
        let is_this = |violation: &&Violation| Self::of(violation) == *self;
        let ended = AtomicBool::new(false);
        let mut looked_at = 0;
        let mut end_early = |standing: Standing<'_>| {
            // What came before it is something else.
            let has_failed = standing.kept.iter().skip(looked_at).any(|violation| is_this(&violation));
            looked_at = standing.kept.len();
            if has_failed || interrupted.load(Relaxed) {
                ended.store(true, Relaxed);
            }
        };
        let finished = run::run(plan, Options::new(&ended, &mut end_early))?;
        let found = finished.judgement.violations.iter().find(is_this);
        Ok(found.map(|violation| Failed { at: violation.at, sentence: violation.what.clone() }))
    }
}
