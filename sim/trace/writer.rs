//! Writes a trace file.

use std::io::{self, Write};

use serde::Serialize;
use thiserror::Error;

use super::{
    TraceHeader,
    header::TraceEnd,
    line::{LinesCheck, Place, Places, write_line},
};
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

/// Writes each event as a line of JSON, with its number, its time, the running digest, its connection, its request and
/// its cause; before the first a [`TraceHeader`], after the last how many there were.
///
/// A write that fails ends the trace, not the run; [`TraceWriter::finish`] says so. Give it a buffered writer.
#[derive(Debug)]
pub struct TraceWriter<W: Write> {
    to: W,
    places: Places,
    check: LinesCheck,
    line: Vec<u8>,
    failed: Option<(u64, io::Error)>,
}

impl<W: Write> TraceWriter<W> {
    /// Writes to `to`.
    pub fn new(to: W, header: &TraceHeader) -> Self {
        let (places, check) = (Places::default(), LinesCheck::default());
        let mut writer = Self { to, places, check, line: Vec::with_capacity(512), failed: None };
        let written = writer.write_whole(header);
        writer.note(written);
        writer
    }

    /// The digest of all events so far, as [`Digest::finish`](super::Digest::finish) gives it: nobody else needs to work
    /// it out.
    pub fn digest(&self) -> String {
        self.places.digest()
    }

    /// Ends the trace and gives the writer back, flushed.
    ///
    /// # Errors
    /// The first write that failed.
    pub fn finish(mut self) -> Result<W, TraceError> {
        let events = self.places.events();
        if self.failed.is_none() {
            let check = std::mem::take(&mut self.check).finish();
            let end = TraceEnd { events, digest: self.places.digest(), check };
            let failed = self.write_whole(&end).and_then(|()| self.to.flush()).err();
            self.failed = failed.map(|error| (events + 1, error));
        }
        match self.failed {
            None => Ok(self.to),
            Some((event_number, source)) => Err(TraceError { event_number, events, source }),
        }
    }

    fn write_whole(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.check.add(&self.line);
        self.to.write_all(&self.line)
    }

    fn write_event(&mut self, event: &Event, place: Place) -> io::Result<()> {
        self.line.clear();
        write_line(&mut self.line, event, place)?;
        self.check.add(&self.line);
        self.to.write_all(&self.line)
    }

    fn note(&mut self, written: io::Result<()>) {
        self.failed = written.err().map(|error| (self.places.events().max(1), error));
    }
}

impl<W: Write> Listener for TraceWriter<W> {
    fn hear(&mut self, event: &Event) {
        let place = self.places.next(event);
        if self.failed.is_none() {
            let written = self.write_event(event, place);
            self.note(written);
        }
    }
}
