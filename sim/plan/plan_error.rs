//! Why a plan cannot be run.

use std::fmt::Display;

use thiserror::Error;

/// Something in a plan that cannot be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{place}: found {found}, expected {expected}")]
pub struct PlanError {
    /// Where in the plan, such as `agents[17].visits.every.jitter_ms`; indices count from 0, as in JSON.
    pub place: String,
    /// What is there.
    pub found: String,
    /// What would be right.
    pub expected: String,
    /// Why it must be so, or what to do; may be empty.
    pub help: String,
}

impl PlanError {
    pub(super) fn new(place: impl Into<String>, found: impl Display, expected: impl Display) -> Self {
        Self { place: place.into(), found: found.to_string(), expected: expected.to_string(), help: String::new() }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}
