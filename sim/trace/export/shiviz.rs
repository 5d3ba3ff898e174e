//! For ShiViz, which draws who could have known of what: a log with a vector clock on each line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::{
    event::EventKind,
    trace::{Record, shown},
    types::{ActorId, RequestId},
};

/// How ShiViz takes a line apart; it reads this from the first line, and from the second, which is empty, that there is
/// only one execution.
const PATTERN: &str = r"(?<host>\S+) (?<clock>\{[^}]*\}) (?<event>.*)";

type Clock = BTreeMap<ActorId, u64>;

/// A log for ShiViz.
///
/// What an actor does to a request comes after the request was sent; what its sender does with the response comes after
/// what the server said to it; and whatever has a cause comes after it. Every actor's own count grows by one with each of
/// its lines.
#[derive(Clone, Debug)]
pub struct Shiviz {
    text: String,
    clocks: BTreeMap<ActorId, Clock>,
    /// What was known when a request was sent, and when the server had its last say on it.
    sent: BTreeMap<RequestId, Clock>,
    said: BTreeMap<RequestId, Clock>,
    /// What was known at an event that may be the cause of one of another actor's.
    causes: BTreeMap<u64, Clock>,
    /// Requests that a server has begun with.
    begun: BTreeSet<RequestId>,
}

impl Default for Shiviz {
    fn default() -> Self {
        Self::new()
    }
}

impl Shiviz {
    /// A log without events.
    pub fn new() -> Self {
        let text = format!("{PATTERN}\n\n");
        let (clocks, sent, said, causes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { text, clocks, sent, said, causes, begun: BTreeSet::new() }
    }

    /// Adds an event. Figures of a CPU and of a registry's size are left out: they are no part of any conversation.
    pub fn add(&mut self, record: &Record) {
        let event = &record.event;
        if matches!(event.kind, EventKind::Worked { .. } | EventKind::RegistryMeasured { .. }) {
            return;
        }
        let clock = self.clocks.entry(event.actor).or_default();
        let heard_of = match (&event.kind, record.request) {
            (EventKind::ResponseReceived { .. }, Some(request)) => {
                self.begun.remove(&request);
                let (sent, said) = (self.sent.remove(&request), self.said.remove(&request));
                said.or(sent)
            }
            (EventKind::RequestSent { .. }, _) | (_, None) => None,
            (_, Some(request)) if self.begun.insert(request) => self.sent.get(&request).cloned(),
            (_, Some(_)) => None,
        };
        let cause = record.cause.and_then(|cause| self.causes.get(&cause)).cloned();
        for (actor, count) in heard_of.into_iter().chain(cause).flatten() {
            let known = clock.entry(actor).or_default();
            *known = count.max(*known);
        }
        *clock.entry(event.actor).or_default() += 1;
        let clock = clock.clone();
        let counts: Vec<_> = clock.iter().map(|(actor, count)| format!("\"{actor}\":{count}")).collect();
        // Writing to a string takes whatever it is given.
        let _ = writeln!(self.text, "{} {{{}}} {}", event.actor, counts.join(","), shown::event(record));
        if record.request.is_some() || matches!(event.kind, EventKind::CacheMissed { .. }) {
            self.causes.insert(record.number, clock.clone());
        }
        match (&event.kind, record.request) {
            (EventKind::ResponseReceived { .. }, _) | (_, None) => {}
            (EventKind::RequestSent { .. }, Some(request)) => drop(self.sent.insert(request, clock)),
            (_, Some(request)) => drop(self.said.insert(request, clock)),
        }
    }

    /// The log.
    pub fn finish(self) -> String {
        self.text
    }
}
