//! Shrinking keeps what it is asked to keep, leaves out the rest, and writes what fails again.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::atomic::AtomicBool,
};

use countersign::{
    oracle::Violation,
    plan::{AgentPlan, Expectation, Fault, FaultKind, Group, Invariant, Plan, Visits},
    run::{self, Options},
    scenario::{Overrides, Scenario, clones_in_order, find, shipped, spelled},
    shrink::{Goal, Shrinker, Shrunk, with_agents},
    types::{ActorId, Bug, ClockModel, Profile},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");

fn plan(scenario: &str, seed: Option<u64>, profile: Profile) -> Plan {
    let overrides = Overrides { profile: Some(profile), ..Overrides::default() };
    let plan = find(scenario).unwrap().resolve(seed, overrides).unwrap();
    Plan { expectation: Expectation::default(), ..plan }
}

fn first_violation(plan: &Plan, invariant: Invariant) -> Option<Violation> {
    let finished = run::run(plan, Options::new(&AtomicBool::new(false), &mut |_| {})).unwrap();
    finished.judgement.violations.into_iter().find(|it| it.invariant == invariant)
}

fn shrink(plan: &Plan, invariant: Invariant, jobs: usize) -> (Goal, Shrunk) {
    let violation = first_violation(plan, invariant).unwrap();
    let goal = Goal::of(&violation);
    let never = AtomicBool::new(false);
    let fails = |plan: &Plan| goal.find(plan, &never).unwrap().map(|failed| failed.at);
    let shrunk = Shrinker::new(plan.clone(), jobs, &fails, &|| false, &mut |_| {}).shrink(violation.at);
    (goal, shrunk)
}

/// Clocks set back: literal takes tokens again (hole 19). There is more in the plan than that takes.
fn crowded() -> Plan {
    let mut plan = plan("hole/19_clock_back", Some(1), Profile::Literal);
    let extra = plan.agents[1].clone();
    plan.agents.extend((100..106).map(|key| AgentPlan { key, ..extra.clone() }));
    let (from, to) = (Group::Agents, Group::Actor(ActorId::Smp));
    let (clients, who) = (Group::Agents, Group::Actor(ActorId::Agent(3)));
    let more = [
        FaultKind::Delay { from, to, added_ms_min: 10, added_ms_max: 500 },
        FaultKind::Loss { from, to, lost_ppm: 100_000 },
        FaultKind::Duplicate { clients, share_ppm: 100_000 },
        FaultKind::Reorder { clients, share_ppm: 100_000, held_ms_max: 300 },
        FaultKind::Crash { who },
        FaultKind::Overload { server: ActorId::Site(1), slowdown: 3 },
    ];
    let fault = |(at_ms, kind)| Fault { at_ms, until_ms: Some(at_ms + 20_000), kind };
    plan.faults.extend((0..).map(|number| 600_000 + number * 30_000).zip(more).map(fault));
    plan
}

#[test]
fn what_is_left_fails_in_the_same_way_and_nothing_of_it_can_be_left_out() {
    let whole = crowded();
    let (goal, Shrunk { plan, .. }) = shrink(&whole, Invariant::S1, 2);
    let never = AtomicBool::new(false);
    assert!(goal.find(&plan, &never).unwrap().is_some());
    assert_eq!(
        (plan.agents.len(), plan.sites.len(), plan.faults.len(), plan.attackers.len()),
        (1, 1, 1, 1),
        "{plan:#?}"
    );
    assert!(plan.duration_ms < whole.duration_ms / 2);
    assert!(matches!(&plan.agents[0].visits, Visits::At { times_us } if times_us.len() == 1), "{:?}", plan.agents[0]);
    assert_eq!(plan.agents[0].clock, ClockModel::default());
    for without in [Plan { faults: Vec::new(), ..plan.clone() }, Plan { attackers: Vec::new(), ..plan.clone() }] {
        assert_eq!(goal.find(&without, &never).unwrap(), None);
    }
}

#[test]
fn the_same_plan_shrinks_to_the_same_plan_however_many_are_run_at_once() {
    let whole = crowded();
    let (_, alone) = shrink(&whole, Invariant::S1, 1);
    let (_, together) = shrink(&whole, Invariant::S1, 3);
    assert_eq!(alone.plan, together.plan);
}

/// Without what no file tells.
fn told(mut plan: Plan) -> Plan {
    plan.scenario.clear();
    plan.expectation = Expectation::default();
    plan.smp.key = 0;
    plan.sites.iter_mut().for_each(|site| site.key = 0);
    plan.agents.iter_mut().for_each(|agent| agent.key = 0);
    plan.attackers.iter_mut().for_each(|attacker| attacker.key = 0);
    // Keys of faults too: they are told one after the other.
    let text = serde_json::to_string(&plan.faults).unwrap();
    plan.faults = serde_json::from_str(&without_keys(&text)).unwrap();
    plan
}

fn without_keys(json: &str) -> String {
    let mut parts = json.split("\"key\":");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        text.push_str("\"key\":0");
        text.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    }
    text
}

