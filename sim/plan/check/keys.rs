//! That no two nodes share a key.

use std::collections::BTreeSet;

use super::within;
use crate::plan::{KEYS_MAX, PlanError};

/// The keys of the key pool that somebody has, or will have.
#[derive(Default)]
pub(super) struct Keys {
    taken: BTreeSet<u32>,
}

impl Keys {
    /// Gives a key to one node for good.
    pub fn take(&mut self, place: &str, key: u32) -> Result<(), PlanError> {
        within(place, key.into(), 0..=u64::from(KEYS_MAX - 1), "", "the key pool ends there")?;
        if self.taken.insert(key) {
            return Ok(());
        }
        Err(PlanError::new(place, key, "a key that no other node has")
            .help("nodes with one key could pose as each other"))
    }
}
