//! Every shipped scenario is run: with its own seed and others, in its own profile and the other; and with its rule
//! turned off, so that it is known that it can fail.
//!
//! Signatures are modelled here: that the result does not depend on them is shown in the suite on determinism.

mod small_plan;

use std::{fmt::Write as _, thread};

use countersign::{
    plan::{ConnectionUse, Invariant, Milestone, Plan},
    report::{Report, Rule, Verdict},
    scenario::shipped,
    types::{ClockModel, CryptoTier, Profile, Scheme},
};
use small_plan::{report, shipped_plan};

const OTHER_SEEDS: [u64; 3] = [11, 12, 13];

/// The scenarios of `load/` take minutes: they are run by hand and by the benches. Those of `negative/` have planted bugs, and
/// are run where these can be planted.
const NOT_HERE: [&str; 2] = ["load/", "negative/"];

/// Every scenario of these folders is run in a test of the folder.
const FOLDERS: [&str; 9] =
    ["attack/", "coexistence/", "hardship/", "hole/", "machine/", "migration/", "portal/", "regressions/", "scheme/"];

/// What they show, they show with every seed.
const FURTHER_SEEDS: [u64; 2] = [11, 12];

/// These take seconds each: once is enough.
const ONCE: [&str; 2] = ["smoke/thousand_agents", "rules/validation_ceiling"];

/// What a scenario for one profile shows in the other, and why that is right.
const SHOWS_IN_THE_OTHER_PROFILE: [(&str, Profile, Invariant); 2] = [
    // The hardened look-ahead is what it is about; without it tokens are not refreshed in time (hole 8).
    ("rules/late_refresh_hardened", Profile::Literal, Invariant::L5),
    // Hardened, the two connections of a cold agent share one fetch and so one token, whose two counters a window of
    // one cannot take out of order: the spurious refusal of hole 3, in a cold exchange.
    ("rules/window_of_one", Profile::Hardened, Invariant::L1),
];

/// The rules that each scenario of `rules/` is about: it exercises them.
const ABOUT: [(&str, &[u8]); 18] = [
    ("batch_ceiling", &[40]),
    ("cache_expiry", &[36]),
    ("cache_hit", &[32]),
    ("connection_authenticated", &[9, 15]),
    ("connection_over_tls", &[9, 15]),
    ("expiry_in_use", &[46, 48]),
    ("late_refresh_hardened", &[37]),
    // That nothing is refreshed in time is what it shows; the periods are the rule's.
    ("late_refresh_literal", &[38]),
    ("look_ahead_15_minutes", &[37]),
    ("registry_purge", &[48]),
    ("storage_sweep", &[13]),
    ("upstream_slots", &[42]),
    ("validation_ceiling", &[39, 41]),
    ("validation_period_10", &[38]),
    ("validation_period_30", &[38]),
    ("validation_period_5", &[38]),
    ("window_of_one", &[18]),
    ("window_slide", &[47]),
];

/// Makes two tests of each scenario, and a list of all.
macro_rules! scenarios {
    ($($test:ident: $name:literal,)*) => {
        const NAMES: &[&str] = &[$($name),*];
        $(mod $test {
            #[test]
            fn passes() {
                super::passes($name, None);
            }

            #[test]
            fn holds_with_other_seeds_and_in_the_other_profile() {
                super::holds_elsewhere($name);
            }
        })*
    };
}

scenarios! {
    batch_ceiling: "rules/batch_ceiling",
    cache_expiry: "rules/cache_expiry",
    cache_hit: "rules/cache_hit",
    connection_authenticated: "rules/connection_authenticated",
    connection_over_tls: "rules/connection_over_tls",
    expiry_in_use: "rules/expiry_in_use",
    first_contact: "smoke/first_contact",
    late_refresh_hardened: "rules/late_refresh_hardened",
    late_refresh_literal: "rules/late_refresh_literal",
    look_ahead_15_minutes: "rules/look_ahead_15_minutes",
    registry_purge: "rules/registry_purge",
    storage_sweep: "rules/storage_sweep",
    thousand_agents: "smoke/thousand_agents",
    upstream_slots: "rules/upstream_slots",
    validation_ceiling: "rules/validation_ceiling",
    validation_period_10: "rules/validation_period_10",
    validation_period_30: "rules/validation_period_30",
    validation_period_5: "rules/validation_period_5",
    window_of_one: "rules/window_of_one",
    window_slide: "rules/window_slide",
}

#[test]
fn every_shipped_scenario_is_in_this_suite() {
    for shipped in shipped() {
        assert!(
            NAMES.contains(&shipped.name)
                || FOLDERS.iter().chain(&NOT_HERE).any(|folder| shipped.name.starts_with(folder)),
            "{}: add it to `scenarios!` above",
            shipped.name
        );
    }
}

#[test]
fn every_hole_is_open_or_closed_as_the_profile_has_it() {
    all_pass(in_both_profiles("hole/"));
}

