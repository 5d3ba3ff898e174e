//! A Mermaid sequence diagram: who said what to whom, short enough to be drawn.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
};

use crate::{
    event::{EventKind, Outcome},
    plan::Plan,
    trace::{Parties, Record, words},
    types::{ActorId, RequestId},
};

/// A sequence diagram of the first arrows of a trace, or of the last.
#[derive(Clone, Debug)]
pub struct Mermaid {
    arrows_max: usize,
    keeps_last: bool,
    parties: Parties,
    /// What a server had to say to a request that was not answered yet.
    said: BTreeMap<RequestId, Vec<String>>,
    steps: VecDeque<Step>,
    arrows: usize,
    left_out: u64,
}

#[derive(Clone, Debug)]
struct Step {
    from: ActorId,
    /// Nobody if it is a note.
    to: Option<ActorId>,
    is_answer: bool,
    text: String,
}

impl Mermaid {
    /// A diagram of at most so many arrows: the first, or with `keeps_last` the last.
    pub fn new(arrows_max: usize, keeps_last: bool) -> Self {
        let (parties, said, steps) = (Parties::default(), BTreeMap::new(), VecDeque::new());
        Self { arrows_max, keeps_last, parties, said, steps, arrows: 0, left_out: 0 }
    }

    /// Learns of the next event, which is drawn if it is wanted. It must learn of every event.
    pub fn add(&mut self, record: &Record, is_wanted: bool) {
        self.parties.hear(&record.event);
        if is_wanted {
            for step in self.steps_of(record) {
                self.push(step);
            }
        }
    }

    fn steps_of(&mut self, record: &Record) -> Vec<Step> {
        let (actor, number) = (record.event.actor, record.number);
        let note = |text: String| vec![Step { from: actor, to: None, is_answer: false, text }];
        let ends = record.connection.and_then(|connection| self.parties.of(connection));
        let server = ends.map(|ends| ends.server);
        match &record.event.kind {
            EventKind::RequestSent { request, carries, .. } => {
                let text = format!("[{number}] {request} {}", words::carried(*carries));
                vec![Step { from: actor, to: Some(server.unwrap_or(actor)), is_answer: false, text }]
            }
            EventKind::ResponseReceived { request, status } => {
                let said = self.said.remove(request).unwrap_or_default();
                let text = format!("[{number}] {request} {status}");
                let arrow = Step { from: server.unwrap_or(actor), to: Some(actor), is_answer: true, text };
                let notes = said.into_iter().map(|text| Step { to: None, is_answer: false, text, ..arrow.clone() });
                notes.collect::<Vec<_>>().into_iter().chain([arrow.clone()]).collect()
            }
            EventKind::Accepted { request, presented, .. } => {
                // Whose token it is goes without saying, but where somebody else presents it.
                let owner =
                    Plan::actor_of(presented.agent).filter(|owner| ends.is_none_or(|ends| ends.opener != *owner));
                let owner = owner.map_or_else(String::new, |owner| format!(" of {owner}"));
                let text = format!("[{number}] accepts counter {}{owner}", presented.counter);
                self.said.entry(*request).or_default().push(text);
                Vec::new()
            }
            EventKind::Refused { request, why, .. } => {
                self.said
                    .entry(*request)
                    .or_default()
                    .push(format!("[{number}] refuses the token {}", words::refused(*why)));
                Vec::new()
            }
            EventKind::Started { .. } => note(format!("[{number}] starts")),
            EventKind::Stopped { power_loss: false } => note(format!("[{number}] stops")),
            EventKind::Stopped { power_loss: true } => note(format!("[{number}] loses power")),
            EventKind::RolledBack => note(format!("[{number}] goes back to an earlier memory")),
            EventKind::AgentKeyChanged { .. } => note(format!("[{number}] has another key")),
            EventKind::ServerKeyRotated { .. } => note(format!("[{number}] signs with another key")),
            EventKind::ConnectFailed { server, timed_out } => {
                let why = if *timed_out { "no answer" } else { "refused" };
                note(format!("[{number}] gets no connection to {server}: {why}"))
            }
            EventKind::TokenDeclined { why, .. } => note(format!("[{number}] declines the token: {why}")),
            // What keeps the agent from asking at all was told already.
            EventKind::ExchangeEnded { outcome: Outcome::NotConnected | Outcome::TokenDeclined, .. } => Vec::new(),
            EventKind::ExchangeEnded { outcome, .. } if !outcome.is_served() => {
                note(format!("[{number}] {}", words::failed(*outcome)))
            }
            EventKind::Intercepted { connection, what } | EventKind::Overheard { connection, what } => {
                note(format!("[{number}] on {connection}: {what}"))
            }
            EventKind::Attempted { what, status } => {
                let came = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
                note(format!("[{number}] had tried: {what}: {came}"))
            }
            _ => Vec::new(),
        }
    }

    fn push(&mut self, step: Step) {
        let is_arrow = step.to.is_some();
        if !self.keeps_last && self.arrows == self.arrows_max {
            self.left_out += u64::from(is_arrow);
            return;
        }
        self.arrows += usize::from(is_arrow);
        self.steps.push_back(step);
        while self.arrows > self.arrows_max {
            let is_arrow = self.steps.pop_front().is_some_and(|step| step.to.is_some());
            self.arrows -= usize::from(is_arrow);
            self.left_out += u64::from(is_arrow);
        }
    }

    /// The diagram.
    pub fn finish(self) -> String {
        let mut text = "sequenceDiagram\n".to_owned();
        let mut write = |line: String| {
            // Writing to a string takes whatever it is given.
            let _ = writeln!(text, "    {line}");
        };
        if self.left_out > 0 {
            let (kept, others) = if self.keeps_last { ("last", "before") } else { ("first", "after") };
            write(format!("%% the {kept} {} arrows; {} {others} them are left out", self.arrows, self.left_out));
        }
        let mut known = Vec::new();
        for actor in self.steps.iter().flat_map(|step| [Some(step.from), step.to]).flatten() {
            if !known.contains(&actor) {
                known.push(actor);
                write(format!("participant {} as {actor}", name(actor)));
            }
        }
        for Step { from, to, is_answer, text } in &self.steps {
            let (from, text) = (name(*from), plain(text));
            match to {
                Some(to) if *is_answer => write(format!("{from}-->>{}: {text}", name(*to))),
                Some(to) => write(format!("{from}->>{}: {text}", name(*to))),
                None => write(format!("Note over {from}: {text}")),
            }
        }
        text
    }
}

/// A name that Mermaid takes for one word: in its arrows a hyphen would be a part of the arrow.
fn name(actor: ActorId) -> String {
    actor.to_string().replace('-', "_")
}

/// A text without the signs by which Mermaid ends a line or names a character.
fn plain(text: &str) -> String {
    text.replace('#', "no. ").replace(';', ",").replace(['\n', '\r'], " ")
}