#[test]
fn a_plan_that_is_spelled_out_is_the_same_plan_again() {
    let (mut same, mut alike) = (0, 0);
    for shipped in shipped() {
        let scenario = shipped.scenario().unwrap();
        if (!Bug::CAN_BE_PLANTED && scenario.document.plant.is_some()) || shipped.name.starts_with("load/") {
            continue;
        }
        for seed in 0..3 {
            let plan = scenario.resolve(Some(seed), Overrides::default()).unwrap();
            let plan = with_agents(&plan, &clones_in_order(&plan));
            let text = spelled(&plan, "Spelled \"out\".");
            let again = Scenario::from_toml("spelled.toml", &text).unwrap();
            let again = again.resolve(None, Overrides::default());
            let again = again.unwrap_or_else(|error| panic!("{} {seed}: {error}\n{text}", shipped.name));
            let has_clones = plan.agents.iter().any(|agent| agent.clone_of.is_some());
            let like = |site: &countersign::plan::ServerPlan| countersign::plan::ServerPlan { key: 0, ..site.clone() };
            let differ = plan.sites.iter().any(|site| like(site) != like(&plan.sites[0]));
            if has_clones || differ {
                alike += 1;
            } else {
                same += 1;
                assert_eq!(told(again), told(plan), "{} {seed}\n{text}", shipped.name);
            }
        }
    }
    assert!(same > 150 && alike < same / 4, "{same} the same, {alike} alike");
}

fn countersign(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).current_dir(folder).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_files_stand_alone_and_fail_again_for_the_same_reason() {
    let folder = tempfile::tempdir().unwrap();
    let shrunk = countersign(folder.path(), &["shrink", "hole/19_clock_back", "--invariant", "s1", "--out", "found"]);
    assert_eq!(shrunk.status.code(), Some(0), "{}", said(&shrunk));
    let text = said(&shrunk);
    assert!(text.starts_with("S1: ") && text.contains("after   1 agent, 1 site, 1 fault, 1 attacker"), "{text}");
    assert!(text.ends_with("countersign run found/19_clock_back-literal-S1-1.toml\n"), "{text}");
    for arguments in
        [["run", "found/19_clock_back-literal-S1-1.toml"], ["replay", "found/19_clock_back-literal-S1-1.plan.json"]]
    {
        let again = countersign(folder.path(), &arguments);
        assert_eq!(again.status.code(), Some(1), "{}", said(&again));
        assert!(said(&again).contains("S1 "), "{}", said(&again));
    }
    // A plan shrinks as a scenario does; this one is small already.
    let again = countersign(folder.path(), &["shrink", "found/19_clock_back-literal-S1-1.plan.json", "--out", "twice"]);
    let (first, second) = (
        folder.path().join("found/19_clock_back-literal-S1-1.toml"),
        folder.path().join("twice/19_clock_back-literal-S1-1.toml"),
    );
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap(), "{}", said(&again));
}

#[test]
fn what_cannot_be_shrunk_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let error = |arguments: &[&str]| {
        let output = countersign(folder.path(), &[&["shrink"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        said(&output)
    };
    assert!(error(&["smoke/first_contact"]).contains("nothing to shrink: no invariant is violated"));
    let other = error(&["hole/19_clock_back", "--invariant", "L4"]);
    assert!(other.contains("L4 is not violated; violated are S1"), "{other}");
    fs::write(folder.path().join("half.json"), "{\"version\": 1").unwrap();
    assert!(error(&["half.json"]).contains("half.json:1:"));
    assert!(error(&["half.json", "--seed", "3"]).contains("leave --seed, --profile and --crypto out"));
    assert!(error(&["hole/91"]).contains("no scenario and no file is named"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was written");
}
