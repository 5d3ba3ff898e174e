//! The digest covers what it must and nothing else, and a trace shows where two runs part.

mod history;

use std::io::{self, Write};

use countersign::{
    event::{Carried, Event, EventKind, Listener, Outcome},
    plan::Plan,
    trace::{
        Causes, Digest, Listeners, ReadError, Record, TRACE_VERSION, TraceHeader, TraceReader, TraceWriter,
        first_difference,
    },
    types::{ActorId, Fingerprint, Profile, Refusal, Undigested, VirtualTime},
};
use history::{History, SITE, agent, day};
use proptest::prelude::*;
use serde_json::Value;

const ATTACKER: ActorId = ActorId::Attacker(1);

fn history() -> History {
    let mut history = History::of(Profile::Hardened);
    day::well_formed(&mut history, 3, 700);
    history
}

fn digest(events: &[Event]) -> String {
    let mut digest = Digest::new();
    events.iter().for_each(|event| digest.hear(event));
    assert_eq!(digest.events(), events.len() as u64);
    digest.finish()
}

fn trace(events: &[Event]) -> Vec<u8> {
    let mut writer = TraceWriter::new(Vec::new(), &header());
    events.iter().for_each(|event| writer.hear(event));
    writer.finish().unwrap()
}

fn header_length() -> usize {
    serde_json::to_string(&header()).unwrap().len() + 1
}

fn header() -> TraceHeader {
    TraceHeader::of(&history::plan(Profile::Hardened))
}

fn difference(first: &[Event], second: &[Event]) -> Option<String> {
    first_difference(&*trace(first), &*trace(second)).unwrap().map(|difference| difference.to_string())
}

/// Changes every undigested field of an event.
fn alter_undigested(event: &mut Event) {
    match &mut event.kind {
        EventKind::Countersigned { token, countersigned, .. } => {
            *token = Undigested(Fingerprint(u64::MAX));
            *countersigned = Undigested(Fingerprint(u64::MAX));
        }
        EventKind::Issued { token, .. } => *token = Undigested(Fingerprint(u64::MAX)),
        EventKind::RegistryRecorded { presented, .. } | EventKind::Accepted { presented, .. } => {
            presented.token = Undigested(Fingerprint(u64::MAX));
            presented.countersigned = Undigested(Fingerprint(u64::MAX));
        }
        EventKind::RegistryMeasured { bytes, .. } => *bytes = Undigested(u64::MAX),
        _ => {}
    }
}

#[test]
fn the_digest_leaves_undigested_fields_out() {
    let mut history = history();
    history.say(
        SITE,
        EventKind::RegistryMeasured { entries: 1, bytes: Undigested(7), window_bits_used: 1, window_bits: 64 },
    );
    let mut altered = history.events.clone();
    altered.iter_mut().for_each(alter_undigested);
    assert_ne!(history.events, altered);
    assert_eq!(digest(&history.events), digest(&altered));
    assert_eq!(difference(&history.events, &altered), None);
}

#[test]
fn the_digest_covers_every_other_field() {
    let events = history().events;
    let expected = digest(&events);
    let mut leaves = 0;
    for (number, event) in events.iter().enumerate().take(60) {
        let mut value = serde_json::to_value(event).unwrap();
        for pointer in pointers(&value) {
            let Some(altered) = altered(&mut value, &pointer) else { continue };
            if &altered == event {
                continue;
            }
            let mut canonical = altered.clone();
            alter_undigested(&mut canonical);
            let mut original = event.clone();
            alter_undigested(&mut original);
            let mut changed = events.clone();
            changed[number] = altered;
            // Changed in nothing but an undigested field, or else to be seen in the digest.
            assert_eq!(digest(&changed) == expected, canonical == original, "{pointer} of {event:?}");
            leaves += 1;
        }
    }
    assert!(leaves > 200, "{leaves}");
}

/// Where the leaves of a value are, as JSON pointers (RFC 6901).
fn pointers(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| pointers(value).into_iter().map(move |rest| format!("/{name}{rest}")))
            .collect(),
        _ => vec![String::new()],
    }
}

