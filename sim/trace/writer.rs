//! Writes a trace file.

use std::io::{self, Write};

use thiserror::Error;

use super::{Digest, line::LineOut};
use crate::event::{Event, Listener};

/// Why a trace is not complete.
#[derive(Debug, Error)]
#[error("failed to write event {event_number} of {events} to the trace: {source}; the trace ends before it")]
pub struct TraceError {
    /// The first event that could not be written; one more than there were if only the last bytes are missing.
    pub event_number: u64,
    /// How many events there were.
    pub events: u64,
    /// What went wrong.
    pub source: io::Error,
}

/// Writes each event as a line of JSON, with its number, its time and the running digest.
///
/// A write that fails ends the trace, not the run; [`TraceWriter::finish`] says so. Give it a buffered writer.
#[derive(Debug)]
pub struct TraceWriter<W: Write> {
    to: W,
    digest: Digest,
    line: Vec<u8>,
    failed: Option<(u64, io::Error)>,
}

impl<W: Write> TraceWriter<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Self {
        Self { to, digest: Digest::new(), line: Vec::with_capacity(512), failed: None }
    }

    /// Ends the trace and gives the writer back, flushed.
    ///
    /// # Errors
    /// The first write that failed.
    pub fn finish(mut self) -> Result<W, TraceError> {
        let events = self.digest.events();
        let failed = match self.failed {
            None => self.to.flush().err().map(|error| (events + 1, error)),
            failed => failed,
        };
        match failed {
            None => Ok(self.to),
            Some((event_number, source)) => Err(TraceError { event_number, events, source }),
        }
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        let line = LineOut {
            number: self.digest.events(),
            time: event.at.to_string(),
            digest: format!("{:016x}", self.digest.prefix()),
            at: event.at,
            actor: event.actor,
            kind: &event.kind,
        };
        self.line.clear();
        serde_json::to_writer(&mut self.line, &line)?;
        self.line.push(b'\n');
        self.to.write_all(&self.line)
    }
}

impl<W: Write> Listener for TraceWriter<W> {
    fn hear(&mut self, event: &Event) {
        self.digest.hear(event);
        if self.failed.is_none()
            && let Err(error) = self.write(event)
        {
            self.failed = Some((self.digest.events(), error));
        }
    }
}
