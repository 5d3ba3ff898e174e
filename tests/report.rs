//! The report: its verdict, its two forms, its files.

mod loose_events;

use std::{collections::BTreeMap, fs};

use countersign::{
    metrics::Latencies,
    oracle::{Judgement, Violation},
    plan::{AgentPlan, Bootstrap, ConnectionUse, Fault, FaultKind, Invariant, Milestone, Plan, Visits},
    report::{
        Calibration, Environment, Evidence, Findings, Listening, Operations, Report, Verdict, reproduce, schema, text,
        write,
    },
    types::{ActorId, ClockModel, Profile, VirtualTime},
};
use loose_events::{fleet, measure, plan};

fn violation(invariant: Invariant, agent: u32) -> Violation {
    Violation {
        invariant,
        at: VirtualTime::from_millis(723_250),
        actor: ActorId::Site(2),
        event_number: 48_211,
        what: format!(
            "agent-{agent}, jti AAAAAAAAAAAAAAAAAAAAAg, counter 7 was accepted twice: by site-2 at 0:11:58.200 \
             for request c118.1, and again by site-2 at 0:12:03.250 for request c131.1"
        ),
    }
}

fn findings(plan: &Plan) -> Findings {
    let measurements = measure(plan, []);
    let judgement = Judgement::default();
    let environment = Environment::default();
    Findings {
        judgement,
        measurements,
        pace: None,
        latencies: Default::default(),
        digest: Some("5eed".repeat(16)),
        interrupted: false,
        reproduce: reproduce(&plan.scenario, plan),
        environment,
    }
}

/// A run that left nothing to look at.
fn evidence(latencies: &Latencies) -> Evidence<'_> {
    Evidence { latencies, scene: None, trace: None }
}

fn verdict(plan: &Plan, change: impl FnOnce(&mut Findings)) -> (Verdict, u8) {
    let mut findings = findings(plan);
    change(&mut findings);
    let report = Report::new(plan, findings);
    (report.verdict, report.exit_code)
}

#[test]
fn the_exit_code_is_the_first_of_1_4_and_3_that_applies() {
    let mut plan = plan();
    assert_eq!(verdict(&plan, |_| {}), (Verdict::Passed, 0));
    plan.expectation.thresholds.one_step_p99_ms = Some(5);
    assert_eq!(verdict(&plan, |_| {}), (Verdict::ThresholdMissed, 3));
    plan.expectation.reach = vec![Milestone::CacheHit];
    assert_eq!(verdict(&plan, |_| {}), (Verdict::Inconclusive, 4));
    let reached = |found: &mut Findings| found.judgement.reached = BTreeMap::from([(Milestone::CacheHit, 1)]);
    assert_eq!(verdict(&plan, reached), (Verdict::ThresholdMissed, 3));
    let never = |found: &mut Findings| found.judgement.reached = BTreeMap::from([(Milestone::CacheHit, 0)]);
    assert_eq!(verdict(&plan, never), (Verdict::Inconclusive, 4));
    let violated = |found: &mut Findings| found.judgement.counts = BTreeMap::from([(Invariant::S1, 1)]);
    assert_eq!(verdict(&plan, violated), (Verdict::Violated, 1));
}

#[test]
fn an_interrupted_run_proves_nothing_but_what_it_found() {
    let plan = plan();
    assert_eq!(verdict(&plan, |found| found.interrupted = true), (Verdict::Inconclusive, 4));
    let violated = |found: &mut Findings| {
        found.interrupted = true;
        found.judgement.violations = vec![violation(Invariant::S1, 1)];
    };
    assert_eq!(verdict(&plan, violated), (Verdict::Violated, 1));
}

#[test]
fn an_expected_violation_passes_and_its_absence_does_not() {
    let mut plan = plan();
    plan.expectation.violations = vec![Invariant::S13];
    assert_eq!(verdict(&plan, |_| {}), (Verdict::Inconclusive, 4));
    let expected = |found: &mut Findings| {
        found.judgement.counts = BTreeMap::from([(Invariant::S13, 2)]);
        found.judgement.violations = vec![violation(Invariant::S13, 1), violation(Invariant::S13, 2)];
    };
    assert_eq!(verdict(&plan, expected), (Verdict::Passed, 0));
    let another_too = |found: &mut Findings| {
        expected(found);
        found.judgement.counts.insert(Invariant::S1, 1);
    };
    assert_eq!(verdict(&plan, another_too), (Verdict::Violated, 1));
}

