//! Hardship in scenario files: faults, attackers, clocks, and what the seed draws of them.

mod parts;

use std::collections::BTreeSet;

use countersign::{
    plan::{Attack, AttackerPlan, ConnectionUse, Fault, FaultKind, Group, Invariant, Milestone, Plan, Power},
    scenario::{Overrides, Scenario},
    types::{ActorId, ClockStep, Profile, VirtualTime, Wander},
};
use proptest::prelude::*;

use crate::{SMALL, resolve, resolved, with};

const MIXTURES: [&str; 4] = ["calm", "flaky", "storm", "swarm"];

fn fault(lines: &str) -> String {
    with("", &format!("[[faults]]\n{lines}"))
}

fn actor(name: &str) -> ActorId {
    name.parse().unwrap()
}

fn group(name: &str) -> Group {
    name.parse().unwrap()
}

/// Every kind, as a scenario writes it and as a plan has it.
fn kinds() -> Vec<(&'static str, FaultKind)> {
    let (from, to) = (group("branch-1"), group("smp"));
    vec![
        (
            "partition = { from = \"branch-1\", to = \"smp\", one_way = true }",
            FaultKind::Partition { from, to, one_way: true },
        ),
        (
            "delay = { from = \"branch-1\", to = \"smp\", added = { min = \"5ms\", max = \"1s\" } }",
            FaultKind::Delay { from, to, added_ms_min: 5, added_ms_max: 1_000 },
        ),
        (
            "loss = { from = \"branch-1\", to = \"smp\", lost_ppm = 250_000 }",
            FaultKind::Loss { from, to, lost_ppm: 250_000 },
        ),
        (
            "slow_link = { from = \"branch-1\", to = \"smp\", bytes_per_s = 2000 }",
            FaultKind::SlowLink { from, to, bytes_per_s: 2_000 },
        ),
        ("black_hole = { server = \"site-2\" }", FaultKind::BlackHole { server: actor("site-2") }),
        (
            "duplicate = { clients = \"agents\", share_ppm = 1_000_000 }",
            FaultKind::Duplicate { clients: Group::Agents, share_ppm: 1_000_000 },
        ),
        (
            "reorder = { clients = \"sites\", share_ppm = 7, held_max = \"3s\" }",
            FaultKind::Reorder { clients: Group::Sites, share_ppm: 7, held_ms_max: 3_000 },
        ),
        ("crash = { who = \"servers\" }", FaultKind::Crash { who: Group::Servers }),
        ("power_loss = { who = \"everyone\" }", FaultKind::PowerLoss { who: Group::Everyone }),
        ("overload = { server = \"smp\", slowdown = 20 }", FaultKind::Overload { server: ActorId::Smp, slowdown: 20 }),
        (
            "clock_step = { who = \"agent-3\", by = \"-90s\" }",
            FaultKind::ClockStep { who: group("agent-3"), by_ms: -90_000 },
        ),
        ("rollback = { agent = \"agent-2\" }", FaultKind::Rollback { agent: actor("agent-2") }),
        // Behind the keys of one SMP, two sites and three agents.
        ("rotate_server_key = {}", FaultKind::RotateServerKey { key: 6 }),
        ("change_agent_key = { agent = \"agent-1\" }", FaultKind::ChangeAgentKey { agent: actor("agent-1"), key: 6 }),
        (
            "change_policy = { token_lifetime = \"20m\" }",
            FaultKind::ChangePolicy { token_lifetime_s: Some(1_200), validation_period_s: None, authentication: None },
        ),
        ("move = { site = \"site-1\", port = 8080 }", FaultKind::Move { site: actor("site-1"), port: 8_080 }),
        ("revoke = { agent = \"agent-1\" }", FaultKind::Revoke { agent: actor("agent-1") }),
        ("remove_site = { site = \"site-2\" }", FaultKind::RemoveSite { site: actor("site-2") }),
        (
            "upgrade = { actor = \"site-1\", profile = \"hardened\" }",
            FaultKind::Upgrade { actor: actor("site-1"), profile: Profile::Hardened },
        ),
    ]
}

