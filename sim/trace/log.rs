//! Events for people, as they happen.

use std::io::Write;

use super::{Filter, Parties, line::LineIn, shown::Shown};
use crate::event::{Event, Listener};

/// Writes the events that a filter chooses, each on a line. A write that fails is let go: nobody listens any more.
#[derive(Debug)]
pub struct EventLog<W: Write> {
    to: W,
    filter: Filter,
    parties: Parties,
    heard: u64,
}

impl<W: Write> EventLog<W> {
    /// Writes what `filter` chooses to `to`.
    pub fn new(to: W, filter: Filter) -> Self {
        Self { to, filter, parties: Parties::default(), heard: 0 }
    }
}

impl<W: Write> Listener for EventLog<W> {
    fn hear(&mut self, event: &Event) {
        self.heard += 1;
        self.parties.hear(event);
        let line = LineIn::of(self.heard, event);
        if self.filter.matches(&line, event, &self.parties) {
            let _ = writeln!(self.to, "{}", Shown(&line));
        }
    }
}
