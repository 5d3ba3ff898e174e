//! Operations of a whole run.

use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::Work;

/// How often each costly operation was done: [`Work`] of a whole run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct WorkTotal {
    /// RSA private-key signatures.
    pub signs: u64,
    /// RSA signature verifications.
    pub verifies: u64,
    /// Tokens parsed.
    pub parses: u64,
    /// Message bodies encrypted to an RSA key.
    pub seals: u64,
    /// Message bodies decrypted with an RSA key.
    pub opens: u64,
}

impl WorkTotal {
    pub(super) fn absorb(&mut self, other: &Self) {
        self.signs += other.signs;
        self.verifies += other.verifies;
        self.parses += other.parses;
        self.seals += other.seals;
        self.opens += other.opens;
    }
}

impl AddAssign<Work> for WorkTotal {
    fn add_assign(&mut self, work: Work) {
        self.signs += u64::from(work.signs);
        self.verifies += u64::from(work.verifies);
        self.parses += u64::from(work.parses);
        self.seals += u64::from(work.seals);
        self.opens += u64::from(work.opens);
    }
}