#[test]
fn every_kind_of_fault_is_written_as_the_plan_names_it() {
    let names: BTreeSet<&str> = kinds().iter().map(|(_, kind)| kind.name()).collect();
    assert_eq!(names.len(), 19, "a kind without an example here");
    for (text, kind) in kinds() {
        assert!(text.starts_with(&format!("{} = ", kind.name())), "{text}");
        let end = if kind.may_end() { "for = \"30s\"\n" } else { "" };
        let plan = resolved(&fault(&format!("at = \"5m\"\n{end}{text}")));
        let until_ms = kind.may_end().then_some(330_000);
        assert_eq!(plan.faults, [Fault { at_ms: 300_000, until_ms, kind }]);
        assert_eq!(plan.heal_ms, until_ms);
        assert_eq!(Plan::from_json("plan.json", &plan.to_json().unwrap()).unwrap(), plan);
    }
}

#[test]
fn what_breaks_must_end_what_an_administrator_does_need_not_and_some_things_cannot() {
    for (text, kind) in kinds() {
        let forever = resolve(&fault(&format!("at = \"5m\"\n{text}")));
        assert_eq!(forever.is_err(), kind.must_end(), "{text}");
        let ended = resolve(&fault(&format!("at = \"5m\"\nuntil = \"6m\"\n{text}")));
        assert_eq!(ended.is_ok(), kind.may_end(), "{text}");
    }
}

#[test]
fn a_fault_that_strikes_several_times_is_as_many_faults() {
    let plan = resolved(&fault("at = \"1m\"\nfor = \"5s\"\ntimes = 3\nevery = \"2m\"\ncrash = { who = \"site-1\" }"));
    let times: Vec<_> = plan.faults.iter().map(|fault| (fault.at_ms, fault.until_ms.unwrap())).collect();
    assert_eq!(times, [(60_000, 65_000), (180_000, 185_000), (300_000, 305_000)]);
    assert_eq!(plan.heal_ms, Some(305_000));
    let keys = resolved(&fault("at = \"1m\"\ntimes = 3\nevery = \"2m\"\nrotate_server_key = {}"));
    let keys: Vec<_> = keys.faults.into_iter().map(|fault| fault.kind).collect();
    assert_eq!(keys, [6, 7, 8].map(|key| FaultKind::RotateServerKey { key }));
}

#[test]
fn an_upgrade_of_a_group_is_one_of_each_member() {
    let plan = resolved(&fault("at = \"1m\"\nupgrade = { actor = \"servers\", profile = \"hardened\" }"));
    let kinds: Vec<_> = plan.faults.into_iter().map(|fault| fault.kind).collect();
    let upgrade = |name| FaultKind::Upgrade { actor: actor(name), profile: Profile::Hardened };
    assert_eq!(kinds, [upgrade("smp"), upgrade("site-1"), upgrade("site-2")]);
}

#[test]
fn heal_is_when_the_last_fault_is_over_unless_the_file_says_later() {
    let crash = "at = \"1m\"\nfor = \"5s\"\ncrash = { who = \"site-1\" }";
    assert_eq!(resolved(SMALL).heal_ms, None);
    assert_eq!(resolved(&fault(crash)).heal_ms, Some(65_000));
    assert_eq!(resolved(&fault(&format!("{crash}\n[hardship]\nheal = \"2m\""))).heal_ms, Some(120_000));
    assert!(resolve(&fault(&format!("{crash}\n[hardship]\nheal = \"64s\""))).is_err());
}

#[test]
fn attackers_have_the_usual_victim_and_server_and_a_key_of_their_own() {
    let table = |lines: &str| resolved(&with("", &format!("[[attackers]]\n{lines}"))).attackers;
    let usual = AttackerPlan {
        attack: Attack::AlteredAgentSignature,
        server: ActorId::Site(1),
        victim: ActorId::Agent(1),
        start_ms: 0,
        until_ms: 600_000,
        interval_ms: 10_000,
        burst: 1,
        key: 6,
    };
    assert_eq!(table("attack = \"altered_agent_signature\""), std::slice::from_ref(&usual));
    let servers = ["replay", "cross_server_replay", "key_swap", "tampered_batch"].map(|attack| {
        let attackers = table(&format!("attack = \"{attack}\""));
        (attackers[0].server.to_string(), attackers[0].victim.to_string())
    });
    let named = |server: &str, victim: &str| (server.to_owned(), victim.to_owned());
    assert_eq!(
        servers,
        [named("site-1", "agent-1"), named("smp", "agent-1"), named("smp", "agent-1"), named("smp", "site-1")]
    );
    let several = table(
        "attack = \"registry_flood\"\nvictim = \"agent-2\"\nserver = \"smp\"\nstart = \"1m\"\nuntil = \"2m\"\n\
         every = \"1s\"\nburst = 50\ncount = 2",
    );
    let flood = AttackerPlan {
        attack: Attack::RegistryFlood,
        server: ActorId::Smp,
        victim: ActorId::Agent(2),
        start_ms: 60_000,
        until_ms: 120_000,
        interval_ms: 1_000,
        burst: 50,
        key: 6,
    };
    assert_eq!(several, [flood.clone(), AttackerPlan { key: 7, ..flood }]);
}