/// The event with one leaf changed, if that leaf has another value of its type.
fn altered(value: &mut Value, pointer: &str) -> Option<Event> {
    let leaf = value.pointer_mut(pointer)?;
    let original = leaf.clone();
    let others = match &original {
        Value::Bool(it) => vec![Value::Bool(!it)],
        Value::Number(it) => vec![Value::from(it.as_u64().unwrap() + 1)],
        // Another identifier, node, actor or name.
        Value::String(it) => vec![
            Value::from(it.replace('A', "B")),
            Value::from(it.replacen('0', "1", 1)),
            Value::from("smp"),
            Value::from("site-9"),
            Value::from("first_request"),
            Value::from("broken"),
        ],
        _ => Vec::new(),
    };
    let found = others.into_iter().filter(|other| *other != original).find_map(|other| {
        *value.pointer_mut(pointer)? = other;
        serde_json::from_value(value.clone()).ok()
    });
    *value.pointer_mut(pointer)? = original;
    found
}

#[test]
fn the_digest_depends_on_order_and_on_where_an_event_ends() {
    let events = history().events;
    let mut swapped = events.clone();
    swapped.swap(0, 1);
    assert_ne!(digest(&events), digest(&swapped));
    assert_ne!(digest(&events), digest(&events[1..]));
    assert_ne!(digest(&[]), digest(&events[..1]));
    // Version 1 of no events: SHA-256 of the byte 1.
    assert_eq!(digest(&[]), "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a");
}

proptest! {
    #[test]
    fn the_first_difference_is_where_the_first_event_was_changed(at in 0usize..40, later in 0usize..20) {
        let events = history().events;
        let mut changed = events.clone();
        changed[at].at = VirtualTime(changed[at].at.0 + 1);
        changed[at + later].at = VirtualTime(changed[at + later].at.0 + 1);
        let difference = first_difference(&*trace(&events), &*trace(&changed)).unwrap().unwrap();
        prop_assert_eq!(difference.number, at as u64 + 1);
    }
}

#[test]
fn a_trace_has_a_line_per_event_with_number_time_and_digest() {
    let events = history().events;
    let text = String::from_utf8(trace(&events)).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), events.len() + 2);
    assert_eq!(serde_json::from_str::<TraceHeader>(lines[0]).unwrap(), header());
    let end: Value = serde_json::from_str(lines[events.len() + 1]).unwrap();
    let check = end["check"].clone();
    assert_eq!(end, serde_json::json!({ "events": events.len(), "digest": digest(&events), "check": check }));
    let last: Value = serde_json::from_str(lines[events.len()]).unwrap();
    assert_eq!(last["number"], events.len());
    assert_eq!(last["time"], events.last().unwrap().at.to_string());
    assert_eq!(last["digest"], digest(&events)[..16]);
    let event: Event = serde_json::from_value(last).unwrap();
    assert_eq!(&event, events.last().unwrap());
}

#[test]
fn a_difference_is_shown_to_people() {
    let mut history = History::of(Profile::Literal);
    let token = history.at_ms(1_250).issue(1);
    let request = history.present(1, SITE, &token, 3);
    history.at_ms(1_500).serve(SITE, request, 1);
    let mut other = history.events.clone();
    let EventKind::Accepted { presented, .. } = &mut other[5].kind else { panic!("{:?}", other[5]) };
    presented.counter = 4;
    presented.token = Undigested(Fingerprint(99));
    insta::assert_snapshot!(difference(&history.events, &other).unwrap());
    let mut refused = history.events.clone();
    refused[6].at = VirtualTime::from_millis(1_501);
    refused[6].actor = agent(2);
    insta::assert_snapshot!(difference(&history.events, &refused).unwrap());
    insta::assert_snapshot!(difference(&history.events[..6], &history.events).unwrap());
}

#[test]
fn a_file_that_is_no_trace_is_refused_with_its_line() {
    let good = trace(&history().events[..2]);
    let whole = |line: &str| [&good[..header_length()], line.as_bytes(), b"\n"].concat();
    for (bad, fact) in [
        (whole("{\"number\":1}"), "line 2 of the second trace: missing field `digest`"),
        (whole("nonsense"), "line 2 of the second trace: expected"),
        (whole("{\"number\":2,\"digest\":\"\"}"), "line 2 of the second trace: event 2 where event 1 belongs"),
        (b"nonsense\n".to_vec(), "line 1 of the second trace: expected"),
        (b"{\"countersign_trace\":99}\n".to_vec(), "line 1 of the second trace: version 99; expected version 2"),
        (b"\xff\n".to_vec(), "UTF-8"),
    ] {
        let error = first_difference(&*good, &*bad).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains(fact), "{error}");
    }
}