/// Attacks 22 and 26 have no attacker: clocks and restarts make them, in scenarios alone.
#[test]
fn every_attack_ends_as_the_profile_has_it() {
    all_pass(in_both_profiles("attack/"));
}

#[test]
fn every_portal_is_as_the_profile_has_it() {
    all_pass(in_both_profiles("portal/"));
}

#[test]
fn every_scheme_falls_where_its_table_says() {
    all_pass(in_both_profiles("scheme/"));
}

#[test]
fn kinds_of_authentication_stand_beside_each_other() {
    all_pass(in_both_profiles("coexistence/"));
}

#[test]
fn a_migration_hurts_those_alone_who_still_depend_on_a_password() {
    all_pass(in_both_profiles("migration/"));
}

#[test]
fn every_hardship_is_withstood() {
    all_pass(names("hardship/").map(|name| Run { name, seed: None, profile: None }).collect());
}

#[test]
fn every_machine_follows_and_nothing_opens() {
    all_pass(in_both_profiles("machine/"));
}

#[test]
fn every_regression_stays_mended() {
    all_pass(names("regressions/").map(|name| Run { name, seed: None, profile: None }).collect());
}

/// One run of a scenario.
struct Run {
    name: &'static str,
    seed: Option<u64>,
    profile: Option<Profile>,
}

fn names(folder: &str) -> impl Iterator<Item = &'static str> {
    shipped().into_iter().map(|shipped| shipped.name).filter(move |name| name.starts_with(folder))
}

/// Each scenario of a folder in both profiles, with its own seed and with others.
fn in_both_profiles(folder: &str) -> Vec<Run> {
    let seeds = || [None].into_iter().chain(FURTHER_SEEDS.map(Some));
    let profiles = [Profile::Literal, Profile::Hardened];
    let runs =
        |name| seeds().flat_map(move |seed| profiles.map(move |profile| Run { name, seed, profile: Some(profile) }));
    names(folder).flat_map(runs).collect()
}

/// Two at a time: they are independent, and together take a while.
#[track_caller]
fn all_pass(runs: Vec<Run>) {
    assert!(!runs.is_empty());
    let failure = |run: &Run| {
        let report = report(&plan(run.name, run.seed, run.profile));
        let title = || format!("\n{}, seed {:?}, {:?}", run.name, run.seed, run.profile);
        (report.verdict != Verdict::Passed).then(|| title() + &table(&report))
    };
    let failures: String = thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let runs = runs.iter().skip(half).step_by(2);
            scope.spawn(move || runs.filter_map(failure).collect::<String>())
        });
        halves.map(|half| half.join().unwrap()).concat()
    });
    assert!(failures.is_empty(), "{failures}");
}

fn plan(name: &str, seed: Option<u64>, profile: Option<Profile>) -> Plan {
    shipped_plan(name, seed, profile, Some(CryptoTier::Modelled))
}

fn passes(name: &str, seed: Option<u64>) {
    let report = report(&plan(name, seed, None));
    assert_eq!(report.verdict, Verdict::Passed, "{}", table(&report));
    if let Some(rule) = name.strip_prefix("rules/") {
        let (_, about) =
            ABOUT.iter().find(|(about, _)| *about == rule).unwrap_or_else(|| panic!("{name}: which rule?"));
        for rule in *about {
            let exercised = &report.rules.exercised;
            assert!(exercised.contains_key(&Rule(*rule)), "{name} does not exercise rule {rule}, only {exercised:?}");
        }
    }
}

fn holds_elsewhere(name: &str) {
    if ONCE.contains(&name) {
        return;
    }
    for seed in OTHER_SEEDS {
        passes(name, Some(seed));
    }
    let other = match plan(name, None, None).profile {
        Profile::Literal => Profile::Hardened,
        Profile::Hardened => Profile::Literal,
    };
    let report = report(&plan(name, Some(OTHER_SEEDS[0]), Some(other)));
    let unexpected = report.violation_counts.keys().find(|invariant| {
        !SHOWS_IN_THE_OTHER_PROFILE
            .iter()
            .any(|(shows, profile, shown)| (*shows, *profile, shown) == (name, other, invariant))
    });
    assert_eq!(unexpected, None, "{}", table(&report));
}

/// What there is to say about a run that did not go as it should.
fn table(report: &Report) -> String {
    let mut table = format!("\n{}\n", report.reproduce);
    let mut row = |name: &str, value: String| writeln!(table, "  {name:<22} {value}").unwrap();
    row("verdict", report.verdict.word().to_owned());
    row("violations", format!("{:?}", report.violation_counts));
    row("expected violations", {
        let counts = report.expected_violations.iter().map(|expected| (expected.invariant, expected.count));
        format!("{:?}", counts.collect::<Vec<_>>())
    });
    row("milestones missing", format!("{:?}", report.milestones_missing));
    row("milestones", format!("{:?}", report.milestones));
    row("thresholds missed", format!("{:?}", report.thresholds_missed));
    for violation in report.violations.iter().take(3) {
        row("for example", violation.what.clone());
    }
    table
}