#[test]
fn clocks_wander_as_the_file_says() {
    let plan = resolved(&with("", "[smp]\nclock = { wander = { amplitude = \"200ms\", period = \"10m\" } }"));
    assert_eq!(plan.smp.clock.wander, Some(Wander { amplitude_ms: 200, period_ms: 600_000 }));
}

#[test]
fn clones_have_identity_and_key_of_their_agent_and_leave_the_others_as_they_were() {
    let start = "start = { min = \"0s\", max = \"5m\" }";
    let plain = resolved(&with("", start));
    let cloned = resolved(&with("", &format!("{start}\nclones = 2")));
    assert_eq!(cloned.agents[..3], plain.agents);
    let clones: Vec<_> = cloned.agents[3..].iter().map(|agent| (agent.clone_of, agent.key)).collect();
    assert_eq!(clones, [1, 2, 3, 1, 2, 3].map(|number| (Some(number), number + 2)));
    let starts: BTreeSet<u64> = cloned.agents.iter().map(|agent| agent.start_ms).collect();
    assert_eq!(starts.len(), 9, "each draws its own");
    let arrivals = SMALL.replace(
        "visits = { every = \"1m\" }",
        "clones = 1\narrivals = { phases = [{ rate = \"1/s\", for = \"6s\" }] }",
    );
    assert!(
        resolved(&arrivals).agents.iter().all(|agent| {
            matches!(&agent.visits, countersign::plan::Visits::At { times_us } if times_us.len() == 1)
        })
    );
}

#[test]
fn a_profile_has_its_own_parameters_expectations_and_software() {
    let text = with(
        "",
        "profile = \"hardened\"\n[expect]\nreach = [\"one_step\"]\n[parameters]\nlook_ahead = \"10m\"\nleeway = \"1s\"\n\
         [thresholds]\ntwo_step_p99_ms = 9\n\
         [literal.parameters]\nleeway = \"5s\"\n[literal.expect]\nviolations = [\"S1\"]\nnever = [\"forbidden\"]\n\
         [literal.thresholds]\none_step_p99_ms = 7\n[hardened.expect]\nreach = [\"one_step\", \"two_step\"]",
    )
    .replace("[sites]", "[smp]\nprofile = \"hardened\"\n[sites]\nprofile = \"literal\"");
    let scenario = Scenario::from_toml("small.toml", &text).unwrap();
    let plan = |profile| scenario.resolve(None, Overrides { profile: Some(profile), crypto: None }).unwrap();
    let literal = plan(Profile::Literal);
    assert_eq!((literal.parameters.look_ahead_s, literal.parameters.leeway_s), (600, 5));
    assert_eq!(literal.expectation.violations, [Invariant::S1]);
    assert_eq!(literal.expectation.reach, [Milestone::OneStep]);
    assert_eq!(literal.expectation.never, [Milestone::Forbidden]);
    let thresholds = &literal.expectation.thresholds;
    assert_eq!((thresholds.one_step_p99_ms, thresholds.two_step_p99_ms), (Some(7), Some(9)));
    let hardened = plan(Profile::Hardened);
    assert_eq!((hardened.parameters.look_ahead_s, hardened.parameters.leeway_s), (600, 1));
    assert_eq!(hardened.expectation.reach, [Milestone::OneStep, Milestone::TwoStep]);
    assert!(hardened.expectation.violations.is_empty() && hardened.expectation.never.is_empty());
    let profiles =
        [ActorId::Smp, ActorId::Site(1), ActorId::Agent(1)].map(|actor| literal.profile_of(actor, VirtualTime::ZERO));
    assert_eq!(profiles, [Profile::Hardened, Profile::Literal, Profile::Hardened]);
}