#[test]
fn a_forbidden_milestone_is_a_violation() {
    let mut plan = plan();
    plan.expectation.never = vec![Milestone::AttackServed];
    assert_eq!(verdict(&plan, |_| {}), (Verdict::Passed, 0));
    let reached = |times| {
        move |found: &mut Findings| {
            found.judgement.reached = BTreeMap::from([(Milestone::AttackServed, times), (Milestone::OneStep, 9)])
        }
    };
    assert_eq!(verdict(&plan, reached(0)), (Verdict::Passed, 0));
    assert_eq!(verdict(&plan, reached(2)), (Verdict::Violated, 1));
    let mut findings = findings(&plan);
    reached(2)(&mut findings);
    let report = Report::new(&plan, findings);
    assert_eq!(report.milestones_forbidden, BTreeMap::from([(Milestone::AttackServed, 2)]));
    let text = text(&report, false);
    assert!(text.contains("something happened that the scenario forbids (exit 1)"), "{text}");
    assert!(text.contains("Reached, though the scenario forbids it\n  attack served 2\n"), "{text}");
}

#[test]
fn a_mixed_fleet_is_told_what_is_still_exposed() {
    let upgrade =
        |actor, at_ms| Fault { at_ms, until_ms: None, kind: FaultKind::Upgrade { actor, profile: Profile::Hardened } };
    let mut plan = plan();
    let exposed = |plan: &Plan| Report::new(plan, findings(plan)).still_exposed;
    // One profile for all and for ever needs no telling.
    assert_eq!(exposed(&plan), []);
    plan.sites[0].profile = Some(Profile::Literal);
    assert_eq!(exposed(&plan), []);
    plan.faults =
        vec![upgrade(ActorId::Site(1), 3_000), upgrade(ActorId::Smp, 5_000), upgrade(ActorId::Site(1), 4_000)];
    let told: Vec<_> = exposed(&plan)
        .into_iter()
        .map(|it| (it.server, it.from_ms, it.until_ms, it.holes.iter().map(|hole| hole.number).collect::<Vec<_>>()))
        .collect();
    let (server, site) = (vec![6, 11, 12, 13, 18, 19], vec![6, 7, 10, 11, 12, 13, 14, 18, 19]);
    let expected = [
        (ActorId::Smp, 0, 5_000, server),
        (ActorId::Site(1), 0, 3_000, site.clone()),
        (ActorId::Site(2), 0, 10_000, site),
    ];
    assert_eq!(told, expected);
    // A period beyond the look-ahead opens hole 8 at sites.
    plan.parameters.validation_period_s = Some(1_800);
    let holes = |plan: &Plan, index: usize| exposed(plan)[index].holes.iter().any(|hole| hole.number == 8);
    assert!(!holes(&plan, 0) && holes(&plan, 1));
    // Hardened servers and one literal agent: no server leaves anything open.
    plan.profile = Profile::Hardened;
    plan.faults.clear();
    plan.sites[0].profile = None;
    plan.agents = fleet_plan().agents;
    plan.agents[0].profile = Some(Profile::Literal);
    assert_eq!(exposed(&plan), []);
}

#[test]
fn the_text_of_a_mixed_fleet_lists_what_is_exposed() {
    let mut plan = fleet_plan();
    let kind = FaultKind::Upgrade { actor: ActorId::Site(1), profile: Profile::Hardened };
    plan.faults.push(Fault { at_ms: 1_800_000, until_ms: None, kind });
    let text = text(&fleet_report(&plan, |_| {}), false);
    let (_, section) = text.split_once("Still exposed\n").unwrap();
    insta::assert_snapshot!("exposed", section.split_once("\n\n").unwrap().0);
}

/// The plan of a fleet as the shipped scenarios have it.
fn fleet_plan() -> Plan {
    let mut plan = plan();
    plan.scenario = "smoke/thousand_agents".into();
    plan.duration_ms = 3_600_000;
    plan.sites = vec![plan.smp.clone(); 4];
    let agent = AgentPlan {
        branch: 1,
        server: ActorId::Site(1),
        clock: ClockModel::default(),
        start_ms: 0,
        leave_ms: None,
        bootstrap: Bootstrap::Installed,
        policy_interval_s: 900,
        visits: Visits::At { times_us: Vec::new() },
        requests: 1,
        public_requests: 0,
        connections: 1,
        connection_use: ConnectionUse::New,
        key: 1,
        profile: None,
        clone_of: None,
        codebase: Default::default(),
        errand: Default::default(),
        proxy: None,
        peer: None,
    };
    plan.agents = vec![agent; 1_000];
    plan.expectation.reach = vec![Milestone::OneStep, Milestone::CacheHit];
    plan
}

