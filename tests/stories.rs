//! What a trace shows to people and to other tools: stories, Perfetto, ShiViz, Mermaid, and runs that stop where asked.

mod small_plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Output,
};

use assert_cmd::cargo::CommandCargoExt as _;
use countersign::{
    plan::Plan,
    trace::{Filter, Mermaid, Perfetto, Record, Selection, Shiviz, Story, TraceReader},
    types::{ActorId, CryptoTier, Profile, VirtualTime},
};
use proptest::prelude::*;
use serde_json::Value;
use small_plan::{shipped_plan, small_plan, traced};

const ALWAYS: VirtualTime = VirtualTime(u64::MAX);

fn records(plan: &Plan) -> Vec<Record> {
    let (_, trace) = traced(plan, true);
    TraceReader::new("trace", &*trace).unwrap().collect::<Result<_, _>>().unwrap()
}

fn attacked() -> Vec<Record> {
    records(&shipped_plan("attack/16_spoofed_refusal", None, None, Some(CryptoTier::Modelled)))
}

fn story(records: &[Record], agent: u32) -> Option<String> {
    let mut story = Story::new(ActorId::Agent(agent), VirtualTime::ZERO, ALWAYS);
    records.iter().for_each(|record| story.hear(record));
    story.finish()
}

fn countersign(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::cargo_bin("countersign").unwrap();
    command.current_dir(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_story_tells_each_exchange_and_folds_what_is_the_same_again() {
    let records = records(&small_plan(5, CryptoTier::Modelled));
    insta::assert_snapshot!(story(&records, 1).unwrap());
    assert_eq!(story(&records, 99), None);
}

#[test]
fn a_story_tells_who_was_in_between() {
    insta::assert_snapshot!(story(&attacked(), 1).unwrap());
}

/// The host, the clock and the event of each line of a ShiViz log, taken apart as ShiViz does it: by the log's first line.
fn lines_of(log: &str) -> Vec<(String, BTreeMap<String, u64>, String)> {
    let (pattern, rest) = log.split_once('\n').unwrap();
    let events = rest.strip_prefix('\n').expect("one execution: its delimiter is empty");
    let pattern = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
    let taken_apart = events.lines().map(|line| {
        let parts = pattern.captures(line).unwrap_or_else(|| panic!("{line}"));
        let clock = serde_json::from_str(&parts["clock"]).unwrap();
        (parts["host"].to_owned(), clock, parts["event"].to_owned())
    });
    taken_apart.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn vector_clocks_are_monotonic_and_nobody_knows_what_has_not_happened(seed in 0u64..1_000, whole in any::<bool>()) {
        let records = records(&small_plan(seed, CryptoTier::Modelled));
        let from = if whole { VirtualTime::ZERO } else { VirtualTime::from_millis(30_000) };
        let mut selection = Selection::new(from, ALWAYS, Vec::new());
        let mut shiviz = Shiviz::new();
        records.iter().filter(|record| selection.hear(record)).for_each(|record| shiviz.add(record));
        let causes: BTreeMap<u64, Option<u64>> = records.iter().map(|record| (record.number, record.cause)).collect();
        let mut latest: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        let mut at: BTreeMap<u64, BTreeMap<String, u64>> = BTreeMap::new();
        let (mut lines, mut learned, mut caused) = (0, 0, 0);
        for (host, clock, event) in lines_of(&shiviz.finish()) {
            let before = latest.get(&host).cloned().unwrap_or_default();
            // One more of its own with each line, and nothing that was known is forgotten.
            prop_assert_eq!(clock[&host], before.get(&host).copied().unwrap_or(0) + 1);
            prop_assert!(before.iter().all(|(other, count)| clock[other] >= *count));
            for (other, count) in clock.iter().filter(|(other, _)| **other != host) {
                let theirs = &latest[other];
                prop_assert!(*count <= theirs[other], "{} knows {} of {}", host, count, other);
                learned += usize::from(before.get(other).is_none_or(|known| known < count));
            }
            // An event comes after the one that made it happen.
            let number: u64 = event.strip_prefix('#').unwrap().split(' ').next().unwrap().parse().unwrap();
            if let Some(cause) = causes[&number].and_then(|cause| at.get(&cause)) {
                prop_assert!(cause.iter().all(|(other, count)| clock.get(other) >= Some(count)), "{}", event);
                caused += 1;
            }
            at.insert(number, clock.clone());
            latest.insert(host, clock);
            lines += 1;
        }
        prop_assert!(caused > 50, "{} had a cause", caused);
        prop_assert!(lines > 100 && learned > 20, "{} lines, {} times something was learned", lines, learned);
    }
}

#[test]
fn perfetto_events_are_in_order_whole_and_never_overlap_on_a_track() {
    let plan = shipped_plan("hardship/storm", Some(3), None, Some(CryptoTier::Modelled));
    let (_, trace) = traced(&plan, true);
    let reader = TraceReader::new("trace", &*trace).unwrap();
    let mut perfetto = Perfetto::new(reader.header());
    reader.for_each(|record| perfetto.add(&record.unwrap()));
    let document: Value = serde_json::from_str(&perfetto.finish()).unwrap();
    let events = document["traceEvents"].as_array().unwrap();
    // Which processes and threads have a name, which were drawn on, and the slices of each.
    let (mut named, mut drawn, mut slices) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::<_, Vec<_>>::new());
    let mut ends_of_arrows = Vec::new();
    let (mut now, mut busy_until, mut arrows) = (0, BTreeMap::new(), BTreeMap::new());
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        let phase = event["ph"].as_str().unwrap();
        *counts.entry(phase).or_default() += 1;
        let (process, thread) = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
        if phase == "M" {
            let what = event["name"].as_str().unwrap();
            assert!(event["args"]["name"].is_string() || event["args"]["sort_index"].is_u64(), "{event}");
            let thread = what.starts_with("thread_").then_some(thread);
            named.insert((
                what.trim_start_matches("process_").trim_start_matches("thread_").to_owned(),
                process,
                thread,
            ));
            continue;
        }
        drawn.extend([(process, None), (process, Some(thread))]);
        let at = event["ts"].as_u64().unwrap();
        match phase {
            "X" => slices.entry((process, thread)).or_default().push((at, at + event["dur"].as_u64().unwrap())),
            "i" => assert_eq!(event["s"], "t", "{event}"),
            _ => ends_of_arrows.push((process, thread, at)),
        }
        assert!(event["name"].is_string() && event["cat"].is_string(), "{event}");
        assert!(at >= now, "{event}");
        now = at;
        match phase {
            "X" if event["cat"] != "answer" => {
                let track = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
                let until = busy_until.insert(track, at + event["dur"].as_u64().unwrap());
                assert!(until.is_none_or(|until| until <= at), "{event}");
            }
            // Start, step, end: each once, in this order.
            "s" => assert!(arrows.insert(event["id"].as_u64().unwrap(), "s").is_none()),
            "t" => assert_eq!(arrows.insert(event["id"].as_u64().unwrap(), "t"), Some("s"), "{event}"),
            "f" => assert_eq!(arrows.remove(&event["id"].as_u64().unwrap()), Some("t"), "{event}"),
            "X" | "i" => {}
            other => panic!("{other}"),
        }
    }
    assert!(arrows.is_empty());
    for (process, thread) in drawn {
        for what in ["name", "sort_index"] {
            assert!(named.contains(&(what.to_owned(), process, thread)), "{process} {thread:?} has no {what}");
        }
    }
    // An arrow is bound to the slice around it, and is not drawn where there is none.
    for (process, thread, at) in ends_of_arrows {
        let slices = slices.get(&(process, thread)).expect("a track with slices");
        assert!(slices.iter().any(|(from, to)| (*from..=*to).contains(&at)), "{process} {thread} {at}");
    }
    assert!(counts["X"] > 100 && counts["i"] > 100 && counts["f"] > 20, "{counts:?}");
}