#[test]
fn draws_of_one_table_are_the_same_when_another_changes() {
    let ranges = "at = { min = \"1m\", max = \"4m\" }\nfor = { min = \"1s\", max = \"1m\" }\n\
                  loss = { from = \"agents\", to = \"smp\", lost_ppm = { min = 0, max = 1_000_000 } }";
    let alone = resolved(&fault(ranges)).faults;
    let other = "[[faults]]\nat = { min = \"1m\", max = \"4m\" }\nfor = { min = \"1s\", max = \"1m\" }\n\
                 crash = { who = \"smp\" }\n[[attackers]]\nattack = \"replay\"\nstart = { min = \"0s\", max = \"1m\" }\n\
                 [parameters]\nleeway = { min = \"0s\", max = \"9s\" }";
    let both = resolved(&fault(&format!("{ranges}\n{other}"))).faults;
    assert_eq!(both[..1], alone);
    assert_ne!((both[1].at_ms, both[1].until_ms), (alone[0].at_ms, alone[0].until_ms));

    let storm = "[hardship]\nprofile = \"storm\"\n";
    let drawn = resolved(&with("", storm)).faults;
    assert!(drawn.len() > 10, "{}", drawn.len());
    let with_others = resolved(&with("", &format!("{storm}{other}"))).faults;
    // But for keys: there is one attacker more.
    let without_keys =
        |faults: &[Fault]| faults.iter().map(|it| (it.at_ms, it.until_ms, it.kind.name())).collect::<Vec<_>>();
    assert_eq!(without_keys(&with_others[1..]), without_keys(&drawn));
}

/// Seeds of a swarm differ in what they have, and every kind is had by some.
#[test]
fn a_swarm_has_every_kind_in_some_seed_and_only_one_kind_in_others() {
    let text =
        with("", "policy_interval = \"1m\"\n[hardship]\nprofile = \"swarm\"\n[parameters]\npolicy_interval = \"1m\"");
    let scenario = Scenario::from_toml("swarm.toml", &text).unwrap();
    let overrides = Overrides { profile: Some(Profile::Hardened), crypto: None };
    let (mut kinds, mut attacks, mut parameters) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut only_one, mut attacked) = (0, 0);
    for seed in 0..300 {
        let plan = scenario.resolve(Some(seed), overrides).unwrap();
        let names: BTreeSet<_> = plan.faults.iter().map(|fault| fault.kind.name()).collect();
        only_one += u32::from(names.len() == 1 && plan.faults.len() >= 5);
        attacked += u32::from(!plan.attackers.is_empty());
        kinds.extend(names);
        attacks.extend(plan.attackers.iter().map(|attacker| attacker.attack));
        let agent = &plan.agents[0];
        let keeps_alive = agent.connection_use == ConnectionUse::KeepAlive;
        parameters.insert((format!("{:?}", plan.scheme), keeps_alive, agent.connections));
        assert!((600..=3_600).contains(&plan.parameters.token_lifetime_s));
        assert_eq!(plan.parameters.registry_window, 64);
    }
    assert_eq!(kinds.len(), 19, "{kinds:?}");
    assert_eq!(parameters.len(), 12, "{parameters:?}");
    assert!((40..=110).contains(&only_one), "{only_one} of 300 seeds");
    assert!((110..=190).contains(&attacked), "{attacked} of 300 seeds");
    assert!(attacks.len() >= 14 && attacks.iter().all(|attack| is_withstood(*attack)), "{attacks:?}");
}

/// Whether the network stays fair for the attack's victim, or hardened withstands it all the same.
fn is_withstood(attack: Attack) -> bool {
    attack == Attack::StolenToken || !matches!(attack.power(), Power::OnPath | Power::HasKey)
}

#[test]
fn a_swarm_leaves_what_the_file_settles() {
    let text = with(
        "scheme = \"https\"",
        "connections = 2\nconnection_use = \"new\"\n[parameters]\ntoken_lifetime = \"17m\"\n\
                [hardship]\nprofile = \"swarm\"",
    );
    let scenario = Scenario::from_toml("swarm.toml", &text).unwrap();
    for seed in 0..20 {
        let plan = scenario.resolve(Some(seed), Overrides::default()).unwrap();
        assert_eq!(plan.scheme, countersign::types::Scheme::Https);
        assert_eq!(plan.parameters.token_lifetime_s, 1_020);
        assert!(plan.agents.iter().all(|agent| (agent.connections, agent.connection_use) == (2, ConnectionUse::New)));
    }
}

