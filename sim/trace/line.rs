//! One line of a trace file.

use std::io;

use serde::{Deserialize, Serialize};

use super::{Causes, Digest};
use crate::{
    event::{Event, Listener as _},
    types::{ActorId, ConnectionId, VirtualTime},
};

/// What an event has from those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// The event's number, counted from 1.
    pub number: u64,
    /// The first 64 bits of the digest of all events up to this one.
    digest: u64,
    /// The number of the earlier event that made it happen.
    cause: Option<u64>,
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
        Place { number: self.digest.events(), digest: self.digest.prefix(), cause: self.causes.hear(event) }
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.digest.events()
    }

    /// The digest of all of them.
    pub fn digest(&self) -> String {
        self.digest.clone().finish()
    }
}

/// All of a line but what happened: it follows from this event and those before it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Head {
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

impl Head {
    /// The head of an event's line.
    pub fn of(event: &Event, place: Place) -> Self {
        Self {
            number: place.number,
            time: event.at.to_string(),
            digest: format!("{:016x}", place.digest),
            at: event.at,
            actor: event.actor,
            connection: event.kind.connection().map(|connection| connection.to_string()),
            request: event.kind.request().map(|request| request.to_string()),
            cause: place.cause,
        }
    }
}

/// Adds an event's line to a text: its [`Head`] and what happened, as `kind`, in one JSON object.
///
/// The head is spelled out here: a general serializer would be given each of its texts on the heap, escape it and copy it,
/// for every event. A test compares the two.
pub(super) fn write_line(text: &mut Vec<u8>, event: &Event, place: Place) -> io::Result<()> {
    text.extend(b"{\"number\":");
    number(text, place.number)?;
    text.extend(b",\"time\":\"");
    time(text, event.at)?;
    text.extend(b"\",\"digest\":\"");
    let mut digest = [0; 16];
    hex::encode_to_slice(place.digest.to_be_bytes(), &mut digest).map_err(io::Error::other)?;
    text.extend(digest);
    text.extend(b"\",\"at\":");
    number(text, event.at.nanos())?;
    text.extend(b",\"actor\":");
    serde_json::to_writer(&mut *text, &event.actor)?;
    if let Some(id) = event.kind.connection() {
        text.extend(b",\"connection\":\"");
        connection(text, id)?;
        text.push(b'"');
    }
    if let Some(request) = event.kind.request() {
        text.extend(b",\"request\":\"");
        connection(text, request.connection)?;
        text.push(b'.');
        number(text, request.ordinal.into())?;
        text.push(b'"');
    }
    if let Some(cause) = place.cause {
        text.extend(b",\"cause\":");
        number(text, cause)?;
    }
    text.extend(b",\"kind\":");
    serde_json::to_writer(&mut *text, &event.kind)?;
    text.extend(b"}\n");
    Ok(())
}

fn number(text: &mut Vec<u8>, number: u64) -> io::Result<()> {
    Ok(serde_json::to_writer(text, &number)?)
}

fn connection(text: &mut Vec<u8>, ConnectionId(id): ConnectionId) -> io::Result<()> {
    text.push(b'c');
    number(text, id)
}

/// As [`VirtualTime`] shows itself.
fn time(text: &mut Vec<u8>, at: VirtualTime) -> io::Result<()> {
    let millis = at.nanos() / 1_000_000;
    number(text, millis / 3_600_000)?;
    let parts = [(b':', 2, millis / 60_000 % 60), (b':', 2, millis / 1_000 % 60), (b'.', 3, millis % 1_000)];
    for (sign, width, value) in parts {
        text.push(sign);
        // Zeros for the digits that it lacks.
        text.extend([1_000, 100, 10].iter().skip(4 - width).take_while(|least| value < **least).map(|_| b'0'));
        number(text, value)?;
    }
    Ok(())
}

/// What a file's lines come to, byte by byte: a check against accidents and edits by hand, which costs next to nothing. That
/// two runs are the same is what the digest tells.
#[derive(Clone, Debug, Default)]
pub(super) struct LinesCheck(crc32fast::Hasher);

impl LinesCheck {
    /// Takes in the next line, with its end.
    pub fn add(&mut self, line: &[u8]) {
        self.0.update(line);
    }

    /// The check of all of them.
    pub fn finish(self) -> String {
        format!("{:08x}", self.0.finalize())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::EventKind, types::RequestId};

    /// What a general serializer makes of a line.
    #[derive(Serialize)]
    struct LineOut<'a> {
        #[serde(flatten)]
        head: Head,
        kind: &'a EventKind,
    }

    #[test]
    fn a_line_is_what_a_general_serializer_writes() {
        let millis =
            [0, 7, 10, 99, 100, 999, 1_000, 59_999, 61_001, 600_060, 3_600_000, 36_610_009, u64::MAX / 1_000_000];
        let connection = ConnectionId(12);
        let request = RequestId { connection: ConnectionId(u64::MAX), ordinal: u32::MAX };
        let kinds = [
            EventKind::RolledBack,
            EventKind::ConnectionOpened { connection, server: ActorId::Site(2), secure: false },
            EventKind::ResponseReceived { request, status: 200 },
            EventKind::TokenDeclined { server: ActorId::Smp, why: "a \"quote\"\n".to_owned() },
        ];
        let actors = [ActorId::Smp, ActorId::Site(1), ActorId::Agent(u32::MAX), ActorId::Attacker(3)];
        for (number, millis) in (1..).zip(millis) {
            for (kind, actor) in kinds.iter().cloned().zip(actors) {
                let event = Event { at: VirtualTime((millis * 1_000_000).saturating_add(999_999)), actor, kind };
                let place = Place { number, digest: number << 20, cause: (number % 2 == 0).then_some(number - 1) };
                let mut text = Vec::new();
                write_line(&mut text, &event, place).unwrap();
                let expected = LineOut { head: Head::of(&event, place), kind: &event.kind };
                assert_eq!(String::from_utf8(text).unwrap(), serde_json::to_string(&expected).unwrap() + "\n");
            }
        }
    }
}