/// Takes so many bytes and then no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => {
                self.0 = left;
                Ok(bytes.len())
            }
            None => Err(io::Error::other("the disk is full")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.0 == 0 { Err(io::Error::other("the disk is full")) } else { Ok(()) }
    }
}

#[test]
fn a_write_that_fails_is_reported_at_the_end() {
    let events = history().events;
    let end = trace(&events[..2]).len() - 1;
    let end = end - trace(&events[..2])[..end].iter().rev().take_while(|byte| **byte != b'\n').count();
    for (room, event_number) in [(end + 1, 3), (7, 1), (trace(&events).len(), events.len() as u64 + 1)] {
        let mut writer = TraceWriter::new(Full(room), &header());
        events.iter().for_each(|event| writer.hear(event));
        let error = writer.finish().err().unwrap();
        assert_eq!((error.event_number, error.events), (event_number, events.len() as u64));
        assert!(error.to_string().contains("the disk is full"), "{error}");
    }
}

#[test]
fn listeners_hear_every_event_in_order() {
    let events = history().events;
    let (mut one, mut two) = (Digest::new(), Some(Digest::new()));
    let mut all = Listeners(vec![Box::new(&mut one), Box::new(&mut two), Box::new(None::<Digest>)]);
    events.iter().for_each(|event| all.hear(event));
    drop(all);
    assert_eq!(one.finish(), digest(&events));
    assert_eq!(two.unwrap().finish(), digest(&events));
}

fn read(trace: &[u8]) -> Result<Vec<Record>, ReadError> {
    TraceReader::new("run.jsonl", trace)?.collect()
}

#[test]
fn what_is_written_is_read_back() {
    let events = history().events;
    let records = read(&trace(&events)).unwrap();
    assert_eq!(records.len(), events.len());
    let mut causes = Causes::default();
    for (number, (record, event)) in (1..).zip(records.iter().zip(&events)) {
        assert_eq!((record.number, &record.event), (number, event));
        assert_eq!((record.connection, record.request), (event.kind.connection(), event.kind.request()));
        assert_eq!(record.cause, causes.hear(event));
        assert!(record.cause.is_none_or(|cause| cause < number));
    }
    assert_eq!(TraceReader::new("run.jsonl", &*trace(&events)).unwrap().header(), &header());
}

