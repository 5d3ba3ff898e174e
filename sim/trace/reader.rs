//! Reads a trace file, and says where it is not what was written.

use std::io::{self, BufRead, Read as _};

use serde::Deserialize;
use thiserror::Error;

use super::{
    header::{TRACE_VERSION, TraceEnd, TraceHeader, Version},
    line::{Head, LinesCheck, Places},
};
use crate::{
    event::{Event, EventKind},
    types::{ConnectionId, RequestId, form_of},
};

/// One event of a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its number, counted from 1.
    pub number: u64,
    /// The event.
    pub event: Event,
    /// The connection that it is about.
    pub connection: Option<ConnectionId>,
    /// The request that it is about.
    pub request: Option<RequestId>,
    /// The number of the earlier event that made it happen, as far as events tell.
    pub cause: Option<u64>,
}

/// Why a trace cannot be read. Each names the file, and all but the first the line.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("failed to read the trace `{file}`: {source}")]
    File {
        /// The file.
        file: String,
        /// The system's words.
        source: io::Error,
    },
    /// It is something else than a trace.
    #[error(
        "`{file}`, line 1: this is {found}; expected a trace, which starts with \
         {{\"countersign_trace\":{TRACE_VERSION},…}}; `countersign run SCENARIO --trace FILE` writes one"
    )]
    Foreign {
        /// The file.
        file: String,
        /// What it looks like.
        found: &'static str,
    },
    /// Another version of the program wrote it.
    #[error(
        "`{file}`, line 1: this trace has version {found}, and this build reads version {TRACE_VERSION}; read it with \
         the build that wrote it, or make the run again"
    )]
    Version {
        /// The file.
        file: String,
        /// Its version.
        found: u32,
    },
    /// It ends before its end.
    #[error(
        "`{file}`, line {line}: the trace is cut off after event {events}; its last line should tell how many there \
         are. Make the run again to have it whole"
    )]
    CutOff {
        /// The file.
        file: String,
        /// The line that is not whole, or is missing.
        line: u64,
        /// How many whole events there are before.
        events: u64,
    },
    /// A line is no event.
    #[error("`{file}`, line {line}, column {column}: {what}; expected {}, as JSON on one line", expected(*line))]
    Line {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// Where in the line.
        column: usize,
        /// What is wrong with it.
        what: String,
    },
    /// Lines are missing, or stand in another order.
    #[error("`{file}`, line {line}: event {found} where event {expected} belongs; lines were removed, added or moved")]
    Gap {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// The number of the event that is there.
        found: u64,
        /// The number that it should have.
        expected: u64,
    },
    /// A line is not as it was written.
    #[error(
        "`{file}`, line {line}: {field} is `{found}`, but what the lines up to here tell makes it `{expected}`; \
             this line was edited, or one before it"
    )]
    Edited {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// Which field gives it away.
        field: &'static str,
        /// Its value.
        found: String,
        /// The value that follows from the events.
        expected: String,
    },
}

const fn expected(line: u64) -> &'static str {
    if line == 1 { "the header of a trace" } else { "an event" }
}

/// Reads a trace event by event, and recomputes of each line what follows from its event and those before: an edit of
/// the file does not go unnoticed. In the header, and in fields that the digest leaves out
/// ([`Undigested`](crate::types::Undigested)), it is noticed in the last line only.
///
/// It gives no event after an error.
#[derive(Debug)]
pub struct TraceReader<R> {
    file: String,
    from: R,
    header: TraceHeader,
    places: Places,
    check: LinesCheck,
    text: Vec<u8>,
    line: u64,
    is_over: bool,
}

#[derive(Deserialize)]
struct LineIn {
    #[serde(flatten)]
    head: Head,
    kind: EventKind,
}

impl<R: BufRead> TraceReader<R> {
    /// Reads the header of a trace; `file` is its name in errors.
    ///
    /// # Errors
    /// If this is no trace, or one that this build cannot read.
    pub fn new(file: impl Into<String>, from: R) -> Result<Self, ReadError> {
        let header = TraceHeader {
            countersign_trace: TRACE_VERSION,
            scenario: String::new(),
            seed: 0,
            profile: crate::types::Profile::default(),
        };
        let (places, check, text) = (Places::default(), LinesCheck::default(), Vec::new());
        let mut reader = Self { file: file.into(), from, header, places, check, text, line: 0, is_over: false };
        let is_whole = reader.read_line()?;
        let file = reader.file.clone();
        let Ok(Version { countersign_trace: found }) = serde_json::from_slice(&reader.text) else {
            // Other forms spread over several lines: what a file is shows in its first key. Whatever fails shows later.
            let line_end = reader.text.len();
            let _ = reader.from.by_ref().take(512).read_to_end(&mut reader.text);
            let form = form_of(&reader.text);
            reader.text.truncate(line_end);
            return Err(match form {
                "a trace" if !is_whole => ReadError::CutOff { file, line: 1, events: 0 },
                "a trace" => match serde_json::from_slice::<Version>(&reader.text) {
                    Err(error) => reader.unreadable(&error),
                    Ok(_) => ReadError::Foreign { file, found: "a trace" },
                },
                found => ReadError::Foreign { file, found },
            });
        };
        if found != TRACE_VERSION {
            return Err(ReadError::Version { file, found });
        }
        reader.header = serde_json::from_slice(&reader.text).map_err(|error| reader.unreadable(&error))?;
        reader.take_in();
        Ok(reader)
    }

