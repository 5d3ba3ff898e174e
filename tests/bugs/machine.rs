//! Bugs of the machine around a server: each is noticed where it can show, and nothing is where none is planted.

use std::sync::atomic::AtomicBool;

use countersign::{
    plan::{Invariant, Plan},
    run::{Options, run},
    scenario::{Overrides, find},
    types::{Bug, CryptoTier},
};

/// In which scenario each shows, and by which invariant it is noticed.
const CAUGHT: [(Bug, &str, Invariant); 9] = [
    (Bug::RegistryPerWorker, "machine/workers", Invariant::S1),
    (Bug::OpenWithoutManagementAgent, "machine/slow_agent", Invariant::S4),
    (Bug::SwapUnloadsAtOnce, "machine/hot_swap", Invariant::S11),
    (Bug::AccountKept, "machine/toggled", Invariant::S11),
    (Bug::MemberNotRemoved, "machine/toggled", Invariant::S11),
    (Bug::PasswordLengthUnclamped, "machine/account", Invariant::S11),
    (Bug::PasswordsRestart, "machine/restarted_agent", Invariant::S11),
    (Bug::OneTryTooMany, "machine/account", Invariant::S11),
    (Bug::AlertForgotten, "machine/account", Invariant::S11),
];

fn violated(plan: &Plan) -> Vec<Invariant> {
    let run = run(plan, Options::new(&AtomicBool::new(false), &mut |_| {})).unwrap();
    run.judgement.counts.into_keys().collect()
}

fn plan(name: &str) -> Plan {
    let overrides = Overrides { crypto: Some(CryptoTier::Modelled), ..Overrides::default() };
    find(name).unwrap().resolve(None, overrides).unwrap()
}

#[test]
fn each_bug_of_a_machine_is_noticed_by_its_invariant() {
    for (bug, name, invariant) in CAUGHT {
        let found = violated(&Plan { bug: Some(bug), ..plan(name) });
        assert!(found.contains(&invariant), "{bug} in {name}: {found:?}");
    }
}

#[test]
fn a_rough_day_shows_them_all_and_is_quiet_without() {
    let sound = plan("machine/rough_day");
    assert_eq!(violated(&sound), []);
    for (bug, _, invariant) in CAUGHT {
        let found = violated(&Plan { bug: Some(bug), ..sound.clone() });
        assert!(found.contains(&invariant), "{bug}: {found:?}");
    }
}
