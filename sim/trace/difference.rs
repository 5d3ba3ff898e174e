//! Finds where two traces part.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, BufRead},
};

use serde_json::Value;

use super::line::{LineIn, Place};
use crate::{
    event::{Event, EventKind},
    plan::Plan,
    types::RequestId,
};

/// How many events before and after the difference are shown.
const CONTEXT: usize = 3;

/// Where two traces part: the first event in which one run did something else than the other.
///
/// Its display is made for people: the common events before, the two that differ with the facts in which they
/// do, and what each run did next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The number of the first event that differs, counted from 1.
    pub number: u64,
    /// The latest common events.
    before: Vec<LineIn>,
    /// The differing event and the ones after it; empty if the first trace ends there.
    first: Vec<LineIn>,
    /// The same of the second trace.
    second: Vec<LineIn>,
}

impl Difference {
    /// Which of the two traces, the first and the second, end where they part: those have no event there.
    pub fn has_ended(&self) -> [bool; 2] {
        [self.first.is_empty(), self.second.is_empty()]
    }
}

/// Compares two traces, and says where they part; none if they are of the same run.
///
/// The running digest decides, so that what it leaves out may differ: traces of the same run with different
/// crypto tiers are the same.
///
/// # Errors
/// What reading a trace gives, and [`io::ErrorKind::InvalidData`] for a line that is not of a trace.
pub fn first_difference(first: impl BufRead, second: impl BufRead) -> io::Result<Option<Difference>> {
    let mut first = Trace::new("first", first);
    let mut second = Trace::new("second", second);
    let mut before = VecDeque::new();
    loop {
        let same = match (first.next()?, second.next()?) {
            (None, None) => return Ok(None),
            (Some(left), Some(right)) => left == right,
            _ => false,
        };
        if !same {
            break;
        }
        // Only the last few are put into words.
        before.push_back(first.text.clone());
        if before.len() > CONTEXT {
            before.pop_front();
        }
    }
    let number = first.lines.max(second.lines);
    let before = before.iter().map(|text| first.parse(text)).collect::<io::Result<_>>()?;
    Ok(Some(Difference { number, before, first: first.rest()?, second: second.rest()? }))
}

struct Trace<R> {
    name: &'static str,
    from: R,
    text: String,
    lines: u64,
}

impl<R: BufRead> Trace<R> {
    fn new(name: &'static str, from: R) -> Self {
        Self { name, from, text: String::new(), lines: 0 }
    }

    /// The place of the next event, none at the end.
    fn next(&mut self) -> io::Result<Option<Place<'_>>> {
        self.text.clear();
        let length = self.from.read_line(&mut self.text)?;
        self.lines += 1;
        if length == 0 {
            return Ok(None);
        }
        match serde_json::from_str::<Place<'_>>(&self.text) {
            Ok(place) if place.number == self.lines => Ok(Some(place)),
            Ok(place) => Err(invalid(
                self.name,
                self.lines,
                &format!("event {} where event {} belongs", place.number, self.lines),
            )),
            Err(error) => Err(invalid(self.name, self.lines, &error.to_string())),
        }
    }

    /// The current event and a few after it. A line that cannot be read ends them: a difference was found already.
    fn rest(&mut self) -> io::Result<Vec<LineIn>> {
        let mut lines = Vec::new();
        while !self.text.is_empty() && lines.len() <= CONTEXT {
            lines.push(self.parse(&self.text)?);
            if !matches!(self.next(), Ok(Some(_))) {
                break;
            }
        }
        Ok(lines)
    }

    fn parse(&self, text: &str) -> io::Result<LineIn> {
        serde_json::from_str(text).map_err(|error| invalid(self.name, self.lines, &error.to_string()))
    }
}

fn invalid(name: &str, line: u64, found: &str) -> io::Error {
    let what = format!(
        "line {line} of the {name} trace: {found}; expected one event a line, as JSON with number, time, digest, at, actor and kind"
    );
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => writeln!(f, "The two runs differ from the first event on.")?,
            number => writeln!(f, "The two runs agree in {} events and part at event {number}.", number - 1)?,
        }
        if let (Some(first), Some(second)) = (self.first.first(), self.second.first()) {
            writeln!(f, "\nEvent {} differs in:", self.number)?;
            for (fact, first, second) in differing(first, second) {
                writeln!(f, "  {fact}: {first} in the first run, {second} in the second")?;
            }
        }
        if !self.before.is_empty() {
            writeln!(f, "\nThe last events that both have:")?;
            lines(f, &self.before)?;
        }
        for (name, side) in [("first", &self.first), ("second", &self.second)] {
            match side.split_first() {
                None => writeln!(f, "\nThe {name} run ends there.")?,
                Some((event, after)) => {
                    writeln!(f, "\nThe {name} run goes on:")?;
                    writeln!(f, "> {}", Shown(event))?;
                    lines(f, after)?;
                }
            }
        }
        Ok(())
    }
}