/// A scenario with its rule turned off.
struct Broken {
    name: &'static str,
    change: fn(&mut Plan),
    /// Exactly these milestones are no longer reached.
    lost: &'static [Milestone],
    verdict: Verdict,
}

const fn broken(name: &'static str, change: fn(&mut Plan), lost: &'static [Milestone]) -> Broken {
    Broken { name, change, lost, verdict: Verdict::Inconclusive }
}

const BROKEN: &[Broken] = &[
    broken(
        "rules/batch_ceiling",
        |plan| {
            plan.parameters.batch_size_max = 4_096;
            plan.parameters.caps.batch_response_bytes = 16 << 20;
        },
        &[Milestone::BatchFull],
    ),
    broken("rules/cache_expiry", |plan| every_agent(plan, |agent| agent.leave_ms = None), &[Milestone::CacheExpired]),
    broken(
        "rules/cache_hit",
        |plan| plan.parameters.token_lifetime_s = 2 * 3_600,
        &[Milestone::TokenRefreshed, Milestone::CacheHit],
    ),
    broken(
        "rules/connection_authenticated",
        |plan| {
            every_agent(plan, |agent| (agent.requests, agent.connection_use) = (1, ConnectionUse::New));
        },
        &[Milestone::ConnectionReused],
    ),
    broken("rules/connection_over_tls", |plan| plan.scheme = Scheme::Http, &[Milestone::ConnectionReused]),
    broken(
        "rules/expiry_in_use",
        |plan| every_agent(plan, |agent| agent.clock = ClockModel::default()),
        &[Milestone::ExpiredRefused, Milestone::RegistryExpiredInUse],
    ),
    Broken {
        name: "rules/late_refresh_hardened",
        change: |plan| plan.profile = Profile::Literal,
        lost: &[],
        verdict: Verdict::Violated,
    },
    broken("rules/late_refresh_literal", |plan| plan.parameters.look_ahead_s = 31 * 60, &[]),
    Broken {
        name: "rules/look_ahead_15_minutes",
        // At 0:56, with four minutes left, nothing is due yet.
        change: |plan| plan.parameters.look_ahead_s = 3 * 60,
        lost: &[Milestone::TokenRefreshed, Milestone::CacheHit],
        verdict: Verdict::Violated,
    },
    broken(
        "rules/registry_purge",
        |plan| plan.parameters.registry_purge_period_s = 4 * 3_600,
        &[Milestone::RegistryPurged],
    ),
    broken("rules/storage_sweep", |plan| plan.parameters.agent_sweep_period_s = 8 * 3_600, &[Milestone::StorageSwept]),
    broken(
        "rules/upstream_slots",
        |plan| plan.parameters.upstream_slots = 100,
        &[Milestone::SlotsFull, Milestone::SlotAwaited],
    ),
    broken(
        "rules/validation_ceiling",
        |plan| {
            plan.parameters.validation_tokens_max = 5_000;
            // The validation that is too much for the rule comes at 10:00.
            plan.duration_ms = 11 * 60_000;
        },
        &[Milestone::ValidationFull, Milestone::ValidationOverflow],
    ),
    broken(
        "rules/validation_period_10",
        |plan| plan.parameters.token_lifetime_s = 3_899,
        &[Milestone::PeriodTenMinutes],
    ),
    broken(
        "rules/validation_period_30",
        |plan| plan.parameters.token_lifetime_s = 29_399,
        &[Milestone::PeriodThirtyMinutes],
    ),
    broken(
        "rules/validation_period_5",
        |plan| plan.parameters.token_lifetime_s = 3_900,
        &[Milestone::PeriodFiveMinutes],
    ),
    broken("rules/window_of_one", |plan| plan.parameters.registry_window = 2, &[Milestone::ReplayRefused]),
    broken("rules/window_slide", |plan| plan.parameters.registry_window = 1_024, &[Milestone::WindowSlide]),
];

fn every_agent(plan: &mut Plan, change: impl FnMut(&mut countersign::plan::AgentPlan)) {
    plan.agents.iter_mut().for_each(change);
}

#[test]
fn every_scenario_of_a_rule_fails_without_its_rule() {
    for name in NAMES.iter().filter(|name| name.starts_with("rules/")) {
        assert!(BROKEN.iter().any(|broken| broken.name == *name), "{name}: nothing shows that it can fail");
    }
    let check = |broken: &Broken| {
        let mut plan = plan(broken.name, None, None);
        (broken.change)(&mut plan);
        let report = report(&plan);
        let is_as_expected = report.verdict == broken.verdict && report.milestones_missing == broken.lost;
        (!is_as_expected).then(|| table(&report))
    };
    // Two at a time: they are independent, and together take a while.
    let (left, right) = BROKEN.split_at(BROKEN.len() / 2);
    let failures: String = thread::scope(|scope| {
        let halves = [left, right].map(|half| scope.spawn(move || half.iter().filter_map(check).collect::<String>()));
        halves.map(|half| half.join().unwrap()).concat()
    });
    assert!(failures.is_empty(), "{failures}");
}
