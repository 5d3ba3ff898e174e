//! One line of a trace file.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Causes, Digest};
use crate::{
    event::{Event, EventKind, Listener as _},
    types::{ActorId, VirtualTime},
};

/// An event as it is written: JSON, one event a line.
#[derive(Debug, Serialize)]
pub(super) struct LineOut<'a> {
    #[serde(flatten)]
    pub place: Place,
    /// What happened.
    pub kind: &'a EventKind,
}

/// All of a line but the event's own facts: it follows from this event and those before it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Place {
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
    /// The connection that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The request that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The number of the earlier event that made it happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<u64>,
}

/// Gives each event its place in the trace: for whoever writes it, and for whoever checks what was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    digest: Digest,
    causes: Causes,
}

impl Places {
    /// The place of the next event.
    pub fn next(&mut self, event: &Event) -> Place {
        self.digest.hear(event);
        Place {
            number: self.digest.events(),
            time: event.at.to_string(),
            digest: format!("{:016x}", self.digest.prefix()),
            at: event.at,
            actor: event.actor,
            connection: event.kind.connection().map(|connection| connection.to_string()),
            request: event.kind.request().map(|request| request.to_string()),
            cause: self.causes.hear(event),
        }
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.digest.events()
    }

    /// The digest of all of them.
    pub fn finish(self) -> String {
        self.digest.finish()
    }
}

/// What a file's lines come to, byte by byte.
#[derive(Clone, Debug, Default)]
pub(super) struct LinesCheck(Sha256);

impl LinesCheck {
    /// Takes in the next line, with its end.
    pub fn add(&mut self, line: &[u8]) {
        self.0.update(line);
    }

    /// The check of all of them.
    pub fn finish(self) -> String {
        hex::encode(&self.0.finalize()[..8])
    }
}

/// As much of a line as it takes to find a difference.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Mark<'a> {
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

impl LineIn {
    /// An event as a line would have it.
    pub fn of(number: u64, event: &Event) -> Self {
        // Every event can be written as JSON: a run's trace is made of nothing else.
        let kind = serde_json::to_value(&event.kind).unwrap_or_default();
        Self { number, time: event.at.to_string(), actor: event.actor, at: event.at, kind }
    }
}