/// All refusals in one place, as a person reads them in a log.
#[test]
fn errors_in_hardship_say_where_what_was_found_and_what_was_expected() {
    let lasting = |kind: &str| fault(&format!("at = \"5m\"\nfor = \"30s\"\n{kind}"));
    let crash = "crash = { who = \"smp\" }";
    let attacker = |lines: &str| with("", &format!("[[attackers]]\n{lines}"));
    let hardship = |lines: &str| with("", &format!("[hardship]\n{lines}"));
    let cases = [
        ("a fault that is nothing", fault("at = \"5m\"")),
        ("a fault that is two things", lasting(&format!("{crash}\nrotate_server_key = {{}}"))),
        ("an unknown fault", lasting("partion = { from = \"smp\", to = \"agents\" }")),
        ("a fault without a time", fault(crash)),
        ("a fault without an end", fault(&format!("at = \"5m\"\n{crash}"))),
        ("an end twice", lasting(&format!("until = \"6m\"\n{crash}"))),
        ("an end for what is for good", lasting("change_agent_key = { agent = \"agent-1\" }")),
        ("an end before its start", fault(&format!("at = \"5m\"\nuntil = \"4m\"\n{crash}"))),
        ("an end after the run", fault(&format!("at = \"5m\"\nfor = \"6m\"\n{crash}"))),
        ("no time at all", fault(&format!("at = \"5m\"\nfor = \"0s\"\n{crash}"))),
        ("a fault after the run", fault("at = \"10m\"\nrotate_server_key = {}")),
        ("a fault that heals too late", format!("{}[hardship]\nheal = \"5m\"\n", lasting(crash))),
        ("times without every", lasting(&format!("times = 3\n{crash}"))),
        ("every without times", lasting(&format!("every = \"1m\"\n{crash}"))),
        ("times with until", fault(&format!("at = \"5m\"\nuntil = \"6m\"\ntimes = 2\nevery = \"1m\"\n{crash}"))),
        ("never", lasting(&format!("times = 0\nevery = \"1m\"\n{crash}"))),
        ("beyond all times", lasting(&format!("times = 4_000_000_000\nevery = \"1m\"\n{crash}"))),
        ("nobody", lasting("crash = { who = \"site1\" }")),
        ("a site that is none", lasting("crash = { who = \"site-3\" }")),
        ("an agent that is none", lasting("revoke = { agent = \"agent-4\" }")),
        ("a server for an agent", lasting("revoke = { agent = \"site-1\" }")),
        ("an agent for a server", lasting("overload = { server = \"agent-1\", slowdown = 2 }")),
        ("a branch that is none", lasting("partition = { from = \"branch-3\", to = \"smp\" }")),
        ("a machine of an attacker", lasting("crash = { who = \"attacker-1\" }")),
        ("one side twice", lasting("partition = { from = \"smp\", to = \"smp\" }")),
        ("no other side", lasting("partition = { from = \"smp\" }")),
        ("more than all", lasting("loss = { from = \"agents\", to = \"smp\", lost_ppm = 1_000_001 }")),
        ("a slowdown of none", lasting("overload = { server = \"smp\", slowdown = 0 }")),
        ("a line that carries nothing", lasting("slow_link = { from = \"agents\", to = \"smp\", bytes_per_s = 0 }")),
        ("a long delay", lasting("delay = { from = \"agents\", to = \"smp\", added = \"61s\" }")),
        (
            "an empty delay",
            lasting("delay = { from = \"agents\", to = \"smp\", added = { min = \"2s\", max = \"1s\" } }"),
        ),
        ("no hold", lasting("reorder = { clients = \"agents\", share_ppm = 1, held_max = \"0s\" }")),
        ("a step of days", lasting("clock_step = { who = \"smp\", by = \"-2d\" }")),
        ("a key for a rotation", lasting("rotate_server_key = { key = 7 }")),
        ("no change of policy", lasting("change_policy = {}")),
        ("a short lifetime", lasting("change_policy = { token_lifetime = \"59s\" }")),
        ("a port in use", lasting("move = { site = \"site-1\", port = 443 }")),
        ("a port beyond all ports", lasting("move = { site = \"site-1\", port = 65536 }")),
        ("an upgrade of nobody", fault("at = \"5m\"\nupgrade = { actor = \"branch-7\", profile = \"hardened\" }")),
        ("a swing that is too fast", with("", "[smp]\nclock = { wander = { amplitude = \"1m\", period = \"2m\" } }")),
        ("an unknown attack", attacker("attack = \"repaly\"")),
        ("a victim that is no agent", attacker("attack = \"replay\"\nvictim = \"site-1\"")),
        ("a batch of an agent", attacker("attack = \"tampered_batch\"\nvictim = \"agent-1\"")),
        ("an issuer that is none", attacker("attack = \"key_swap\"\nserver = \"site-1\"")),
        ("an attack that ends before", attacker("attack = \"replay\"\nstart = \"2m\"\nuntil = \"1m\"")),
        ("an attack after the run", attacker("attack = \"replay\"\nstart = \"10m\"")),
        ("no interval", attacker("attack = \"replay\"\nevery = \"0s\"")),
        ("no attacker", attacker("attack = \"replay\"\ncount = 0")),
        ("no request", attacker("attack = \"registry_flood\"\nburst = 0")),
        ("an unknown hardship", hardship("profile = \"stormy\"")),
        ("no time for hardship", hardship("profile = \"storm\"\nfrom = \"5m\"\nheal = \"5m\"")),
        ("a start of nothing", hardship("from = \"5m\"")),
        ("healing after the run", hardship("heal = \"11m\"")),
        ("too many clones", with("", "clones = 1001")),
        ("more clones than keys", SMALL.replace("count = 3", "count = 3000\nclones = 9")),
        ("reach what must never be", with("", "[expect]\nreach = [\"one_step\"]\nnever = [\"one_step\"]")),
        ("a parameter of a profile", with("", "[literal.parameters]\nregistry_window = 0")),
        ("an empty range of a profile", with("", "[literal.parameters]\nleeway = { min = \"2s\", max = \"1s\" }")),
        ("an unknown key of a profile", with("", "[hardened]\nparamters = {}")),
    ];
    let mut text = String::new();
    for (case, scenario) in cases {
        let error = resolve(&scenario).map(|plan| plan.to_json().unwrap()).expect_err(case);
        text.push_str(&format!("--- {case}\n{}", error.render(None)));
    }
    insta::assert_snapshot!(text);
}

