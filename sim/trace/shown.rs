//! An event on one line, for people.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::{Record, line::LineIn};
use crate::{
    event::{Event, EventKind},
    plan::Plan,
    types::RequestId,
};

/// An event on one line: number, time, actor, what, and its facts.
pub(super) struct Shown<'a>(pub &'a LineIn);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LineIn { number, time, actor, kind, .. } = self.0;
        write!(f, "#{number}  {time}  {:<10}  {}", actor.to_string(), named(kind).0)?;
        facts(self.0).iter().try_for_each(|(name, value)| write!(f, "  {name}={value}"))
    }
}

/// A record in one line: number, time, what, and its facts.
pub(super) fn event(record: &Record) -> String {
    let (name, facts) = name_and_facts(record);
    let mut text = format!("#{} {} {name}", record.number, record.event.at);
    for (name, value) in facts {
        text.push_str(&format!(" {name}={value}"));
    }
    // Nothing may end the line, or a clock, early.
    text.replace(['\n', '\r', '{', '}'], " ")
}

/// What happened in a record, and its facts.
pub(super) fn name_and_facts(record: &Record) -> (String, BTreeMap<String, String>) {
    let line = LineIn::of(record.number, &record.event);
    (named(&line.kind).0.to_owned(), facts(&line).into_iter().collect())
}

/// The variant's name and its fields.
pub(super) fn named(kind: &Value) -> (&str, &Value) {
    match kind {
        Value::Object(fields) => {
            fields.iter().next().map_or(("", &Value::Null), |(name, facts)| (name.as_str(), facts))
        }
        Value::String(name) => (name, &Value::Null),
        _ => ("", kind),
    }
}

/// The facts of an event that its digest covers: name and value.
pub(super) fn facts(line: &LineIn) -> Vec<(String, String)> {
    let (mut shown, covered) = (leaves(&line.kind), leaves(&digested(line)));
    shown.retain(|fact| covered.contains(fact));
    shown
}

/// All that an event says beside its name. What happened on a machine has a name of its own within it.
fn leaves(kind: &Value) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    let (name, mut facts) = named(kind);
    if name == "machine" {
        let (what, inner) = named(facts);
        leaves.push(("what".to_owned(), what.to_owned()));
        facts = inner;
    }
    flatten("", facts, &mut leaves);
    leaves
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
