//! Finds where two traces part.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, BufRead},
};

use serde_json::Value;

use super::line::{LineIn, Place};
use crate::event::{Event, EventKind};

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
        if let (Some(first), Some(second)) = (self.first.first(), self.second.first()) {
            writeln!(f, "\nEvent {} differs in:", self.number)?;
            for (path, first, second) in differing(first, second) {
                writeln!(f, "  {path}: {first} in the first run, {second} in the second")?;
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
        let (name, facts) = named(kind);
        write!(f, "#{number}  {time}  {:<10}  {name}", actor.to_string())?;
        let mut flat = Vec::new();
        flatten("", facts, &mut flat);
        flat.iter().try_for_each(|(path, value)| write!(f, "  {path}={value}"))
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

/// All leaves of a value, with their paths.
fn flatten(path: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, into);
            }
        }
        Value::Null if path.is_empty() => {}
        Value::Null => into.push((path.to_owned(), "none".to_owned())),
        Value::String(text) => into.push((path.to_owned(), text.clone())),
        other => into.push((path.to_owned(), other.to_string())),
    }
}

/// In which facts two events differ: path, and the value on either side.
fn differing(first: &LineIn, second: &LineIn) -> Vec<(String, String, String)> {
    let facts = |line: &LineIn| {
        let kind = digested(line);
        let (name, facts) = named(&kind);
        let mut flat = vec![
            ("time".to_owned(), format!("{} ns", line.at.nanos())),
            ("actor".to_owned(), line.actor.to_string()),
            ("what".to_owned(), name.to_owned()),
        ];
        flatten("", facts, &mut flat);
        flat
    };
    let (first, second) = (facts(first), facts(second));
    let of_other_kind = first.get(2) != second.get(2);
    let mut found = Vec::new();
    for (path, value) in first.iter().take(if of_other_kind { 3 } else { usize::MAX }) {
        let other = second.iter().find(|(other, _)| other == path).map_or("nothing", |(_, value)| value);
        if value != other {
            found.push((path.clone(), value.clone(), other.to_owned()));
        }
    }
    if !of_other_kind {
        for (path, value) in second.iter().filter(|(path, _)| first.iter().all(|(other, _)| other != path)) {
            found.push((path.clone(), "nothing".to_owned(), value.clone()));
        }
    }
    found
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
