//! For Perfetto and Chrome: trace events as JSON, in virtual time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    event::{EventKind, UpstreamPurpose},
    trace::{Record, TraceHeader, shown, words},
    types::{ActorId, ConnectionId, RequestId, VirtualTime},
};

/// Trace events in the JSON form of Chrome.
///
/// An actor is a process. What takes time is a complete event on one of its tracks: exchanges, requests, connections,
/// validations and upstream calls each have as many as there were at the same time. An arrow leads from a request to
/// what the server did with it and to the response; what happens at an instant is an instant event.
#[derive(Clone, Debug)]
pub struct Perfetto {
    header: TraceHeader,
    now: VirtualTime,
    began: BTreeMap<(ActorId, Span), Vec<Begun>>,
    answering: BTreeMap<RequestId, (ActorId, VirtualTime)>,
    lanes: BTreeMap<(ActorId, &'static str), Vec<bool>>,
    events: Vec<Drawn>,
}

/// What takes time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Span {
    Exchange(ActorId),
    Request(RequestId),
    Connection(ConnectionId),
    Validation,
    Upstream(bool),
}

#[derive(Clone, Debug)]
struct Begun {
    at: VirtualTime,
    number: u64,
    name: String,
    lane: usize,
}

#[derive(Clone, Debug)]
struct Drawn {
    at_us: u64,
    /// What encloses stands before what it encloses.
    took_us: u64,
    event: Value,
}

/// The tracks of an actor, in their order from above.
const TRACKS: [&str; 7] = ["events", "exchange", "request", "validation", "upstream call", "connection", "answer"];
/// How many tracks of one name an actor can have before the next name's begin.
const LANES_MAX: usize = 100_000;

impl Span {
    const fn track(self) -> &'static str {
        match self {
            Self::Exchange(_) => TRACKS[1],
            Self::Request(_) => TRACKS[2],
            Self::Validation => TRACKS[3],
            Self::Upstream(_) => TRACKS[4],
            Self::Connection(_) => TRACKS[5],
        }
    }
}