/// What no scenario can say, but an edited plan can.
#[test]
fn a_plan_is_refused_where_faults_attackers_and_clones_cannot_be() {
    let base = resolved(&format!(
        "{}[[attackers]]\nattack = \"replay\"\n",
        fault("at = \"5m\"\nfor = \"30s\"\nrotate_server_key = {}")
    ));
    type Change = fn(&mut Plan);
    let cases: [(&str, Change); 14] = [
        ("faults[0].at_ms", |plan| plan.faults[0].at_ms = u64::MAX),
        ("faults[0].until_ms", |plan| plan.faults[0].until_ms = Some(u64::MAX)),
        ("faults[0].until_ms", |plan| plan.faults[0].until_ms = Some(300_000)),
        ("faults[0].until_ms", |plan| plan.heal_ms = None),
        ("heal_ms", |plan| plan.heal_ms = Some(u64::MAX)),
        ("faults[0].kind.rotate_server_key.key", |plan| {
            plan.faults[0].kind = FaultKind::RotateServerKey { key: plan.agents[2].key };
        }),
        ("faults[0].kind.rotate_server_key.key", |plan| {
            plan.faults[0].kind = FaultKind::RotateServerKey { key: u32::MAX };
        }),
        ("attackers[0].key", |plan| plan.attackers[0].key = plan.smp.key),
        ("attackers[0].until_ms", |plan| plan.attackers[0].until_ms = u64::MAX),
        ("agents[1].clone_of", |plan| plan.agents[1].clone_of = Some(4)),
        ("agents[1].clone_of", |plan| plan.agents[1].clone_of = Some(2)),
        ("agents[1].key", |plan| plan.agents[1].clone_of = Some(1)),
        ("smp.clock.steps[0].at_ms", |plan| plan.smp.clock.steps = vec![ClockStep { at_ms: u64::MAX, by_ms: 1 }]),
        ("smp.clock.steps[0].by_ms", |plan| plan.smp.clock.steps = vec![ClockStep { at_ms: 1, by_ms: i64::MIN }]),
    ];
    assert_eq!(base.check(), Ok(()));
    for (place, change) in cases {
        let mut plan = base.clone();
        change(&mut plan);
        assert_eq!(plan.check().unwrap_err().place, place);
    }
    let mut cloned = base.clone();
    (cloned.agents[1].clone_of, cloned.agents[1].key) = (Some(1), base.agents[0].key);
    assert_eq!(cloned.check(), Ok(()));
    (cloned.agents[2].clone_of, cloned.agents[2].key) = (Some(2), base.agents[0].key);
    assert_eq!(cloned.check().unwrap_err().place, "agents[2].clone_of", "a clone of a clone");
}