#[test]
fn a_sequence_diagram_has_so_many_arrows_and_says_what_it_leaves_out() {
    let records = attacked();
    for (keeps_last, kept) in [(false, "%% the first 12 arrows; "), (true, "%% the last 12 arrows; ")] {
        let mut mermaid = Mermaid::new(12, keeps_last);
        records.iter().for_each(|record| mermaid.add(record, true));
        let diagram = mermaid.finish();
        assert!(diagram.lines().nth(1).unwrap().trim().starts_with(kept), "{diagram}");
        assert_eq!(diagram.matches(">>").count(), 12, "{diagram}");
        for line in diagram.lines().skip(2) {
            let line = line.trim();
            let is_known = line.starts_with("participant ") || line.starts_with("Note over ") || line.contains(">>");
            assert!(is_known && !line.contains(['#', ';']), "{line}");
        }
        if !keeps_last {
            insta::assert_snapshot!(diagram);
        }
    }
}

#[test]
fn a_filter_knows_actors_kinds_and_invariants_and_tells_what_it_does_not() {
    for good in ["agent-7", "accepted", "S1", "agent-7,site-1, accepted,L4"] {
        assert!(good.parse::<Filter>().is_ok(), "{good}");
    }
    let error = "agent-7,acepted".parse::<Filter>().unwrap_err().to_string();
    assert!(error.contains("`acepted`") && error.contains("or accepted"), "{error}");
    assert!("".parse::<Filter>().is_err());
}

