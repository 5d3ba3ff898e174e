//! Bugs of machines, kinds of authentication and portals are found by swarms that draw these, and shrink to something small.

use countersign::{
    plan::{Expectation, Plan},
    scenario::{Overrides, find},
    types::{Bug, CryptoTier, Profile},
};

use crate::hardship_property::{first_violation, shrunk};

fn plan(scenario: &str, seed: u64, profile: Profile, bug: Option<Bug>) -> Plan {
    let overrides = Overrides { profile: Some(profile), crypto: Some(CryptoTier::Modelled) };
    let plan = find(scenario).unwrap().resolve(Some(seed), overrides).unwrap();
    Plan { bug, expectation: Expectation::default(), ..plan }
}

/// Shrinks the run of a bug, which without it is sound, and proves that what is left fails again because of it.
fn small(scenario: &str, seed: u64, profile: Profile, bug: Bug) -> Plan {
    assert_eq!(first_violation(&plan(scenario, seed, profile, None)), None, "{scenario} {seed}");
    let whole = plan(scenario, seed, profile, Some(bug));
    let violation = first_violation(&whole).unwrap_or_else(|| panic!("{bug} in {scenario} {seed}: not noticed"));
    let folder = tempfile::tempdir().unwrap();
    let small = shrunk(&whole, &violation, folder.path());
    assert!(small.fails_again, "{}", small.said);
    let plan = small.shrunk.plan;
    assert_eq!(first_violation(&Plan { bug: None, ..plan.clone() }), None, "{bug}");
    assert!(plan.duration_ms < whole.duration_ms, "{plan:#?}");
    plan
}

#[test]
fn a_bug_of_a_machine_shrinks_to_one_server_and_what_happens_to_it() {
    let plan = small("hardship/swarm_machine", 5, Profile::Literal, Bug::PasswordLengthUnclamped);
    assert!(plan.machine.as_ref().is_some_and(|machine| machine.worker_processes == 1), "{:?}", plan.machine);
    assert!(plan.agents.len() <= 1 && plan.sites.is_empty() && plan.faults.len() <= 1, "{:#?}", plan.faults);
    // One that machines have no part in leaves none behind.
    let plan = small("hardship/swarm_machine", 1, Profile::Literal, Bug::CounterRestarts);
    assert_eq!(plan.machine, None);
}

#[test]
fn a_bug_of_kinds_shrinks_to_an_agent_and_a_change() {
    let plan = small("hardship/swarm_kinds", 0, Profile::Literal, Bug::KindTakenWhenOff);
    assert!(plan.agents.len() <= 2 && plan.faults.len() <= 3 && plan.attackers.len() <= 1, "{plan:#?}");
}

#[test]
fn a_bug_of_a_portal_shrinks_to_a_browser_or_a_job_with_few_visits() {
    let plan = small("hardship/swarm_portal", 1, Profile::Literal, Bug::LoginKeyKept);
    let portal = plan.portal.clone().unwrap();
    assert_eq!(plan.faults.len(), 1, "an 'Update': {:#?}", plan.faults);
    assert!(portal.browsers.len() + portal.jobs.len() <= 2, "{portal:#?}");
    let visits = portal.browsers.iter().map(|it| &it.visits).chain(portal.jobs.iter().map(|it| &it.runs));
    let told = visits.map(|visits| match visits {
        countersign::plan::Visits::At { times_us } => times_us.len(),
        other => panic!("not told one by one: {other:?}"),
    });
    assert!(told.sum::<usize>() <= 3, "{portal:#?}");
}