#[derive(Clone, Debug)]
struct Population {
    seed: u64,
    duration_ms: u64,
    sites: u32,
    branches: u32,
    groups: Vec<(u32, u32, bool)>,
    profile: &'static str,
    hardship: &'static str,
    /// From and heal, in per mille of the run.
    window: Option<(u64, u64)>,
    lifetime_s: Option<u64>,
    policy_s: Option<u64>,
    offset_s: u64,
}

impl Population {
    fn text(&self) -> String {
        let mut text = format!(
            "description = \"Drawn.\"\nprofile = \"{}\"\nduration = \"{}ms\"\n[network]\nbranches = {}\n\
             [sites]\ncount = {}\nclock = {{ offset = {{ min = \"-{offset}s\", max = \"{offset}s\" }} }}\n\
             [hardship]\nprofile = \"{}\"\n",
            self.profile,
            self.duration_ms,
            self.branches,
            self.sites,
            self.hardship,
            offset = self.offset_s,
        );
        if let Some((from_ms, heal_ms)) = self.window_ms() {
            text += &format!("from = \"{from_ms}ms\"\nheal = \"{heal_ms}ms\"\n");
        }
        text += "[parameters]\n";
        text += &self.lifetime_s.map_or(String::new(), |lifetime_s| format!("token_lifetime = \"{lifetime_s}s\"\n"));
        text += &self.policy_s.map_or(String::new(), |policy_s| format!("policy_interval = \"{policy_s}s\"\n"));
        for (count, clones, visits_smp) in &self.groups {
            let server = if *visits_smp || self.sites == 0 { "smp" } else { "sites" };
            let policy = self.policy_s.map_or("never".to_owned(), |policy_s| format!("{policy_s}s"));
            text += &format!(
                "[[agents]]\ncount = {count}\nclones = {clones}\nserver = \"{server}\"\npolicy_interval = \"{policy}\"\n\
                 visits = {{ every = \"1m\" }}\n"
            );
        }
        text
    }

    fn window_ms(&self) -> Option<(u64, u64)> {
        self.window.map(|(from, length)| {
            let from_ms = self.duration_ms * from / 1_000;
            (from_ms, (from_ms + 1 + self.duration_ms * length / 1_000).min(self.duration_ms))
        })
    }
}

fn population() -> impl Strategy<Value = Population> {
    let times =
        (any::<u64>(), prop_oneof![10..1_000_u64, 10..100_000_000_u64], prop::option::of((0..500_u64, 0..500_u64)));
    let people = (0..5_u32, 1..9_u32, prop::collection::vec((1..20_u32, 0..3_u32, any::<bool>()), 1..4));
    let profiles = (prop::sample::select(&["literal", "hardened"]), prop::sample::select(&MIXTURES));
    let numbers =
        (prop::option::of(60..86_400_u64), prop::option::of(1..2_000_u64), prop_oneof![Just(0), 0..3_000_u64]);
    (times, people, profiles, numbers).prop_map(
        |((seed, duration_ms, window), (sites, branches, groups), (profile, hardship), numbers)| {
            let (lifetime_s, policy_s, offset_s) = numbers;
            Population {
                seed,
                duration_ms,
                sites,
                branches,
                groups,
                profile,
                hardship,
                window,
                lifetime_s,
                policy_s,
                offset_s,
            }
        },
    )
}

