//! The planted bugs of a portal: each is caught where it would hurt, by the invariants that it breaks, and by no others.

use std::sync::atomic::AtomicBool;

use countersign::{
    plan::{Invariant, Plan},
    run::{Options, run},
    scenario::{Overrides, find},
    types::{Bug, CryptoTier, Profile},
};

use Invariant::{S2, S3, S4, S13};

/// Where each is seen, in which profile, and by what.
const CAUGHT: [(Bug, &str, Profile, &[Invariant]); 8] = [
    (Bug::LoginTagUnchecked, "portal/forged_tokens", Profile::Literal, &[S2, S13]),
    (Bug::LoginUserUnsigned, "portal/forged_tokens", Profile::Hardened, &[S2, S13]),
    (Bug::LoginSecondTooLong, "portal/skew_to_the_second", Profile::Literal, &[S3]),
    (Bug::LoginExpiryIgnored, "portal/remember_me", Profile::Literal, &[S3]),
    (Bug::LoginKeyKept, "portal/update_in_a_job", Profile::Hardened, &[S2]),
    (Bug::LoginDelimiterAllowed, "portal/delimiter_in_user_id", Profile::Hardened, &[S2, S3, S13]),
    (Bug::LoginLifetimesMixedUp, "portal/update_in_a_job", Profile::Hardened, &[S3]),
    (Bug::SessionsMixedUp, "hardship/swarm_portal", Profile::Literal, &[S4]),
];

fn plan(scenario: &str, profile: Profile, bug: Option<Bug>) -> Plan {
    let overrides = Overrides { profile: Some(profile), crypto: Some(CryptoTier::Modelled) };
    Plan { bug, ..find(scenario).unwrap().resolve(None, overrides).unwrap() }
}

fn violated(plan: &Plan) -> Vec<Invariant> {
    let run = run(plan, Options::new(&AtomicBool::new(false), &mut |_| {})).unwrap();
    run.judgement.counts.into_keys().collect()
}

#[test]
fn every_bug_of_a_portal_is_caught_by_what_it_breaks() {
    assert!(Bug::ALL.iter().filter(|bug| bug.needs_portal()).eq(CAUGHT.iter().map(|(bug, ..)| bug)));
    for (bug, scenario, profile, caught_by) in CAUGHT {
        assert_eq!(violated(&plan(scenario, profile, Some(bug))), caught_by, "{bug} in {scenario}");
        assert_eq!(violated(&plan(scenario, profile, None)), [], "{scenario} without {bug}");
    }
}
