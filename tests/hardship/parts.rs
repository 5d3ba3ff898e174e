//! What a swarm draws of machines, kinds of authentication and portals: only where a scenario has them, and all of it.

use std::collections::BTreeSet;

use countersign::{
    plan::{Attack, Bootstrap, Codebase, Errand, FaultKind, Group, Plan},
    scenario::{Overrides, find},
    types::Profile,
};

use crate::{resolve, with};

const PROFILES: [Profile; 2] = [Profile::Literal, Profile::Hardened];

fn plans(name: &str, seeds: u64) -> Vec<Plan> {
    let scenario = find(name).unwrap();
    let plan = |seed, profile| scenario.resolve(Some(seed), Overrides { profile: Some(profile), crypto: None });
    (0..seeds).flat_map(|seed| PROFILES.map(|profile| plan(seed, profile).unwrap())).collect()
}

fn names(plans: &[Plan]) -> BTreeSet<&'static str> {
    let of_fault = |kind: &FaultKind| match kind {
        FaultKind::Machine { what, .. } => what.name(),
        FaultKind::ChangePolicy { authentication: Some(_), .. } => "policy_kinds",
        other => other.name(),
    };
    plans.iter().flat_map(|plan| &plan.faults).map(|fault| of_fault(&fault.kind)).collect()
}

fn attacks(plans: &[Plan]) -> BTreeSet<Attack> {
    plans.iter().flat_map(|plan| &plan.attackers).map(|attacker| attacker.attack).collect()
}

const OF_MACHINES: [&str; 8] = [
    "slow_management_agent",
    "hung_management_agent",
    "stopped_management_agent",
    "swapped_module",
    "unregistered_module",
    "deleted_group",
    "misread_password_policy",
    "refused_passwords",
];

const OF_KINDS: [&str; 4] = ["policy_kinds", "change_authentication", "change_acc_password", "bearer_token"];

#[test]
fn a_swarm_without_machine_kinds_and_portal_draws_nothing_of_them() {
    let plans = plans("hardship/swarm", 60);
    let drawn = names(&plans);
    assert!(
        OF_MACHINES.iter().chain(&OF_KINDS).chain(&["portal_update"]).all(|name| !drawn.contains(name)),
        "{drawn:?}"
    );
    assert!(plans.iter().all(|plan| plan.is_tokens_only() && plan.portal.is_none() && plan.machine.is_none()));
}

#[test]
fn a_swarm_with_a_machine_draws_all_that_can_happen_to_it() {
    let drawn = names(&plans("hardship/swarm_machine", 60));
    for name in OF_MACHINES.iter().chain(&OF_KINDS).chain(&["crash", "partition", "clock_step", "revoke"]) {
        assert!(drawn.contains(name), "{name}: {drawn:?}");
    }
}

#[test]
fn a_swarm_with_kinds_draws_which_are_on_at_first_and_later_and_what_agents_are() {
    let plans = plans("hardship/swarm_kinds", 60);
    let drawn = names(&plans);
    assert!(OF_KINDS.iter().all(|name| drawn.contains(name)), "{drawn:?}");
    assert!(OF_MACHINES.iter().all(|name| !drawn.contains(name)), "{drawn:?}");
    let policies: BTreeSet<String> = plans.iter().map(|plan| format!("{:?}", plan.parameters.authentication)).collect();
    assert!(policies.len() >= 8, "{policies:?}");
    let some = |is: fn(&Plan) -> bool| plans.iter().any(is) && !plans.iter().all(is);
    assert!(some(|plan| plan.parameters.acc_fallback));
    assert!(some(|plan| plan.parameters.anonymous_codebases));
    assert!(some(|plan| plan.sites.iter().any(|site| site.authentication.is_some())));
    assert!(some(|plan| plan.agents.iter().any(|agent| agent.codebase == Codebase::Unc)));
    for errand in [Errand::Requests, Errand::Asdk, Errand::Package] {
        assert!(plans.iter().any(|plan| plan.agents.iter().any(|agent| agent.errand == errand)), "{errand:?}");
    }
    for plan in &plans {
        let on = plan.parameters.authentication;
        assert!(on.token || on.windows || on.acc, "nobody ever gets in");
        for attacker in &plan.attackers {
            // Whoever takes tokens out of challenges has its way with literal agents.
            assert!(attacker.attack != Attack::StrippedChallenge || plan.profile == Profile::Hardened);
        }
        let installers = plan.agents.iter().filter(|agent| agent.bootstrap == Bootstrap::PushInstall).count();
        assert_eq!(installers, 2, "that is what the file says");
    }
    let attacks = attacks(&plans);
    assert!(attacks.contains(&Attack::StrippedChallenge) && attacks.contains(&Attack::PushInstall), "{attacks:?}");
}

#[test]
fn a_swarm_with_a_portal_strikes_its_servers_browsers_and_clocks_and_nobody_else() {
    let plans = plans("hardship/swarm_portal", 60);
    let drawn = names(&plans);
    for name in ["portal_update", "crash", "power_loss", "clock_step", "partition", "delay", "loss", "slow_link"] {
        assert!(drawn.contains(name), "{name}: {drawn:?}");
    }
    let mut struck = BTreeSet::new();
    for fault in plans.iter().flat_map(|plan| &plan.faults) {
        if let FaultKind::Crash { who } | FaultKind::PowerLoss { who } | FaultKind::ClockStep { who, .. } = fault.kind {
            let Group::Actor(actor) = who else { panic!("{who}") };
            assert!(actor.is_of_portal(), "{actor}");
            struck.insert(actor.to_string().trim_end_matches(|letter: char| letter.is_ascii_digit()).to_owned());
        }
    }
    assert_eq!(struck.len(), 5, "{struck:?}");
    assert_eq!(attacks(&plans), BTreeSet::from([Attack::LoginForgery, Attack::LoginDelimiter]));
    let is_literal = |plan: &&Plan| plan.profile == Profile::Literal;
    let literal: Vec<_> = plans.iter().filter(is_literal).cloned().collect();
    assert_eq!(attacks(&literal), BTreeSet::from([Attack::LoginForgery]), "a delimiter deceives it (attack 28)");
}

#[test]
fn a_file_keeps_the_kinds_that_it_names_and_only_a_swarm_draws_others() {
    let text = "[parameters]\nauthentication = [\"windows\"]\n[hardship]\nkinds = true\n";
    let swarm = format!("{text}profile = \"swarm\"");
    let scenario = countersign::scenario::Scenario::from_toml("kinds.toml", &with("", &swarm)).unwrap();
    for seed in 0..20 {
        let plan = scenario.resolve(Some(seed), Overrides::default()).unwrap();
        assert!(plan.parameters.authentication.windows && !plan.parameters.authentication.token);
    }
    for other in ["", "profile = \"storm\""] {
        let error = resolve(&with("", &format!("{text}{other}"))).unwrap_err().to_string();
        assert!(error.contains("hardship.kinds") || error.contains("kinds"), "{error}");
    }
}
