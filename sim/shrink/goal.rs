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

    /// Runs a plan, and says how it fails in this way, if it does. The run ends early once it has failed, or when
    /// `interrupted`.
    ///
    /// # Errors
    /// If the plan cannot be run.
    pub fn find(&self, plan: &Plan, interrupted: &AtomicBool) -> Result<Option<Failed>, RunError> {
        let ended = AtomicBool::new(false);
        let mut end_early = |standing: Standing| {
            if standing.violations > 0 || interrupted.load(Relaxed) {
                ended.store(true, Relaxed);
            }
        };
        let early = self.search(plan, &ended, &mut end_early)?;
        if early.is_some() || !ended.load(Relaxed) || interrupted.load(Relaxed) {
            return Ok(early);
        }
        // What came first was something else.
        self.search(plan, interrupted, &mut |_| {})
    }

    fn search(
        &self,
        plan: &Plan,
        ended: &AtomicBool,
        progress: &mut dyn FnMut(Standing),
    ) -> Result<Option<Failed>, RunError> {
        let finished = run::run(plan, Options::new(ended, progress))?;
        let mut found = finished.judgement.violations.iter();
        let same = found.find(|violation| Self::of(violation) == *self);
        Ok(same.map(|violation| Failed { at: violation.at, sentence: violation.what.clone() }))
    }
}