#[test]
fn a_run_stops_where_it_is_told_and_logs_what_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let whole = ["run", "smoke/first_contact", "--crypto", "modelled", "--trace", "whole.jsonl"];
    assert_eq!(countersign(folder.path(), &whole).status.code(), Some(0));
    let part = ["run", "smoke/first_contact", "--crypto", "modelled", "--trace", "part.jsonl"];
    let part = [&part[..], &["--until", "0:02:00.000", "--log", "agent-7,accepted"]].concat();
    let output = countersign(folder.path(), &part);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{stdout}{stderr}");
    assert!(stdout.contains("INCONCLUSIVE") && stdout.contains("--until 0:02:00.000"), "{stdout}");
    assert!(stdout.contains("stopped at 0:02:00.000 as asked"), "{stdout}");
    let logged: Vec<_> = stderr.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(logged.len(), 2, "{stderr}");
    assert!(logged.iter().all(|line| line.contains("accepted") && line.contains("agent=agent-7")), "{stderr}");
    // It is the beginning of the whole run, line by line.
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let (whole, part) = (read("whole.jsonl"), read("part.jsonl"));
    let events = part.lines().count() - 2;
    assert!(events > 100);
    assert!(part.lines().zip(whole.lines()).take(events + 1).all(|(part, whole)| part == whole));
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn explain_and_export_name_the_file_and_the_place_of_what_they_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (_, trace) = traced(&small_plan(1, CryptoTier::Modelled), true);
    fs::write(path.join("good.jsonl"), &trace).unwrap();
    fs::write(path.join("half.jsonl"), &trace[..trace.len() / 2]).unwrap();
    fs::write(path.join("foreign.csv"), "a,b\n1,2\n").unwrap();
    for (arguments, told) in [
        (&["explain", "nowhere.jsonl", "--agent", "agent-1"][..], "`nowhere.jsonl`"),
        (&["explain", "half.jsonl", "--agent", "agent-1"], "`half.jsonl`, line "),
        (&["explain", "good.jsonl", "--agent", "agent-99"], "agent-99 does nothing"),
        (&["explain", "good.jsonl", "--agent", "agent"], "`agent` names no actor"),
        (&["explain", "good.jsonl", "--agent", "agent-1", "--from", "5m", "--to", "1m"], "--from"),
        (&["export", "foreign.csv", "--as", "mermaid"], "`foreign.csv`, line 1"),
        (&["export", "half.jsonl", "--as", "perfetto", "--out", "half.json"], "cut off"),
        (&["export", "good.jsonl", "--as", "shiviz", "--out", "nowhere/x.log"], "`nowhere/x.log`"),
    ] {
        let output = countersign(path, arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(told) && output.stdout.is_empty(), "{arguments:?}: {stderr}");
    }
    assert!(!path.join("half.json").exists());
    let output = countersign(path, &["explain", "good.jsonl", "--agent", "agent-1"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("agent-1 in "), "{}", text(&output.stdout));
    let output =
        countersign(path, &["export", "good.jsonl", "--as", "mermaid", "--actor", "agent-2", "--out", "d.mmd"]);
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(0), true));
    assert!(!fs::read_to_string(path.join("d.mmd")).unwrap().contains("agent_1"));
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_leaves_no_trace_under_its_name() {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("run.jsonl"), "earlier").unwrap();
    let mut child = Command::cargo_bin("countersign").unwrap();
    let arguments = ["run", "load/ten_thousand_day", "--trace", "run.jsonl"];
    child.current_dir(folder.path()).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    let partial = folder.path().join("run.jsonl.partial");
    while !partial.metadata().is_ok_and(|metadata| metadata.len() > 10_000) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("run.jsonl")).unwrap(), "earlier");
}

#[test]
fn a_story_of_the_other_profile_reads_as_well() {
    let records =
        records(&shipped_plan("attack/11_stolen_token", None, Some(Profile::Literal), Some(CryptoTier::Modelled)));
    insta::assert_snapshot!(story(&records, 1).unwrap());
}
