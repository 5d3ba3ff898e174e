//! Which plans were tried in vain.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::plan::Plan;

/// Plans that did not fail, by their hashes: a run of one would say the same again.
#[derive(Debug, Default)]
pub struct Tried(BTreeSet<[u8; 32]>);

impl Tried {
    /// Whether this plan is among them.
    pub fn has(&self, plan: &Plan) -> bool {
        hash(plan).is_some_and(|hash| self.0.contains(&hash))
    }

    /// Adds one.
    pub fn add(&mut self, plan: &Plan) {
        self.0.extend(hash(plan));
    }
}

/// None if a plan cannot be written; it is then run each time.
fn hash(plan: &Plan) -> Option<[u8; 32]> {
    plan.to_json().ok().map(|text| Sha256::digest(text).into())
}