fn environment() -> Environment {
    Environment {
        version: "0.1.0".into(),
        system: "linux 6.8.0 x86_64".into(),
        cpu: Some("Example CPU 3000".into()),
        cpu_features: ["avx512ifma", "avx2", "adx", "aes"].map(String::from).into(),
        cpus: 2,
        wall_ns: 41_234_000_000,
        cpu_ns: Some(40_120_000_000),
        memory_peak_bytes: Some(212 << 20),
        virtual_ms_per_wall_s: 87_306,
        signs: Operations::new(63_021, 15_220_000_000),
        verifies: Operations::new(241_202, 3_980_000_000),
        listening: Listening { oracle_ns: 210_000_000, metrics_ns: 98_000_000, trace_ns: 60_000_000 },
        ..Environment::default()
    }
    .with_calibration(Calibration { sign_ns: 240_000, verify_ns: 16_000 })
}

fn fleet_report(plan: &Plan, change: impl FnOnce(&mut Judgement)) -> Report {
    let measurements = measure(plan, fleet::history(plan, 1_000, 60));
    let reached = [(Milestone::OneStep, 58_942), (Milestone::TwoStep, 999), (Milestone::CacheHit, 58_942)];
    let mut judgement = Judgement { reached: reached.into(), ..Judgement::default() };
    change(&mut judgement);
    let digest = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8".to_owned();
    let environment = environment();
    Report::new(
        plan,
        Findings {
            judgement,
            measurements,
            pace: None,
            latencies: Default::default(),
            digest: Some(digest),
            interrupted: false,
            reproduce: reproduce(&plan.scenario, plan),
            environment,
        },
    )
}

#[test]
fn the_text_of_a_passed_run() {
    insta::assert_snapshot!("passed", text(&fleet_report(&fleet_plan(), |_| {}), false));
}

#[test]
fn the_text_of_a_violated_run_shows_what_and_how_to_see_it_again() {
    let mut plan = fleet_plan();
    plan.expectation.reach.extend([Milestone::BatchFull, Milestone::WindowSlide]);
    plan.expectation.violations = vec![Invariant::S13, Invariant::L5];
    plan.expectation.thresholds.one_step_p99_ms = Some(2);
    plan.expectation.thresholds.validation_max_ms = Some(10);
    let report = fleet_report(&plan, |judged| {
        judged.violations.extend((1..=5).map(|agent| violation(Invariant::S1, agent)));
        judged.violations.push(violation(Invariant::S13, 9));
        judged.counts = BTreeMap::from([(Invariant::S1, 12_345), (Invariant::S13, 2)]);
        judged.not_judged.insert(
            Invariant::L1,
            "the clocks differ by up to 45 min: that is not less than half of the token lifetime of 1 h".into(),
        );
    });
    insta::assert_snapshot!("violated", text(&report, false));
}

#[test]
fn an_empty_run_has_a_short_text() {
    insta::assert_snapshot!("empty", text(&Report::new(&plan(), findings(&plan())), false));
}

#[test]
fn an_interrupted_run_says_how_far_it_got() {
    let mut findings = findings(&plan());
    findings.interrupted = true;
    findings.measurements.duration_ns = 2_500_000_000;
    let text = text(&Report::new(&plan(), findings), false);
    assert!(
        text.contains("the run was interrupted (exit 4)") && text.contains("2.50 s of 10.0 s of virtual time"),
        "{text}"
    );
}

