//! One line of a trace file.

use serde::{Deserialize, Serialize};

use crate::{
    event::EventKind,
    types::{ActorId, VirtualTime},
};

/// An event as it is written: JSON, one event a line.
#[derive(Debug, Serialize)]
pub(super) struct LineOut<'a> {
    /// The event's number, counted from 1.
    pub number: u64,
    /// True time for people, `h:mm:ss.mmm`.
    pub time: String,
    /// The first 64 bits of the digest of all events up to this one, in hexadecimal.
    pub digest: String,
    /// True time in nanoseconds.
    pub at: VirtualTime,
    /// Whose doing it was.
    pub actor: ActorId,
    /// What happened.
    pub kind: &'a EventKind,
}

/// As much of a line as it takes to find a difference.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Place<'a> {
    pub number: u64,
    #[serde(borrow)]
    pub digest: std::borrow::Cow<'a, str>,
}

/// A whole line, for people.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct LineIn {
    pub number: u64,
    #[serde(default)]
    pub time: String,
    pub actor: ActorId,
    pub at: VirtualTime,
    pub kind: serde_json::Value,
}