impl Perfetto {
    /// A trace without events.
    pub fn new(header: &TraceHeader) -> Self {
        Self {
            header: header.clone(),
            now: VirtualTime::ZERO,
            began: BTreeMap::new(),
            answering: BTreeMap::new(),
            lanes: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// Adds an event.
    pub fn add(&mut self, record: &Record) {
        let (actor, at) = (record.event.actor, record.event.at);
        self.now = at;
        match &record.event.kind {
            EventKind::ExchangeStarted { server, .. } => {
                self.begin(record, Span::Exchange(*server), server.to_string())
            }
            EventKind::ExchangeEnded { server, outcome, trips, took_ns } => {
                let facts = json!({ "outcome": words::plain(outcome), "trips": trips });
                self.end(record, Span::Exchange(*server), Some(*took_ns), facts);
            }
            EventKind::ConnectionOpened { connection, server, secure } => {
                let name = format!("{connection} to {server}{}", if *secure { " (TLS)" } else { "" });
                self.begin(record, Span::Connection(*connection), name);
            }
            EventKind::ConnectionClosed { connection, why } => {
                self.end(record, Span::Connection(*connection), None, json!({ "closed": words::closed(*why) }));
                // Nobody waits any more for an answer on it.
                let unanswered: Vec<_> =
                    self.began.keys().copied().filter(|(_, span)| is_on(*span, *connection)).collect();
                for (actor, span) in unanswered {
                    self.end_of(actor, record.number, span, None, json!({ "unanswered": true }));
                }
            }
            EventKind::RequestSent { request, carries, .. } => {
                self.begin(record, Span::Request(*request), format!("{request} {}", words::carried(*carries)));
            }
            EventKind::ResponseReceived { request, status } => self.respond(record, *request, *status),
            EventKind::ValidationStarted { due, .. } => self.begin(record, Span::Validation, format!("{due} due")),
            EventKind::ValidationEnded { requested, refreshed, removed, .. } => {
                let facts = json!({ "requested": requested, "refreshed": refreshed, "removed": removed });
                self.end(record, Span::Validation, None, facts);
            }
            EventKind::UpstreamStarted { purpose, agents, .. } => {
                let span = Span::Upstream(is_refresh(*purpose));
                self.begin(record, span, format!("{} for {agents}", words::plain(purpose)));
            }
            EventKind::UpstreamEnded { purpose, tokens, took_ns } => {
                self.end(record, Span::Upstream(is_refresh(*purpose)), Some(*took_ns), json!({ "tokens": tokens }));
            }
            // Figures, and what a request's own track shows.
            EventKind::Worked { .. } | EventKind::RegistryMeasured { .. } | EventKind::RegistryRecorded { .. } => {}
            kind => {
                if let Some(request) = kind.request() {
                    self.answering.entry(request).or_insert((actor, at));
                }
                if matches!(kind, EventKind::Stopped { .. }) {
                    self.stop(actor, record.number);
                }
                let (name, facts) = shown::name_and_facts(record);
                let event = json!({ "ph": "i", "s": "t", "cat": "event", "name": name, "args": facts });
                self.draw(at, 0, actor, (TRACKS[0], 0), event);
            }
        }
    }

    fn begin(&mut self, record: &Record, span: Span, name: String) {
        let (actor, at, number) = (record.event.actor, record.event.at, record.number);
        let lane = self.take_lane(actor, span.track());
        self.began.entry((actor, span)).or_default().push(Begun { at, number, name, lane });
    }

    fn end(&mut self, record: &Record, span: Span, took_ns: Option<u64>, facts: Value) {
        self.end_of(record.event.actor, record.number, span, took_ns, facts);
    }

    /// Draws what has ended, and gives it back; nothing if its beginning is not in this part of the trace.
    fn end_of(
        &mut self,
        actor: ActorId,
        number: u64,
        span: Span,
        took_ns: Option<u64>,
        mut facts: Value,
    ) -> Option<Begun> {
        let begun = self.began.get_mut(&(actor, span))?;
        let is_it = |it: &Begun| took_ns.is_none_or(|took_ns| self.now.0.saturating_sub(it.at.0) == took_ns);
        let position = begun.iter().position(is_it)?;
        let ended = begun.remove(position);
        if begun.is_empty() {
            self.began.remove(&(actor, span));
        }
        if let Some(free) = self.lanes.get_mut(&(actor, span.track())).and_then(|lanes| lanes.get_mut(ended.lane)) {
            *free = true;
        }
        facts["events"] = json!([ended.number, number]);
        let took_us = micros(self.now) - micros(ended.at);
        let event =
            json!({ "ph": "X", "dur": took_us, "cat": span.track(), "name": ended.name.clone(), "args": facts });
        self.draw(ended.at, took_us, actor, (span.track(), ended.lane), event);
        Some(ended)
    }

    fn respond(&mut self, record: &Record, request: RequestId, status: u16) {
        let (actor, at) = (record.event.actor, record.event.at);
        let facts = json!({ "status": status });
        let Some(sent) = self.end_of(actor, record.number, Span::Request(request), None, facts) else { return };
        let Some((server, began)) = self.answering.remove(&request) else { return };
        // An arrow needs something at both of its ends, and something needs a width to be seen.
        let (track, name) = ((TRACKS[6], 0), format!("{request} {status}"));
        self.draw(began, 1, server, track, json!({ "ph": "X", "dur": 1, "cat": "answer", "name": name }));
        let arrow = |phase: &str| json!({ "ph": phase, "id": sent.number, "cat": "request", "name": "request" });
        let lane = (TRACKS[2], sent.lane);
        self.draw(sent.at, 0, actor, lane, arrow("s"));
        self.draw(began, 0, server, track, arrow("t"));
        let mut end = arrow("f");
        end["bp"] = json!("e");
        self.draw(at, 0, actor, lane, end);
    }

    /// Whatever an actor was doing has ended with it.
    fn stop(&mut self, actor: ActorId, number: u64) {
        let open: Vec<_> = self.began.keys().copied().filter(|(whose, _)| *whose == actor).collect();
        for (actor, span) in open {
            while self.end_of(actor, number, span, None, json!({ "ended": "the actor stopped" })).is_some() {}
        }
    }

    fn take_lane(&mut self, actor: ActorId, track: &'static str) -> usize {
        let lanes = self.lanes.entry((actor, track)).or_default();
        let lane = lanes.iter().position(|is_free| *is_free).unwrap_or(lanes.len());
        if lane == lanes.len() {
            lanes.push(false);
        } else {
            lanes[lane] = false;
        }
        lane
    }

    fn draw(&mut self, at: VirtualTime, took_us: u64, actor: ActorId, track: (&str, usize), mut event: Value) {
        event["ts"] = json!(micros(at));
        event["pid"] = json!(process(actor));
        event["tid"] = json!(thread(track));
        self.lanes.entry((actor, TRACKS[0])).or_insert_with(|| vec![false]);
        if track.0 == TRACKS[6] {
            self.lanes.entry((actor, TRACKS[6])).or_insert_with(|| vec![false]);
        }
        self.events.push(Drawn { at_us: micros(at), took_us, event });
    }

    /// The whole, as one JSON document with an event on each line. What has not ended by then ends there.
    pub fn finish(mut self) -> String {
        let open: Vec<_> = self.began.keys().copied().collect();
        for (actor, span) in open {
            while self.end_of(actor, 0, span, None, json!({ "unfinished": true })).is_some() {}
        }
        self.events.sort_by_key(|drawn| (drawn.at_us, std::cmp::Reverse(drawn.took_us)));
        let mut lines = Vec::new();
        let metadata = |name: &str, actor, thread: usize, value: Value| {
            json!({ "ph": "M", "name": name, "pid": process(actor), "tid": thread, "args": value }).to_string()
        };
        let mut named = None;
        for ((actor, track), lanes) in &self.lanes {
            if named != Some(*actor) {
                named = Some(*actor);
                lines.push(metadata("process_name", *actor, 0, json!({ "name": actor.to_string() })));
                lines.push(metadata("process_sort_index", *actor, 0, json!({ "sort_index": process(*actor) })));
            }
            for lane in 0..lanes.len() {
                let name = if lane == 0 { (*track).to_owned() } else { format!("{track} {}", lane + 1) };
                let thread = thread((track, lane));
                lines.push(metadata("thread_name", *actor, thread, json!({ "name": name })));
                lines.push(metadata("thread_sort_index", *actor, thread, json!({ "sort_index": thread })));
            }
        }
        lines.extend(self.events.iter().map(|drawn| drawn.event.to_string()));
        let header = serde_json::to_string(&self.header).unwrap_or_default();
        format!("{{\"displayTimeUnit\":\"ms\",\"otherData\":{header},\"traceEvents\":[\n{}\n]}}\n", lines.join(",\n"))
    }
}

fn is_on(span: Span, connection: ConnectionId) -> bool {
    matches!(span, Span::Request(request) if request.connection == connection)
}

const fn is_refresh(purpose: UpstreamPurpose) -> bool {
    matches!(purpose, UpstreamPurpose::Validation)
}

/// The server, those of a portal, the sites, the agents, the attackers and the browsers, each kind in its own range.
const fn process(actor: ActorId) -> u64 {
    match actor {
        ActorId::Smp => 1,
        ActorId::Site(number) => 10_000 + number as u64,
        ActorId::Agent(number) => 1_000_000 + number as u64,
        ActorId::Attacker(number) => 10_000_000 + number as u64,
        ActorId::Browser(number) => 20_000_000 + number as u64,
        other => 2 + other.kind_and_number().0 as u64,
    }
}

fn thread((track, lane): (&str, usize)) -> usize {
    let position = TRACKS.iter().position(|other| *other == track).unwrap_or_default();
    position * LANES_MAX + lane
}

const fn micros(at: VirtualTime) -> u64 {
    at.nanos() / 1_000
}
