//! What differs in one profile.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ExpectTable, ParameterTable};
use crate::plan::{Expectation, Thresholds};

/// What differs from the rest of the file in a run of this profile, so that one file shows a hole open in one and closed
/// in the other.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileTable {
    /// The protocol's parameters, where they differ from the common ones.
    pub parameters: ParameterTable,
    /// What the run must show beside the common expectations.
    pub expect: ExpectTable,
    /// Figures that the run must not miss, where they differ from the common ones.
    pub thresholds: Thresholds,
}

impl ProfileTable {
    /// Adds what the run must show in this profile to what it must show in any.
    pub(super) fn extend(&self, expectation: &mut Expectation) {
        add(&mut expectation.violations, &self.expect.violations);
        add(&mut expectation.reach, &self.expect.reach);
        add(&mut expectation.never, &self.expect.never);
        let (own, common) = (&self.thresholds, &mut expectation.thresholds);
        for (own, common) in [
            (own.one_step_p99_ms, &mut common.one_step_p99_ms),
            (own.two_step_p99_ms, &mut common.two_step_p99_ms),
            (own.slot_wait_p99_ms, &mut common.slot_wait_p99_ms),
            (own.validation_max_ms, &mut common.validation_max_ms),
            (own.served_min_ppm, &mut common.served_min_ppm),
        ] {
            *common = own.or(*common);
        }
    }
}

/// Each once.
fn add<T: Copy + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(*one);
        }
    }
}