    /// Which run it is of.
    pub const fn header(&self) -> &TraceHeader {
        &self.header
    }

    /// Reads the next line without its end; tells whether it had one.
    fn read_line(&mut self) -> Result<bool, ReadError> {
        self.text.clear();
        self.line += 1;
        let read = self.from.read_until(b'\n', &mut self.text);
        read.map_err(|source| ReadError::File { file: self.file.clone(), source })?;
        Ok(self.text.pop_if(|last| *last == b'\n').is_some())
    }

    /// Takes the current line into the check.
    fn take_in(&mut self) {
        self.check.add(&self.text);
        self.check.add(b"\n");
    }

    fn unreadable(&self, error: &serde_json::Error) -> ReadError {
        let (file, line, column) = (self.file.clone(), self.line, error.column());
        // The place that it names is within the line.
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        // There are dozens of kinds of event, and nobody writes a trace by hand.
        let what = what.split(", expected one of").next().unwrap_or_default().to_owned();
        ReadError::Line { file, line, column, what }
    }

    fn read(&mut self) -> Result<Option<Record>, ReadError> {
        let is_whole = self.read_line()?;
        let (file, line) = (self.file.clone(), self.line);
        if !is_whole {
            return Err(ReadError::CutOff { file, line, events: self.places.events() });
        }
        if self.text.starts_with(TraceEnd::START.as_bytes()) {
            return self.read_end().map(|()| None);
        }
        self.take_in();
        let LineIn { head, kind } = serde_json::from_slice(&self.text).map_err(|error| self.unreadable(&error))?;
        let expected = self.places.events() + 1;
        if head.number != expected {
            return Err(ReadError::Gap { file, line, found: head.number, expected });
        }
        let event = Event { at: head.at, actor: head.actor, kind };
        let expected = Head::of(&event, self.places.next(&event));
        if head != expected {
            let (field, found, expected) = differing(&head, &expected);
            return Err(ReadError::Edited { file, line, field, found, expected });
        }
        let (connection, request) = (event.kind.connection(), event.kind.request());
        Ok(Some(Record { number: head.number, event, connection, request, cause: head.cause }))
    }

    fn read_end(&mut self) -> Result<(), ReadError> {
        let end: TraceEnd = serde_json::from_slice(&self.text).map_err(|error| self.unreadable(&error))?;
        let check = std::mem::take(&mut self.check).finish();
        let expected = TraceEnd { events: self.places.events(), digest: self.places.digest(), check };
        let edited = |field, found, expected| {
            Err(ReadError::Edited { file: self.file.clone(), line: self.line, field, found, expected })
        };
        if end.events != expected.events {
            return edited("events", end.events.to_string(), expected.events.to_string());
        }
        if end.digest != expected.digest {
            return edited("digest", end.digest, expected.digest);
        }
        if end.check != expected.check {
            return edited("check", end.check, expected.check);
        }
        let is_last = !self.read_line()? && self.text.is_empty();
        if !is_last {
            let what = "there is more after the end of the trace".to_owned();
            return Err(ReadError::Line { file: self.file.clone(), line: self.line, column: 1, what });
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for TraceReader<R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let record = self.read().transpose();
        self.is_over = !matches!(record, Some(Ok(_)));
        record
    }
}

/// The first field in which two heads differ, and its two values.
fn differing(found: &Head, expected: &Head) -> (&'static str, String, String) {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let number = |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let fields = [
        // An edit of the event shows here, so this comes first.
        ("digest", found.digest.clone(), expected.digest.clone()),
        ("time", found.time.clone(), expected.time.clone()),
        ("connection", text(&found.connection), text(&expected.connection)),
        ("request", text(&found.request), text(&expected.request)),
        ("cause", number(found.cause), number(expected.cause)),
    ];
    let differs = fields.into_iter().find(|(_, found, expected)| found != expected);
    differs.unwrap_or(("number", found.number.to_string(), expected.number.to_string()))
}