/// σ of a plan: how far apart two clocks ever are, true time being one of them; in nanoseconds.
fn skew_ns(plan: &Plan) -> i128 {
    let end = VirtualTime::from_millis(plan.duration_ms);
    let sites = (1..).map(ActorId::Site).take(plan.sites.len());
    let agents = (1..).map(ActorId::Agent).take(plan.agents.len());
    let bounds = std::iter::once(ActorId::Smp)
        .chain(sites)
        .chain(agents)
        .map(|actor| plan.clock_of(actor).error_bounds_nanos(VirtualTime::ZERO, end))
        .fold((0, 0), |(least, most), (low, high)| (least.min(low), most.max(high)));
    bounds.1 - bounds.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whoever takes part and whatever the seed: the plan can be run, everything heals in time, and nothing strikes that an
    /// honest fleet could not recover from.
    #[test]
    fn what_a_seed_draws_is_sound_heals_in_time_and_leaves_the_fleet_able_to_recover(population in population()) {
        let text = population.text();
        let scenario = Scenario::from_toml("drawn.toml", &text).unwrap();
        let plan = scenario.resolve(Some(population.seed), Overrides::default());
        let plan = plan.unwrap_or_else(|error| panic!("{text}\n{}", error.render(None)));
        prop_assert_eq!(plan.check(), Ok(()));
        let usual = (population.duration_ms / 10, population.duration_ms / 2);
        let (from_ms, heal_ms) = population.window_ms().unwrap_or(usual);
        prop_assert_eq!(plan.heal_ms, Some(heal_ms));
        let mut lifetime_s = plan.parameters.token_lifetime_s;
        for fault in &plan.faults {
            prop_assert!(from_ms <= fault.at_ms && fault.at_ms < heal_ms);
            prop_assert_eq!(fault.until_ms.is_some(), fault.kind.may_end());
            prop_assert!(fault.until_ms.is_none_or(|until_ms| until_ms <= heal_ms));
            match fault.kind {
                FaultKind::ChangePolicy { token_lifetime_s: Some(changed_s), .. } => lifetime_s = lifetime_s.min(changed_s),
                FaultKind::Upgrade { profile, .. } => prop_assert_eq!(profile, Profile::Hardened),
                FaultKind::Rollback { .. } | FaultKind::ChangeAgentKey { .. } => {
                    prop_assert_eq!(plan.profile, Profile::Hardened);
                }
                FaultKind::RotateServerKey { .. } | FaultKind::Move { .. } | FaultKind::Revoke { .. } => {
                    let left_s = (plan.duration_ms - heal_ms) / 1_000;
                    prop_assert!(population.policy_s.is_some_and(|policy_s| policy_s <= left_s));
                }
                _ => {}
            }
        }
        let steps = plan.faults.iter().filter(|fault| matches!(fault.kind, FaultKind::ClockStep { .. })).count();
        if steps > 0 {
            prop_assert!(skew_ns(&plan) * 2 < i128::from(lifetime_s) * 1_000_000_000, "{steps} steps");
        }
        // Two of one kind never last at once: they could add up.
        for (index, one) in plan.faults.iter().enumerate() {
            for other in &plan.faults[index + 1..] {
                let adds_up = matches!(one.kind, FaultKind::ClockStep { .. } | FaultKind::ChangePolicy { .. })
                    || matches!(one.kind, FaultKind::Move { .. } | FaultKind::RotateServerKey { .. });
                if adds_up && one.kind.name() == other.kind.name() {
                    prop_assert!(one.until_ms <= Some(other.at_ms) || other.until_ms <= Some(one.at_ms));
                }
            }
        }
        for attacker in &plan.attackers {
            prop_assert!(["storm", "swarm"].contains(&population.hardship));
            prop_assert!(from_ms <= attacker.start_ms && attacker.until_ms <= heal_ms);
            prop_assert!(is_withstood(attacker.attack));
        }
    }

    #[test]
    fn no_number_in_hardship_makes_the_check_panic_and_what_it_lets_pass_can_be_reckoned_with(
        times in prop::collection::vec(prop_oneof![Just(0), Just(u64::MAX), 0..700_000_u64, any::<u64>()], 8),
        numbers in any::<[u32; 3]>(),
        by_ms in prop_oneof![any::<i64>(), -90_000_000..90_000_000_i64],
        port in any::<u16>(),
    ) {
        let mut plan = resolved(&fault("at = \"5m\"\nfor = \"30s\"\ncrash = { who = \"smp\" }"));
        plan.heal_ms = Some(times[0]);
        let mut push = |kind| plan.faults.push(Fault { at_ms: times[1], until_ms: Some(times[2]), kind });
        push(FaultKind::ClockStep { who: Group::Branch(numbers[0]), by_ms });
        push(FaultKind::Move { site: ActorId::Site(numbers[1]), port });
        push(FaultKind::Overload { server: ActorId::Site(1), slowdown: numbers[2] });
        plan.smp.clock.wander = Some(Wander { amplitude_ms: times[3], period_ms: times[4] });
        plan.smp.clock.steps = vec![ClockStep { at_ms: times[5], by_ms }];
        plan.agents[1].clone_of = Some(numbers[0]);
        if plan.check().is_err() {
            // One after the other, so that not all of them fail for the same reason.
            plan.faults.truncate(1);
            plan.heal_ms = Some(330_000);
            plan.agents[1].clone_of = None;
        }
        if plan.check().is_ok() {
            let at = VirtualTime::from_millis(plan.duration_ms);
            let _ = plan.clock_of(ActorId::Smp).wall_at(plan.run_start, at);
            let _ = plan.faults.iter().map(|fault| fault.lasts_at(at)).collect::<Vec<_>>();
        }
    }
}
