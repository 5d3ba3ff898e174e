//! A load by several generators: what each heard makes together what one would have heard.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use countersign::{
    event::{Event, EventKind, Listener, Outcome, Visit},
    metrics::{Latencies, Measurements, Metrics, Pace, PaceFigures, SchemeFigures},
    oracle::{Judgement, Oracle, Violation},
    plan::{Invariant, Milestone, Plan, Visits},
    report::{Environment, Operations, Report, Verdict},
    run::{self, Options},
    scenario::{self, Overrides},
    sweep::{LOAD_SHARD_VERSION, LoadMergeError, LoadShard, Visited, merge_load},
    types::{ActorId, CryptoTier, Shard, Thumbprint, VirtualTime, WallTime},
};
use proptest::prelude::*;

/// Every event of a run.
#[derive(Clone, Default)]
struct History(Arc<Mutex<Vec<Event>>>);

impl Listener for History {
    fn hear(&mut self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

fn plan(scenario: &str, seed: u64) -> Plan {
    let overrides = Overrides { crypto: Some(CryptoTier::Modelled), ..Overrides::default() };
    scenario::find(scenario).unwrap().resolve(Some(seed), overrides).unwrap()
}

fn history(plan: &Plan) -> Vec<Event> {
    let history = History::default();
    let (interrupted, mut nobody) = (AtomicBool::new(false), |_: run::Standing<'_>| {});
    let options = Options { log: Some(Box::new(history.clone())), ..Options::new(&interrupted, &mut nobody) };
    run::run(plan, options).unwrap();
    let events = history.0.lock().unwrap();
    events.clone()
}

/// Whose events a part hears: agents in turn, sites too, and the SMP's are the first's.
fn has(shard: Shard, actor: ActorId) -> bool {
    match actor {
        ActorId::Agent(number) | ActorId::Attacker(number) => shard.has(u64::from(number - 1)),
        ActorId::Site(number) => shard.has(u64::from(number)),
        _ => shard.index == 1,
    }
}

fn visit(due: VirtualTime) -> Visit {
    Visit { due, ready: due, is_retry: false }
}

/// What a part of the agents leaves behind.
fn part(plan: &Plan, events: &[Event], shard: Shard) -> LoadShard {
    let (mut metrics, mut pace) = (Metrics::of_part(plan, shard), Pace::new(plan, 2));
    let mut oracle = Oracle::of_agents_alone(plan);
    pace.begins(WallTime(1_800_000_000_000_000_000 + u64::from(shard.index)));
    for event in events.iter().filter(|event| has(shard, event.actor)) {
        // Somewhat late, each in its own way.
        if let EventKind::ConnectionOpened { .. } = event.kind {
            let due = VirtualTime(event.at.nanos().saturating_sub(event.at.nanos() % 15_000_000));
            pace.visit_begins(event.actor, &visit(due), event.at);
            metrics.visit_begins(event.actor, &visit(due), event.at);
        }
        metrics.hear(event);
        pace.hear(event);
        oracle.hear(event);
    }
    let ended_at = VirtualTime::from_millis(plan.duration_ms);
    LoadShard {
        countersign_load_shard: LOAD_SHARD_VERSION,
        version: "1".into(),
        shard,
        visited: Visited {
            server: "http://127.0.0.1:8080".parse().unwrap(),
            smp: "http://127.0.0.1:8080".parse().unwrap(),
            pin: Thumbprint([1; 32]),
        },
        command: "countersign load some.toml --seed 1".into(),
        plan: plan.clone(),
        interrupted: false,
        ended_at,
        judgement: oracle.finish(ended_at),
        metrics,
        pace,
        machine: Environment {
            version: "1".into(),
            system: "linux".into(),
            cpu_ns: Some(100),
            wall_ns: 1_000 + u64::from(shard.index),
            signs: Operations::new(3, 30),
            ..Environment::default()
        },
    }
}

fn parts(plan: &Plan, events: &[Event], count: u32) -> Vec<(String, LoadShard)> {
    let shards = (1..=count).map(|index| Shard { index, count });
    shards.map(|shard| (format!("shard-{}", shard.index), part(plan, events, shard))).collect()
}

/// Through a file, which is how parts come together.
fn by_file(parts: Vec<(String, LoadShard)>) -> Vec<(String, LoadShard)> {
    let folder = tempfile::tempdir().unwrap();
    let through = |(name, part): (String, LoadShard)| {
        let path = folder.path().join(&name);
        fs::write(&path, part.to_json().unwrap()).unwrap();
        (name, LoadShard::read(&path).unwrap())
    };
    parts.into_iter().map(through).collect()
}

/// Figures but for how many connections were open at most: of several that is a sum.
fn without_most(mut measurements: Measurements) -> Measurements {
    measurements.traffic.open_max = 0;
    measurements.timeline.connections_max.fill(0);
    // Nobody attacks in a load: a part hears of a connection either who opened it or what its server decided there.
    for figures in measurements.schemes.values_mut() {
        let SchemeFigures { accepted, refused, .. } = *figures;
        *figures = SchemeFigures { accepted, refused, ..SchemeFigures::default() };
    }
    measurements
}

/// What is the same, whoever heard it.
fn figures(report: &Report) -> (Measurements, PaceFigures, Latencies) {
    let pace = PaceFigures { workers: 0, begin_spread_ns: 0, is_late: false, ..report.load.clone().unwrap() };
    (without_most(report.measurements.clone()), pace, report.latencies.clone())
}

#[test]
fn the_parts_of_a_load_make_exactly_the_figures_of_the_whole() {
    for (scenario, seed, is_cut) in
        [("smoke/first_contact", 1, true), ("hardship/swarm", 5, false), ("hardship/smp_power_loss", 2, true)]
    {
        let plan = plan(scenario, seed);
        let mut events = history(&plan);
        if is_cut {
            events.truncate(most_open(&events));
        }
        let (_, whole) = merge_load(parts(&plan, &events, 1)).unwrap();
        assert!(whole.measurements.total.authentication.served > 20, "{scenario}");
        for count in [2, 3, 7] {
            let parts = by_file(parts(&plan, &events, count));
            let sum_max: u64 = parts.iter().map(|(_, part)| finished(part).traffic.open_max).sum();
            let sums_max: Vec<u64> = (0..whole.measurements.timeline.connections_max.len())
                .map(|slice| parts.iter().map(|(_, part)| finished(part).timeline.connections_max[slice]).sum())
                .collect();
            let mut backwards = parts.clone();
            backwards.reverse();
            let (merged_plan, merged) = merge_load(parts).unwrap();
            assert_eq!(merged_plan, plan);
            assert_eq!(figures(&merged), figures(&whole), "{scenario} in {count} parts");
            assert_eq!(merged.milestones, whole.milestones);
            assert_eq!((merged.events, merged.generators.len()), (whole.events, count as usize));
            assert_eq!(merged.measurements.traffic.open_max, sum_max);
            assert!(sum_max >= whole.measurements.traffic.open_max);
            assert_eq!(merged.measurements.timeline.connections_max, sums_max);
            assert_eq!(merge_load(backwards).unwrap().1, merged, "the order does not matter");
        }
    }
}

/// After how many events most connections are open: what is open when a run ends is so in all slices that are left.
fn most_open(events: &[Event]) -> usize {
    let mut open = 0_i64;
    let counts = events.iter().enumerate().map(|(index, event)| {
        open += match event.kind {
            EventKind::ConnectionOpened { .. } => 1,
            EventKind::ConnectionClosed { .. } => -1,
            _ => 0,
        };
        (open, index + 1)
    });
    counts.max().unwrap().1
}

fn finished(part: &LoadShard) -> Measurements {
    part.metrics.clone().finish(part.ended_at)
}

proptest! {
    /// Exchanges of random length at random times, heard by random parts.
    #[test]
    fn nothing_is_lost_whoever_heard_it(
        exchanges in prop::collection::vec((1..9_u32, 0..70_000_u64, 0..1u64 << 45, 0..4usize, 0..20_000_000_u64), 1..60),
        count in 1..6_u32,
    ) {
        const OUTCOMES: [Outcome; 4] =
            [Outcome::ServedOneStep, Outcome::ServedTwoStep, Outcome::ServedAuthenticated, Outcome::TimedOut];
        let mut plan = plan("smoke/first_contact", 1);
        plan.duration_ms = 60_000;
        let mut exchanges = exchanges;
        exchanges.sort_by_key(|(_, at_ms, ..)| *at_ms);
        let hear = |shard: Shard| {
            let mut part = part(&plan, &[], shard);
            for (agent, at_ms, took_ns, outcome, lag_ns) in &exchanges {
                let (actor, at) = (ActorId::Agent(*agent), VirtualTime::from_millis(*at_ms));
                if has(shard, actor) {
                    let kind = EventKind::ExchangeEnded {
                        server: ActorId::Site(1), outcome: OUTCOMES[*outcome], trips: 1, took_ns: *took_ns,
                    };
                    let event = Event { at, actor, kind };
                    part.pace.visit_begins(actor, &visit(at), VirtualTime(at.nanos() + lag_ns));
                    part.metrics.visit_begins(actor, &visit(at), at);
                    part.metrics.hear(&event);
                    part.pace.hear(&event);
                }
            }
            (shard.index.to_string(), part)
        };
        let parts: Vec<_> = (1..=count).map(|index| hear(Shard { index, count })).collect();
        let whole = merge_load(vec![hear(Shard::WHOLE)]).unwrap().1;
        prop_assert_eq!(figures(&merge_load(by_file(parts)).unwrap().1), figures(&whole));
    }
}

fn small() -> (Plan, Vec<Event>) {
    let mut plan = plan("smoke/first_contact", 1);
    plan.duration_ms = 60_000;
    plan.expectation = Default::default();
    let events = history(&plan);
    (plan, events)
}

/// Exchanges of one agent with a latency, one millisecond after the other.
fn add(part: &mut LoadShard, agent: u32, exchanges: u64, outcome: Outcome, took_ms: u64) {
    for at_ms in 0..exchanges {
        let kind =
            EventKind::ExchangeEnded { server: ActorId::Site(1), outcome, trips: 1, took_ns: took_ms * 1_000_000 };
        let event = Event { at: VirtualTime::from_millis(at_ms), actor: ActorId::Agent(agent), kind };
        part.metrics.hear(&event);
        part.pace.hear(&event);
    }
}

#[test]
fn objectives_are_held_against_the_latencies_and_counts_of_the_whole() {
    let (mut plan, _) = small();
    plan.expectation.thresholds.one_step_p99_ms = Some(10);
    plan.expectation.thresholds.served_min_ppm = Some(990_000);
    // Nothing is due but what is made by hand.
    plan.agents.iter_mut().for_each(|agent| agent.visits = Visits::At { times_us: Vec::new() });
    let verdict = |slow: u64, failed: u64| {
        let mut parts = parts(&plan, &[], 2);
        add(&mut parts[0].1, 1, 1_000, Outcome::ServedOneStep, 1);
        add(&mut parts[1].1, 2, slow, Outcome::ServedOneStep, 50);
        add(&mut parts[1].1, 2, failed, Outcome::TimedOut, 50);
        let report = merge_load(by_file(parts)).unwrap().1;
        let missed: Vec<_> = report.thresholds_missed.into_iter().map(|missed| missed.threshold).collect();
        (report.verdict, missed)
    };
    // All of the second part's are slow, but few of all; then too many of all.
    assert_eq!(verdict(10, 0), (Verdict::Passed, vec![]));
    assert_eq!(verdict(11, 0), (Verdict::ThresholdMissed, vec!["one_step_p99_ms".to_owned()]));
    assert_eq!(verdict(0, 10), (Verdict::Passed, vec![]));
    assert_eq!(verdict(0, 11), (Verdict::ThresholdMissed, vec!["served_min_ppm".to_owned()]));
}

#[test]
fn what_keeps_one_generator_from_passing_keeps_the_whole() {
    let (plan, events) = small();
    let merged = |change: fn(&mut LoadShard)| {
        let mut parts = parts(&plan, &events, 3);
        for (_, part) in &mut parts {
            let at = VirtualTime(1_000);
            (0..1_000).for_each(|_| part.pace.visit_begins(ActorId::Agent(1), &visit(VirtualTime(0)), at));
        }
        change(&mut parts[1].1);
        merge_load(by_file(parts)).unwrap().1
    };
    let sound = merged(|_| {});
    assert_eq!((sound.verdict, sound.reasons()), (Verdict::Passed, vec![]));

    let interrupted = merged(|it| it.interrupted = true);
    assert!(interrupted.interrupted && interrupted.verdict == Verdict::Inconclusive);

    let late = merged(|it| {
        let at = VirtualTime(1 << 40);
        (0..20).for_each(|_| it.pace.visit_begins(ActorId::Agent(2), &visit(VirtualTime(0)), at))
    });
    assert_eq!((late.verdict, late.reasons()), (Verdict::Inconclusive, vec!["generator 2/3 was late".to_owned()]));
    assert!(late.load.as_ref().unwrap().lag_ns.unwrap().p99 < 20_000_000, "few of all are late");
    assert_eq!(late.generators.iter().map(|one| one.is_late).collect::<Vec<_>>(), [false, true, false]);

    let scattered = merged(|it| it.pace.begins(WallTime(1_800_000_003_000_000_001)));
    assert_eq!(scattered.verdict, Verdict::Inconclusive);
    assert_eq!(scattered.reasons(), ["the generators began 3.00 s apart"]);
    assert!(scattered.meaning().contains("did not make one load"), "{}", scattered.meaning());

    let violated = merged(|it| {
        let (invariant, actor) = (Invariant::S1, ActorId::Agent(2));
        it.judgement.counts.insert(invariant, 1);
        let at = VirtualTime::from_millis(1);
        it.judgement.violations.push(Violation { invariant, at, actor, event_number: 1, what: "twice".into() });
    });
    assert_eq!((violated.verdict, violated.violation_counts[&Invariant::S1]), (Verdict::Violated, 1));
    assert_eq!(violated.violations[0].what, "twice");
    assert_eq!(violated.not_judged.len(), Invariant::ALL.len());
}

#[test]
fn what_must_be_reached_may_be_reached_by_any_generator() {
    let (mut plan, events) = small();
    plan.expectation.reach = vec![Milestone::OneStep];
    let with = |count: u64| {
        let mut parts = parts(&plan, &events, 2);
        for (_, part) in &mut parts {
            part.judgement.reached = Default::default();
        }
        parts[1].1.judgement.reached.insert(Milestone::OneStep, count);
        merge_load(parts).unwrap().1
    };
    assert_eq!(with(3).verdict, Verdict::Passed);
    assert_eq!(with(3).milestones[&Milestone::OneStep], 3);
    assert_eq!(with(0).milestones_missing, [Milestone::OneStep]);
}

#[test]
fn judgements_are_joined_in_the_order_of_time_and_bounded() {
    let violation = |at_ms, what: &str| Violation {
        invariant: Invariant::S3,
        at: VirtualTime::from_millis(at_ms),
        actor: ActorId::Agent(1),
        event_number: 1,
        what: what.into(),
    };
    let many = |at_ms: u64, what: &str| Judgement {
        violations: (0..15).map(|number| violation(at_ms + 2 * number, what)).collect(),
        counts: [(Invariant::S3, 40)].into(),
        events: 7,
        ..Judgement::default()
    };
    let mut all = many(0, "even");
    all.absorb(many(1, "odd"));
    assert_eq!((all.counts[&Invariant::S3], all.violations.len(), all.events), (80, 20, 14));
    assert!(all.violations.is_sorted_by_key(|violation| violation.at));
    assert_eq!(all.violations.iter().filter(|it| it.what == "odd").count(), 10);
}

#[test]
fn what_processes_took_is_added_but_the_time_that_passed() {
    let (plan, events) = small();
    let mut parts = parts(&plan, &events, 3);
    parts[2].1.machine.system = "plan9".into();
    let report = merge_load(parts).unwrap().1;
    let environment = &report.environment;
    assert_eq!((environment.cpu_ns, environment.wall_ns), (Some(300), 1_003));
    assert_eq!((environment.signs.count, environment.signs.took_ns), (9, 90));
    assert_eq!(environment.system, "linux, plan9");
    assert_eq!(report.generators[2].environment.system, "plan9");
    assert_eq!(report.load.as_ref().unwrap().workers, 6);
    assert!(report.generators.iter().map(|one| one.agents).sum::<u64>() == report.cast.agents);
}

#[test]
fn parts_that_make_no_whole_are_refused_by_name() {
    let (plan, _) = small();
    let refused = |change: fn(&mut Vec<(String, LoadShard)>)| {
        let mut all = parts(&plan, &[], 3);
        change(&mut all);
        merge_load(all).unwrap_err()
    };
    assert_eq!(refused(Vec::clear), LoadMergeError::Nothing);
    let gap = refused(|all| drop(all.drain(..2)));
    assert_eq!(gap.to_string(), "of 3 shards some are missing: 1/3, 2/3");
    assert_eq!(refused(|all| drop(all.remove(1))).to_string(), "of 3 shards one is missing: 2/3");
    let doubled = refused(|all| all.push(("again".into(), all[1].1.clone())));
    assert_eq!(doubled.to_string(), "`shard-2` and `again` are both shard 2/3: name each once");
    for (change, told) in [
        ((|it| it.version = "2".into()) as fn(&mut LoadShard), "the version of the program: 1 here, 2 there"),
        (|it| it.shard.count = 4, "the number of shards: 3 here, 4 there"),
        (|it| it.plan.scenario = "another".into(), "the scenario: smoke/first_contact here, another there"),
        (|it| it.plan.seed = 9, "the seed: 1 here, 9 there"),
        (|it| it.plan.duration_ms += 1, "the text of the scenario, which makes another plan"),
        (|it| it.visited.pin = Thumbprint([2; 32]), "the SMP's key: "),
        (|it| it.visited.server = "http://127.0.0.2:1".parse().unwrap(), "the server: http://127.0.0.1:8080 here"),
    ] {
        let mut all = parts(&plan, &[], 3);
        change(&mut all[2].1);
        let error = merge_load(all).unwrap_err().to_string();
        assert!(error.starts_with("`shard-3` is of another load than `shard-1`: ") && error.contains(told), "{error}");
    }
}

/// A folder with the shards of a load, and the command to merge them.
struct Place(tempfile::TempDir);

impl Place {
    fn new(plan: &Plan, events: &[Event], count: u32) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, part) in parts(plan, events, count) {
            fs::create_dir(place.path(&name)).unwrap();
            fs::write(place.path(&name).join(LoadShard::FILE), part.to_json().unwrap()).unwrap();
        }
        place
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Exit code, standard output and standard error.
    fn countersign(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let output = command.current_dir(self.0.path()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }
}

#[test]
fn merge_writes_one_report_and_exits_by_its_verdict() {
    let (mut plan, events) = small();
    let place = Place::new(&plan, &events, 2);
    let (exit, out, error) = place.countersign(&["merge", "shard-*", "--out", "whole"]);
    assert_eq!(exit, 0, "{out}{error}");
    assert!(out.contains("Generators") && out.contains("1/2") && out.contains("2/2"), "{out}");
    let report: Report = serde_json::from_str(&fs::read_to_string(place.path("whole/report.json")).unwrap()).unwrap();
    assert_eq!(report.generators.len(), 2);
    let shell = "for i in $(seq 2); do countersign load some.toml --seed 1 --shard $i/2 --out shard-$i & done; wait; \
                 countersign merge 'shard-*'";
    assert_eq!(report.reproduce, shell);
    let page = fs::read_to_string(place.path("whole/report.html")).unwrap();
    assert!(page.contains("<h3>Generators</h3>") && page.contains("<li>2/2: "), "the page names them");
    assert!(place.path("whole/plan.json").exists() && place.path("whole/report.txt").exists());
    let (exit, _, error) = place.countersign(&["merge", "shard-1", "shard-2", "--out", "shard-1"]);
    assert!(exit == 2 && error.contains("another directory"), "{error}");

    plan.expectation.thresholds.one_step_p99_ms = Some(0);
    let place = Place::new(&plan, &events, 2);
    let (exit, out, _) = place.countersign(&["merge", "shard-1", "shard-2"]);
    assert!(exit == 3 && out.contains("one_step_p99_ms"), "{out}");
}

#[test]
fn merge_says_what_is_missing_doubled_foreign_or_damaged() {
    let (plan, _) = small();
    let place = Place::new(&plan, &[], 3);
    let refused = |arguments: &[&str], told: &str| {
        let (exit, out, error) = place.countersign(&[&["merge"], arguments].concat());
        assert!(exit == 2 && out.is_empty() && error.contains(told), "{arguments:?}: {out}{error}");
    };
    refused(&["shard-1", "shard-3"], "one is missing: 2/3");
    refused(&["shard-*", "shard-2"], "`shard-2` and `shard-2` are both shard 2/3");

    let sweep = ["sweep", "smoke/first_contact", "--seeds", "0..1", "--shard", "1/2", "--out", "sweep"];
    assert_eq!(place.countersign(&sweep).0, 0);
    refused(&["shard-1", "sweep"], "`shard-1` is the shard of a load, and `sweep` is none");
    refused(&["sweep/sweep.json", "shard-1/load-shard.json"], "is the shard of a load");

    let file = place.path("shard-2/load-shard.json");
    let whole = fs::read_to_string(&file).unwrap();
    for (damage, told) in [
        (whole.replacen("\"served\":0", "\"served\":1", 1), "the file was edited or damaged"),
        (whole[..whole.len() / 2].to_owned(), "load-shard.json:1:"),
        (whole.replacen("_shard\":2", "_shard\":1", 1), "version 1, and this program reads version 2"),
        ("{\"countersign_sweep\":1}".to_owned(), "this is the result of a sweep; expected what `load --shard` wrote"),
        ("\0\u{1}\0".to_owned(), "this is binary data"),
        (String::new(), "this is an empty file"),
    ] {
        assert_ne!(damage, whole);
        fs::write(&file, damage).unwrap();
        refused(&["shard-*"], told);
    }
    // A place without a shard is taken for what it was before there were loads.
    refused(&["nowhere"], "failed to read the sweep `nowhere`");
}

#[test]
fn a_file_whose_figures_are_of_another_plan_is_refused() {
    let (plan, _) = small();
    let mut part = parts(&plan, &[], 1).remove(0).1;
    part.metrics = Metrics::new(&self::plan("hardship/swarm", 1));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(LoadShard::FILE), part.to_json().unwrap()).unwrap();
    let error = LoadShard::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("the figures are not those of the plan"), "{error}");
}

#[test]
fn a_file_that_counts_more_than_can_be_added_up_is_refused() {
    let (plan, events) = small();
    let folder = tempfile::tempdir().unwrap();
    let refused = |place: &str| {
        let mut forged = serde_json::to_value(&parts(&plan, &events, 1).remove(0).1).unwrap();
        *forged.pointer_mut(place).unwrap() = u64::MAX.into();
        let forged: LoadShard = serde_json::from_value(forged).unwrap();
        fs::write(folder.path().join(LoadShard::FILE), forged.to_json().unwrap()).unwrap();
        let error = LoadShard::read(folder.path()).map(drop).unwrap_err().to_string();
        assert!(error.contains("counts more than any load has"), "{place}: {error}");
    };
    for place in ["events", "traffic/opened", "sites/0/authentication/trips", "timeline/past/one_step/0"] {
        refused(&format!("/metrics/{place}"));
    }
    for place in ["metrics/timeline/open/failed", "judgement/events", "pace/begun", "pace/served"] {
        refused(&format!("/{place}"));
    }
}

#[cfg(feature = "sockets")]
#[test]
fn a_part_of_a_load_is_refused_that_cannot_be_one() {
    let (plan, _) = small();
    let place = Place::new(&plan, &[], 1);
    let pin = Thumbprint([1; 32]).to_string();
    let target = ["load", "smoke/first_contact", "--out", "out", "--target", "http://127.0.0.1:9", "--pin", &pin];
    for (arguments, told) in [
        (vec!["load", "smoke/first_contact", "--shard", "1/2", "--out", "out"], "servers of its own"),
        (vec!["load", "smoke/first_contact", "--shard", "1/2"], "--out"),
        (vec!["load", "smoke/first_contact", "--shard", "1/2", "--out", "out", "--predict"], "cannot be used with"),
        (vec!["load", "smoke/first_contact", "--start-at", "1"], "--target"),
        ([&target[..], &["--shard", "3/2"]].concat(), "from 1 to 2"),
        ([&target[..], &["--shard", "400/400"]].concat(), "shard 400/400 has no agents: the scenario has"),
        ([&target[..], &["--start-at", "1"]].concat(), "ago by this machine's clock"),
        ([&target[..], &["--start-at", "99999999999"]].concat(), "ahead by this machine's clock"),
        ([&target[..], &["--start-at", "soon"]].concat(), "whole seconds since 1970"),
    ] {
        let (exit, _, error) = place.countersign(&arguments);
        assert!(exit == 2 && error.contains(told), "{arguments:?}: {error}");
    }
}
