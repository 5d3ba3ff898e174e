//! Finds where two traces part.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, BufRead},
};

use super::{
    header::{TRACE_VERSION, TraceEnd, Version},
    line::{LineIn, Mark},
    shown::{Shown, facts, named},
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
    let number = first.events.max(second.events);
    let before = before.iter().map(|text| first.parse(text)).collect::<io::Result<_>>()?;
    Ok(Some(Difference { number, before, first: first.rest()?, second: second.rest()? }))
}

struct Trace<R> {
    name: &'static str,
    from: R,
    text: String,
    lines: u64,
    events: u64,
}

impl<R: BufRead> Trace<R> {
    fn new(name: &'static str, from: R) -> Self {
        Self { name, from, text: String::new(), lines: 0, events: 0 }
    }

    /// The mark of the next event, none at the end.
    fn next(&mut self) -> io::Result<Option<Mark<'_>>> {
        if self.events == 0 && self.read_line()? {
            match serde_json::from_str::<Version>(&self.text) {
                Ok(Version { countersign_trace: TRACE_VERSION }) => {}
                Ok(Version { countersign_trace: other }) => {
                    return Err(self.invalid(&format!("version {other}; expected version {TRACE_VERSION}")));
                }
                Err(error) => return Err(self.invalid(&format!("{error}; expected the header of a trace"))),
            }
        }
        self.events += 1;
        if !self.read_line()? {
            return Ok(None);
        }
        if self.text.starts_with(TraceEnd::START) && serde_json::from_str::<TraceEnd>(&self.text).is_ok() {
            self.text.clear();
            return Ok(None);
        }
        match serde_json::from_str::<Mark<'_>>(&self.text) {
            Ok(mark) if mark.number == self.events => Ok(Some(mark)),
            Ok(mark) => Err(self.invalid(&format!("event {} where event {} belongs", mark.number, self.events))),
            Err(error) => {
                const EXPECTED: &str =
                    "expected one event a line, as JSON with number, time, digest, at, actor and kind";
                Err(self.invalid(&format!("{error}; {EXPECTED}")))
            }
        }
    }

    /// Reads the next line; tells whether there was one.
    fn read_line(&mut self) -> io::Result<bool> {
        self.text.clear();
        self.lines += 1;
        Ok(self.from.read_line(&mut self.text)? > 0)
    }

    fn invalid(&self, found: &str) -> io::Error {
        let what = format!("line {} of the {} trace: {found}", self.lines, self.name);
        io::Error::new(io::ErrorKind::InvalidData, what)
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
        serde_json::from_str(text).map_err(|error| self.invalid(&error.to_string()))
    }
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