#[test]
fn a_trace_that_is_not_whole_or_not_ours_is_refused_with_file_and_line() {
    let good = String::from_utf8(trace(&history().events[..6])).unwrap();
    let without = |removed: usize| {
        let kept = good.lines().enumerate().filter(|(number, _)| *number != removed);
        kept.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    let cases = [
        ("empty", String::new()),
        ("foreign", "id,time,event\n1,2,3\n".to_owned()),
        ("a plan", "{\"version\":2}\n".to_owned()),
        ("newer", good.replacen(&format!("\"countersign_trace\":{TRACE_VERSION}"), "\"countersign_trace\":99", 1)),
        ("header", good.replacen("\"seed\":0", "\"seed\":-1", 1)),
        ("half a line", good[..good.len() / 2].to_owned()),
        ("no end", without(7)),
        ("a line less", without(3)),
        ("no event", good.replacen("{\"number\":3", "{\"numbers\":3", 1)),
        ("an unknown kind", good.replacen("\"kind\":{\"", "\"kind\":{\"un", 1)),
        ("a longer trace", format!("{good}{{}}\n")),
    ];
    let told = cases.map(|(name, bad)| format!("{name}: {}", read(bad.as_bytes()).unwrap_err()));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_edit_of_any_field_is_noticed_where_it_was_made() {
    let events = history().events;
    let good = String::from_utf8(trace(&events)).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let mut edits = 0;
    for (number, line) in lines.iter().enumerate().skip(1).take(40) {
        let original: Value = serde_json::from_str(line).unwrap();
        for pointer in pointers(&original) {
            let mut edited = original.clone();
            let leaf = edited.pointer_mut(&pointer).unwrap();
            let other = match leaf {
                Value::Bool(it) => Value::Bool(!*it),
                Value::Number(it) => Value::from(it.as_u64().unwrap() + 1),
                Value::String(it) if it.ends_with('0') => Value::from(format!("{}1", &it[..it.len() - 1])),
                Value::String(it) => Value::from(format!("{}0", &it[..it.len() - 1])),
                other => panic!("{other}"),
            };
            *leaf = other;
            let text = edited.to_string();
            let bad = lines.iter().enumerate().map(|(at, line)| if at == number { &*text } else { line });
            let bad = bad.map(|line| format!("{line}\n")).collect::<String>();
            // What the digest leaves out is noticed in the last line.
            let is_undigested = ["/token", "/countersigned", "/bytes"].iter().any(|name| pointer.ends_with(name));
            let noticed = if is_undigested { lines.len() } else { number + 1 };
            let error = read(bad.as_bytes()).unwrap_err().to_string();
            let place = format!("`run.jsonl`, line {noticed}");
            assert!(error.starts_with(&place), "{pointer} of {line}: {error}");
            edits += 1;
        }
    }
    assert!(edits > 300, "{edits}");
}

#[test]
fn every_event_of_an_exchange_leads_back_to_its_start() {
    let mut history = History::of(Profile::Literal);
    let me = agent(1);
    history.at_ms(10).begin(me, true);
    let connection = history.open(me, SITE);
    let token = history.issue(1);
    history.countersign(me, &token, 1);
    let request = history.send(me, connection, Carried::StoredToken);
    let why = Refusal::Expired;
    history.say(SITE, EventKind::Refused { request, why, claimed_agent: Some(token.agent) });
    history.challenge(SITE, request, &token, true).receive(me, request, 401);
    history.countersign(me, &token, 1);
    let request = history.send(me, connection, Carried::NewToken);
    history.accept(SITE, request, &token, 1).serve(SITE, request, 1).at_ms(11).receive(me, request, 200);
    history.only_store(me, &token).end(me, Outcome::ServedTwoStep, 2).close(me, connection);
    let events = &history.events;
    let mut causes = Causes::default();
    let causes: Vec<_> = events.iter().map(|event| causes.hear(event)).collect();
    let told = events.iter().zip(&causes).enumerate().map(|(at, (event, cause))| {
        let kind = serde_json::to_value(&event.kind).unwrap();
        let kind = kind.as_object().unwrap().keys().next().unwrap().clone();
        format!(
            "{} {} {kind} by {}",
            at + 1,
            event.actor,
            cause.map_or("nothing".to_owned(), |cause| cause.to_string())
        )
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_token_comes_of_the_request_that_asked_for_it_unless_two_could_be_meant() {
    let mut history = History::of(Profile::Literal);
    let (me, other) = (agent(1), agent(2));
    let node = Plan::node_of;
    history.say(SITE, EventKind::Started { node: node(SITE), epoch: None });
    for who in [me, other] {
        history.say(who, EventKind::Started { node: node(who), epoch: None });
    }
    let uid = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
    let missed = |agent| EventKind::CacheMissed { agent: node(agent), uid };
    let asks = |history: &mut History, who, to| {
        let connection = history.open(who, to);
        (history.send(who, connection, Carried::FirstRequest), history.events.len() as u64)
    };
    let (mine, my_number) = asks(&mut history, me, SITE);
    let (_, others_number) = asks(&mut history, other, SITE);
    history.say(SITE, missed(me)).say(SITE, missed(other));
    let at = history.events.len();
    // Once it is answered, it asks for nothing any more.
    let token = history.issue(1);
    history.challenge(SITE, mine, &token, false).say(SITE, missed(me));
    let answered = history.events.len();
    // Refused, a request asks for another token: what follows comes of the refusal.
    let connection = history.open(me, SITE);
    let request = history.send(me, connection, Carried::StoredToken);
    history.say(SITE, EventKind::Refused { request, why: Refusal::Expired, claimed_agent: Some(node(me)) });
    let refused = history.events.len() as u64;
    history.say(SITE, missed(me));
    // An attacker may ask in anybody's name.
    let thief = history.open(ATTACKER, SITE);
    history.send(ATTACKER, thief, Carried::StoredToken);
    history.say(SITE, missed(me));
    let mut causes = Causes::default();
    let causes: Vec<_> = history.events.iter().map(|event| causes.hear(event)).collect();
    assert_eq!(causes[at - 2..at], [Some(my_number), Some(others_number)]);
    assert_eq!(causes[answered - 1], None);
    assert_eq!(causes[refused as usize], Some(refused));
    assert_eq!(causes.last(), Some(&None));
}