fn lines(f: &mut fmt::Formatter<'_>, events: &[LineIn]) -> fmt::Result {
    events.iter().try_for_each(|event| writeln!(f, "  {}", Shown(event)))
}

/// An event on one line: number, time, actor, what, and its facts.
struct Shown<'a>(&'a LineIn);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LineIn { number, time, actor, kind, .. } = self.0;
        write!(f, "#{number}  {time}  {:<10}  {}", actor.to_string(), named(kind).0)?;
        facts(self.0).iter().try_for_each(|(name, value)| write!(f, "  {name}={value}"))
    }
}

/// The variant's name and its fields.
fn named(kind: &Value) -> (&str, &Value) {
    match kind {
        Value::Object(fields) => {
            fields.iter().next().map_or(("", &Value::Null), |(name, facts)| (name.as_str(), facts))
        }
        Value::String(name) => (name, &Value::Null),
        _ => ("", kind),
    }
}

/// The facts of an event that its digest covers: name and value.
fn facts(line: &LineIn) -> Vec<(String, String)> {
    let (mut shown, mut covered) = (Vec::new(), Vec::new());
    flatten("", named(&line.kind).1, &mut shown);
    flatten("", named(&digested(line)).1, &mut covered);
    shown.retain(|fact| covered.contains(fact));
    shown
}

/// All leaves of a value, as people read them.
fn flatten(name: &str, value: &Value, into: &mut Vec<(String, String)>) {
    let mut fact = |value: String| into.push((name.to_owned(), value));
    match value {
        Value::Object(fields) => match request(fields) {
            Some(request) => fact(request.to_string()),
            // No event has the same name twice, whatever it is nested in.
            None => fields.iter().for_each(|(name, value)| flatten(name, value, into)),
        },
        Value::Null if name.is_empty() => {}
        Value::Null => fact("none".to_owned()),
        Value::String(text) => {
            let actor = text.parse().ok().and_then(Plan::actor_of);
            fact(actor.map_or_else(|| text.clone(), |actor| actor.to_string()));
        }
        Value::Number(number) if name == "connection" => fact(format!("c{number}")),
        other => fact(other.to_string()),
    }
}

fn request(fields: &serde_json::Map<String, Value>) -> Option<RequestId> {
    let is_one = fields.len() == 2 && fields.contains_key("connection") && fields.contains_key("ordinal");
    is_one.then(|| serde_json::from_value(Value::Object(fields.clone())).ok()).flatten()
}

/// In which facts two events differ: name, and the value on either side.
fn differing(first: &LineIn, second: &LineIn) -> Vec<(String, String, String)> {
    let all = |line: &LineIn| {
        let head = [
            ("time".to_owned(), format!("{} ns", line.at.nanos())),
            ("actor".to_owned(), line.actor.to_string()),
            ("what".to_owned(), named(&line.kind).0.to_owned()),
        ];
        let are_comparable = named(&first.kind).0 == named(&second.kind).0;
        let facts = if are_comparable { facts(line) } else { Vec::new() };
        head.into_iter().chain(facts).collect::<Vec<_>>()
    };
    let (first, second) = (all(first), all(second));
    let value_in = |facts: &[(String, String)], name: &str| {
        facts.iter().find(|(other, _)| other == name).map_or_else(|| "nothing".to_owned(), |(_, value)| value.clone())
    };
    let only_second = second.iter().filter(|(name, _)| first.iter().all(|(other, _)| other != name));
    let names = first.iter().chain(only_second).map(|(name, _)| name.clone());
    names
        .map(|name| (value_in(&first, &name), value_in(&second, &name), name))
        .filter(|(first, second, _)| first != second)
        .map(|(first, second, name)| (name, first, second))
        .collect()
}

/// What happened, without what the digest leaves out: to the binary encoding and back it is lost.
fn digested(line: &LineIn) -> Value {
    let canonical = || -> Option<Value> {
        let kind: EventKind = serde_json::from_value(line.kind.clone()).ok()?;
        let bytes = postcard::to_stdvec(&Event { at: line.at, actor: line.actor, kind }).ok()?;
        let event: Event = postcard::from_bytes(&bytes).ok()?;
        serde_json::to_value(event.kind).ok()
    };
    canonical().unwrap_or_else(|| line.kind.clone())
}
