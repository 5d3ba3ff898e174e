//! What is wrong with a scenario, before it is known where in the file it stands.

use std::fmt::Display;

/// Something that a well-formed file says and that cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    /// The key, such as `agents[1].visits.every`.
    pub key: String,
    /// What is there.
    pub found: String,
    /// What would be right.
    pub expected: String,
    /// Why it must be so, or what to do; may be empty.
    pub help: String,
}

impl Problem {
    /// A problem at `key`.
    pub fn new(key: impl Into<String>, found: impl Display, expected: impl Display) -> Self {
        Self { key: key.into(), found: found.to_string(), expected: expected.to_string(), help: String::new() }
    }

    /// The same with a reason or a way out.
    pub fn help(mut self, help: impl Display) -> Self {
        self.help = help.to_string();
        self
    }
}