#[test]
fn colour_changes_nothing_but_colour() {
    let report = fleet_report(&fleet_plan(), |_| {});
    let mut coloured = text(&report, true);
    assert!(coloured.contains("\x1b[1;32mPASSED\x1b[0m"));
    for code in ["0", "1", "2", "1;31", "1;32", "1;33"] {
        coloured = coloured.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(coloured, text(&report, false));
}

#[test]
fn no_line_is_wider_than_100_columns() {
    let report = fleet_report(&fleet_plan(), |_| {});
    for line in text(&report, false).lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn two_runs_of_one_plan_differ_in_the_environment_alone() {
    let plan = fleet_plan();
    let first = fleet_report(&plan, |_| {}).to_json().unwrap();
    let mut second = fleet_report(&plan, |_| {});
    second.environment = Environment { wall_ns: 1, ..Environment::default() };
    let second = second.to_json().unwrap();
    let (first, first_environment) = first.split_once("\"environment\"").unwrap();
    let (second, second_environment) = second.split_once("\"environment\"").unwrap();
    assert_eq!(first, second);
    assert_ne!(first_environment, second_environment);
}

#[test]
fn the_json_is_read_back_as_it_was_written() {
    let report = fleet_report(&fleet_plan(), |_| {});
    let read: Report = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(read, report);
}

/// Whoever changes the shape decides whether the version must grow; see `REPORT_VERSION`.
#[test]
fn the_shape_of_the_report_is_pinned() {
    let schema = serde_json::to_value(schema()).unwrap();
    let mut shape = String::new();
    let types = schema["$defs"].as_object().unwrap().iter().map(|(name, of)| (name.as_str(), of));
    for (name, of) in [("Report", &schema)].into_iter().chain(types) {
        match of["properties"].as_object() {
            Some(fields) => {
                fields.iter().for_each(|(field, of)| shape += &format!("{name}.{field}: {}\n", type_of(of)))
            }
            None => shape += &format!("{name}: {}\n", type_of(of)),
        }
    }
    insta::assert_snapshot!("shape", shape);
}

/// The type that a JSON Schema describes, in short.
fn type_of(schema: &serde_json::Value) -> String {
    let listed =
        |of: &serde_json::Value| of.as_array().into_iter().flatten().map(type_of).collect::<Vec<_>>().join(" | ");
    if let Some(name) = schema["$ref"].as_str() {
        name.rsplit('/').next().unwrap().to_owned()
    } else if let Some(word) = schema.as_str() {
        word.to_owned()
    } else if schema.get("const").is_some() {
        schema["const"].to_string()
    } else if let Some(of) = ["anyOf", "oneOf", "enum"].iter().find_map(|key| schema.get(key)) {
        listed(of)
    } else if schema.get("items").is_some() {
        format!("[{}]", type_of(&schema["items"]))
    } else if let Some(of) = schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next()) {
        format!("{{{}}}", type_of(of))
    } else if schema["additionalProperties"].is_object() {
        format!("{{{}}}", type_of(&schema["additionalProperties"]))
    } else if schema["type"].is_array() {
        listed(&schema["type"])
    } else {
        format!("{} {}", schema["type"].as_str().unwrap_or("any"), schema["format"].as_str().unwrap_or(""))
            .trim_end()
            .to_owned()
    }
}

#[test]
fn the_command_to_see_a_run_again_is_safe_in_a_shell() {
    let mut plan = plan();
    assert_eq!(
        reproduce(&plan.scenario, &plan),
        "countersign run smoke/by_hand --seed 7 --profile literal --crypto modelled"
    );
    plan.scenario = "my scenario's.toml".into();
    assert!(reproduce(&plan.scenario, &plan).starts_with(r"countersign run 'my scenario'\''s.toml' --seed 7"));
}

#[test]
fn a_report_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("new/folder");
    let (plan, report) = (plan(), Report::new(&plan(), findings(&plan())));
    write(&to, &report, &plan, evidence(&Latencies::default())).unwrap();
    // A drawing of an earlier run does not stay beside a report without a violation.
    fs::write(to.join("space-time.svg"), "").unwrap();
    write(&to, &report, &plan, evidence(&Latencies::default())).unwrap();
    let mut names: Vec<_> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["plan.json", "report.html", "report.json", "report.txt"]);
    let read: Plan = serde_json::from_str(&fs::read_to_string(to.join("plan.json")).unwrap()).unwrap();
    assert_eq!(read, plan);
    assert_eq!(fs::read_to_string(to.join("report.txt")).unwrap(), text(&report, false));
    assert_eq!(fs::read_to_string(to.join("report.json")).unwrap(), report.to_json().unwrap());
}

#[test]
fn a_folder_that_cannot_be_made_is_named_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::write(&taken, "a file").unwrap();
    let report = Report::new(&plan(), findings(&plan()));
    let error = write(&taken, &report, &plan(), evidence(&Latencies::default())).unwrap_err().to_string();
    assert!(error.contains("taken") && error.contains("--out"), "{error}");
}

#[test]
fn what_was_there_survives_a_failed_write() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, report) = (plan(), Report::new(&plan(), findings(&plan())));
    write(folder.path(), &report, &plan, evidence(&Latencies::default())).unwrap();
    let before = fs::read_to_string(folder.path().join("report.json")).unwrap();
    // A folder where the unfinished file should go stands in for a full disk.
    fs::create_dir(folder.path().join("report.json.partial")).unwrap();
    let error = write(folder.path(), &report, &plan, evidence(&Latencies::default())).unwrap_err().to_string();
    assert!(error.contains("report.json") && error.contains("failed to write"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join("report.json")).unwrap(), before);
}
