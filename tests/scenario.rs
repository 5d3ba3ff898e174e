//! Scenario files: what they resolve to, and what is said about those that cannot be.

mod hardship;
mod json_schema;

use std::{fs, path::Path};

use countersign::{
    plan::{Milestone, PLAN_VERSION, Plan, Visits},
    scenario::{LookupError, Overrides, Scenario, ScenarioError, find, schema, shipped, spelled},
    types::{ActorId, CryptoTier, Profile},
};
use json_schema::keeps_to;
use proptest::prelude::*;

const SMALL: &str = "description = \"Small.\"\nprofile = \"literal\"\nduration = \"10m\"\n\n[sites]\ncount = 2\n\n\
                     [[agents]]\ncount = 3\nvisits = { every = \"1m\" }\n";

fn resolve(text: &str) -> Result<Plan, ScenarioError> {
    Scenario::from_toml("small.toml", text)?.resolve(None, Overrides::default())
}

fn resolved(text: &str) -> Plan {
    resolve(text).unwrap_or_else(|error| panic!("{}", error.render(None)))
}

/// The small scenario with lines put before its first section, or after its last one.
fn with(top: &str, bottom: &str) -> String {
    format!("{}{SMALL}{}", block(top), block(bottom))
}

fn block(lines: &str) -> String {
    if lines.is_empty() { String::new() } else { format!("{lines}\n") }
}

#[test]
fn every_shipped_scenario_resolves_with_any_seed_in_both_profiles_and_returns_from_json() {
    for shipped in shipped() {
        let mut scenario = shipped.scenario().unwrap_or_else(|error| panic!("{}", error.render(None)));
        // What a planted bug breaks is shown where bugs can be planted.
        let is_planted = scenario.document.plant.take().is_some();
        assert_eq!(is_planted, shipped.name.starts_with("negative/"), "{}", shipped.name);
        for (seed, profile) in
            [(None, None), (Some(u64::MAX), Some(Profile::Literal)), (Some(2), Some(Profile::Hardened))]
        {
            let plan = scenario
                .resolve(seed, Overrides { profile, crypto: None })
                .unwrap_or_else(|error| panic!("{}", error.render(None)));
            // What a regression shows is that its bug is gone: tests of the build in which it can be planted prove that.
            let is_proven =
                is_planted || shipped.name.starts_with("regressions/") || !plan.expectation.reach.is_empty();
            assert!(is_proven, "{}: nothing proves what it shows", shipped.name);
            if plan.agents.len() <= 1_000 {
                let json = plan.to_json().unwrap();
                assert_eq!(Plan::from_json("plan.json", &json).unwrap(), plan, "{}", shipped.name);
            }
        }
    }
}

#[test]
fn the_shipped_scenarios_are_those_in_the_folder() {
    fn collect(dir: &Path, names: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, names);
            } else if path.extension().is_some_and(|ending| ending == "toml") {
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
                names.push(path.strip_prefix(root).unwrap().with_extension("").to_str().unwrap().to_owned());
            }
        }
    }
    let mut names = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"), &mut names);
    names.sort();
    let embedded: Vec<&str> = shipped().iter().map(|shipped| shipped.name).collect();
    assert_eq!(embedded, names, "the embedded list is older than the folder: build sim/scenario/shipped.rs again");
}

#[test]
fn every_milestone_of_the_cache_and_the_registry_is_reached_for_by_a_shipped_scenario() {
    let mut reached = Vec::new();
    for shipped in shipped() {
        reached.extend(shipped.scenario().unwrap().document.expect.reach);
    }
    for milestone in [
        Milestone::CacheHit,
        Milestone::CacheMiss,
        Milestone::TokenRefreshed,
        Milestone::CacheExpired,
        Milestone::BatchFull,
        Milestone::ValidationFull,
        Milestone::ValidationOverflow,
        Milestone::PeriodFiveMinutes,
        Milestone::PeriodTenMinutes,
        Milestone::PeriodThirtyMinutes,
        Milestone::SlotsFull,
        Milestone::SlotAwaited,
        Milestone::WindowSlide,
        Milestone::OutOfOrderAccepted,
        Milestone::ReplayRefused,
        Milestone::RegistryPurged,
        Milestone::RegistryExpiredInUse,
        Milestone::StorageSwept,
        Milestone::ExpiredRefused,
    ] {
        assert!(reached.contains(&milestone), "{milestone:?}");
    }
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/scenario.schema.json");
    let generated = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "renew it: countersign schema > scenarios/scenario.schema.json");
}

#[test]
fn every_shipped_scenario_names_the_schema_and_keeps_to_it() {
    let schema = schema();
    for shipped in shipped() {
        assert!(shipped.text.starts_with("#:schema ../scenario.schema.json\n"), "{}", shipped.name);
        let document = serde_json::to_value(shipped.text.parse::<toml::Table>().unwrap()).unwrap();
        keeps_to(&document, &schema, &schema).unwrap_or_else(|error| panic!("{}: {error}", shipped.name));
    }
    let stray = serde_json::json!({ "description": "", "profile": "literal", "duration": "1m", "stray": 1 });
    assert!(keeps_to(&stray, &schema, &schema).is_err());
    let wrong = serde_json::json!({ "description": "", "profile": "mild", "duration": "1m" });
    assert!(keeps_to(&wrong, &schema, &schema).is_err());
}

#[test]
fn keys_count_from_the_smp_over_the_sites_to_the_agents_and_sites_share_the_agents() {
    let plan = resolved(SMALL);
    assert_eq!((plan.version, plan.seed, plan.crypto), (PLAN_VERSION, 1, CryptoTier::AwsLc));
    assert_eq!(plan.smp.key, 0);
    assert_eq!(plan.sites.iter().map(|site| site.key).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(plan.agents.iter().map(|agent| agent.key).collect::<Vec<_>>(), [3, 4, 5]);
    let servers: Vec<ActorId> = plan.agents.iter().map(|agent| agent.server).collect();
    assert_eq!(servers, [ActorId::Site(1), ActorId::Site(2), ActorId::Site(1)]);
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_seed_another() {
    let text = with("", "start = { min = \"0s\", max = \"5m\" }");
    let scenario = Scenario::from_toml("small.toml", &text).unwrap();
    let plan = |seed| scenario.resolve(Some(seed), Overrides::default()).unwrap();
    assert_eq!(plan(1), plan(1));
    assert_ne!(plan(1).agents, plan(2).agents);
}

#[test]
fn a_range_at_one_key_leaves_the_draws_at_others_as_they_were() {
    let start = "start = { min = \"0s\", max = \"5m\" }";
    let plain = resolved(&with("", start));
    let more = resolved(&with(
        "",
        &format!(
            "{start}\nrequests = {{ min = 1, max = 9 }}\n[[agents]]\ncount = 2\n\
                                            visits = {{ every = {{ min = \"1m\", max = \"2m\" }} }}"
        ),
    ));
    let starts = |plan: &Plan| plan.agents.iter().take(3).map(|agent| agent.start_ms).collect::<Vec<_>>();
    assert_eq!(starts(&plain), starts(&more));
    assert!(more.agents.iter().any(|agent| agent.requests > 1));
}

#[test]
fn the_first_visit_is_never_before_the_start() {
    let plan = resolved(&SMALL.replace("every = \"1m\"", "every = \"1m\", jitter = \"10s\""));
    assert_eq!(plan.agents[0].visits, Visits::Every { first_ms: 10_000, interval_ms: 60_000, jitter_ms: 10_000 });
}

#[test]
fn arrivals_are_dealt_out_by_turns() {
    let text = SMALL.replace(
        "visits = { every = \"1m\" }",
        "start = \"1m\"\narrivals = { phases = [{ rate = \"1/s\", for = \"6s\" }] }",
    );
    let times = resolved(&text).agents.into_iter().map(|agent| agent.visits).collect::<Vec<_>>();
    let at = |times_us: [u64; 2]| Visits::At { times_us: times_us.to_vec() };
    assert_eq!(times, [at([60_500_000, 63_500_000]), at([61_500_000, 64_500_000]), at([62_500_000, 65_500_000])]);
}

#[test]
fn visits_are_due_to_the_microsecond_and_spelled_as_they_were_written() {
    let written = SMALL.replace("visits = { every = \"1m\" }", "visits = { at = [\"1500us\", \"1m 1us\"] }");
    let plan = resolved(&written);
    assert_eq!(plan.agents[0].visits, Visits::At { times_us: vec![1_500, 60_000_001] });
    assert_eq!(resolved(&spelled(&plan, "Small.")).agents, plan.agents);
}

#[test]
fn the_caller_overrides_profile_and_crypto() {
    let scenario = Scenario::from_toml("small.toml", SMALL).unwrap();
    let overrides = Overrides { profile: Some(Profile::Hardened), crypto: Some(CryptoTier::Modelled) };
    let plan = scenario.resolve(Some(7), overrides).unwrap();
    assert_eq!((plan.seed, plan.profile, plan.crypto), (7, Profile::Hardened, CryptoTier::Modelled));
    // The defaults of the parameters follow the profile.
    assert_eq!(plan.parameters.leeway_s, 60);
}

#[test]
fn a_scenario_is_found_by_name_with_or_without_its_ending_else_by_path() {
    assert_eq!(find("smoke/first_contact").unwrap().name, "smoke/first_contact");
    assert_eq!(find("smoke/first_contact.toml").unwrap().name, "smoke/first_contact");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    fs::write(&path, SMALL).unwrap();
    assert_eq!(find(path.to_str().unwrap()).unwrap().document.description, "Small.");
    let Err(LookupError::Unknown { nearest, .. }) = find("smoke/frist_contact") else { panic!("found") };
    assert_eq!(nearest, ["smoke/first_contact"]);
    let Err(LookupError::Unknown { nearest, .. }) = find("first_contact") else { panic!("found") };
    assert_eq!(nearest, ["smoke/first_contact"]);
}

/// All refusals in one place, as a person reads them in a log.
#[test]
fn errors_say_where_what_was_found_what_was_expected_and_what_was_meant() {
    let agents = |lines: &str| with("", lines);
    let visits = |table: &str| SMALL.replace("{ every = \"1m\" }", table);
    let cases = [
        ("no TOML", "description = \"Small.\nprofile = 1".to_owned()),
        ("a broken table", with("", "[network")),
        ("a key twice", with("duration = \"1m\"", "")),
        ("an empty file", String::new()),
        ("an unknown key", with("", "[network]\nlatncy = \"1ms\"")),
        ("an unknown section", with("", "[netwrok]\ntick = \"1ms\"")),
        ("a stranger of a key", with("colour = \"red\"", "")),
        ("an unknown profile", SMALL.replace("literal", "litteral")),
        ("an unknown milestone", with("", "[expect]\nreach = [\"cache_hit\", \"slot_full\"]")),
        ("an unknown invariant", with("", "[expect]\nviolations = [\"S99\"]")),
        ("a missing key", SMALL.replace("duration = \"10m\"\n", "")),
        ("a missing key in a group", SMALL.replace("count = 3\n", "")),
        ("a text for a number", SMALL.replace("count = 3", "count = \"three\"")),
        ("a number for a duration", SMALL.replace("\"10m\"", "10")),
        ("a fraction", SMALL.replace("count = 3", "count = 3.5")),
        ("a negative count", SMALL.replace("count = 3", "count = -3")),
        ("half a range", SMALL.replace("count = 3", "count = { min = 3 }")),
        ("a range of something else", SMALL.replace("count = 3", "count = { min = 3, maks = 4 }")),
        ("an empty range", SMALL.replace("count = 3", "count = { min = 4, max = 3 }")),
        ("a unit that is none", SMALL.replace("10m", "10 minutes")),
        ("no unit", SMALL.replace("\"10m\"", "\"10\"")),
        ("a number beyond all bounds", SMALL.replace("count = 3", "count = 1_000_000_000_000_000_000_000_000_000_000")),
        ("10^12 agents", SMALL.replace("count = 3", "count = 1_000_000_000_000")),
        ("nobody", SMALL.replace("count = 3", "count = 0")),
        ("no group", SMALL.split("[[agents]]").next().unwrap().to_owned()),
        ("no site", SMALL.replace("count = 2", "count = 0")),
        ("a site that is none", agents("server = \"site-3\"")),
        ("a server that is none", agents("server = \"site3\"")),
        ("too many servers", SMALL.replace("count = 2", "count = 100")),
        ("no duration", SMALL.replace("10m", "0s")),
        ("a long duration", SMALL.replace("10m", "401d")),
        ("a duration between milliseconds", SMALL.replace("10m", "1500us")),
        ("no tick", with("", "[network]\ntick = \"0ms\"")),
        ("a latency under a tick", with("", "[network]\ntick = \"10ms\"\nlatency = { min = \"5ms\", max = \"20ms\" }")),
        ("a visit between microseconds", visits("{ at = [\"1500ns\"] }")),
        ("visits out of order", visits("{ at = [\"1500us\", \"1499us\"] }")),
        ("a visit before the start", visits("{ at = [\"59s 999ms 999us\"] }\nstart = \"1m\"")),
        ("a visit at the end", visits("{ at = [\"9m 59s 999ms 999us\", \"10m\"] }")),
        ("no interval", visits("{ every = \"0s\" }")),
        ("a jitter of half an interval", visits("{ every = \"1m\", jitter = \"30s\" }")),
        ("neither visits nor arrivals", SMALL.replace("visits = { every = \"1m\" }", "")),
        ("both visits and arrivals", agents("arrivals = { phases = [{ rate = \"1/s\", for = \"1s\" }] }")),
        ("a rate without unit", visits("{ every = \"1m\" }\narrivals = { phases = [{ rate = \"5\", for = \"1s\" }] }")),
        (
            "too many arrivals",
            SMALL.replace(
                "visits = { every = \"1m\" }",
                "arrivals = { phases = [{ rate = \"100000/s\", for = \"10m\" }] }",
            ),
        ),
        (
            "arrivals after the end",
            SMALL.replace("visits = { every = \"1m\" }", "arrivals = { phases = [{ rate = \"1/s\", for = \"11m\" }] }"),
        ),
        ("an end before its start", agents("start = \"5m\"\nleave = \"4m\"")),
        ("a start after the end", agents("start = \"10m\"")),
        ("an SMP that starts after the end", with("", "[smp]\nstart = \"10m\"")),
        ("a threshold above everything", with("", "[thresholds]\nserved_min_ppm = 1_000_001")),
        ("no core", with("", "[smp]\ncores = 0")),
        ("no request", agents("requests = 0")),
        ("a policy interval of zero", agents("policy_interval = \"0s\"")),
        ("a batch of none", with("", "[parameters]\nbatch_size_max = 0")),
        ("a window of none", with("", "[parameters]\nregistry_window = 0")),
        ("a wide window", with("", "[parameters]\nregistry_window = 1025")),
        ("no slot", with("", "[parameters]\nupstream_slots = 0")),
        ("a period of zero", with("", "[parameters]\nvalidation_period = \"0s\"")),
        ("a short lifetime", with("", "[parameters]\ntoken_lifetime = \"59s\"")),
        ("a clock that runs wild", with("", "[smp]\nclock = { drift_ppm = 1_000_000 }")),
        ("no description", SMALL.replace("Small.", " ")),
    ];
    let mut text = String::new();
    for (case, scenario) in cases {
        let error = resolve(&scenario).expect_err(case);
        text.push_str(&format!("--- {case}\n{}", error.render(None)));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn on_a_terminal_an_error_shows_the_line() {
    let error = resolve(&with("", "[network]\ntick = \"1ms\"\nlatncy = \"1ms\"")).unwrap_err();
    let text = error.render(Some(80));
    let mut plain = String::new();
    let mut rest = text.as_str();
    // Colours are the terminal's affair.
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    insta::assert_snapshot!(plain);
}

#[test]
fn a_plan_in_json_is_refused_with_file_and_place() {
    let plan = resolved(SMALL);
    let json = plan.to_json().unwrap();
    let cases = [
        ("no JSON", "{\"version\": 1,".to_owned()),
        (
            "another version",
            json.replacen(&format!("\"version\": {PLAN_VERSION}"), &format!("\"version\": {}", PLAN_VERSION + 1), 1),
        ),
        ("an unknown key", json.replacen("\"tick_ms\"", "\"tock_ms\"", 1)),
        ("no tick", json.replacen("\"tick_ms\": 1", "\"tick_ms\": 0", 1)),
        ("an interval of zero", json.replacen("\"interval_ms\": 60000", "\"interval_ms\": 0", 1)),
        ("a key twice", json.replacen("\"key\": 5", "\"key\": 4", 1)),
        ("a start beyond all time", json.replacen("\"start_ms\": 0", &format!("\"start_ms\": {}", u64::MAX), 1)),
    ];
    let mut text = String::new();
    for (case, json) in cases {
        let error = Plan::from_json("plan.json", &json).expect_err(case);
        text.push_str(&format!("--- {case}\n{error}\n"));
    }
    insta::assert_snapshot!(text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_panics(text in "[ \\n\\[\\]{}=\",.a-z0-9_-]{0,200}") {
        let _ = resolve(&text).map_err(|error| (error.render(None), error.render(Some(80))));
    }

    /// Numbers and words of the shipped files, changed at random.
    #[test]
    fn no_changed_shipped_scenario_panics(
        choice in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), replacement()), 1..4),
    ) {
        let all = shipped();
        let mut words: Vec<String> = words_of(choice.get(&all).text);
        for (place, word) in edits {
            let place = place.index(words.len());
            words[place] = word;
        }
        // At most so many agents that a case stays cheap.
        let text = words.concat().replace("10_000", "100").replace("4500", "100");
        if let Err(error) = resolve(&text) {
            prop_assert!(!error.render(None).is_empty() && !error.render(Some(80)).is_empty());
            prop_assert!(!error.message().is_empty());
        }
    }

    #[test]
    fn no_number_in_a_plan_makes_its_check_panic(
        numbers in prop::collection::vec(prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()], 8),
        small in any::<[u32; 5]>(),
    ) {
        let mut plan = resolved(SMALL);
        plan.duration_ms = numbers[0];
        let _ = plan.check();
        plan.duration_ms = 1 + numbers[0] % (400 * 86_400_000);
        plan.agents[0].start_ms = numbers[1];
        plan.agents[0].leave_ms = Some(numbers[2]);
        plan.agents[0].visits = Visits::Every { first_ms: numbers[3], interval_ms: numbers[4], jitter_ms: numbers[5] };
        plan.agents[1].visits = Visits::At { times_us: numbers[6..].to_vec() };
        plan.agents[0].server = ActorId::Site(small[0]);
        let _ = plan.check();
        plan.agents[0].server = ActorId::Agent(small[0]);
        plan.agents[0].key = small[1];
        plan.branches = small[2];
        plan.smp.clock.offset_ms = i64::MIN;
        plan.smp.clock.drift_ppm = i64::MIN;
        plan.costs.sign_ns = numbers[7];
        plan.parameters.registry_window = small[3];
        plan.parameters.retry_first_ms = u64::MAX;
        let _ = plan.check();
    }
}

/// A file cut into words, numbers and what is between them.
fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for character in text.chars() {
        let kind = (character.is_ascii_digit(), character.is_ascii_alphabetic() || character == '_');
        match words.last_mut() {
            Some(word) if last == Some(kind) => word.push(character),
            _ => words.push(character.to_string()),
        }
        last = Some(kind);
    }
    words
}

fn replacement() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("0".to_owned()),
        Just("18446744073709551615".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("-1".to_owned()),
        Just("1e9".to_owned()),
        Just("é".to_owned()),
        Just("[[agents]]".to_owned()),
        Just("d".to_owned()),
        Just("ns".to_owned()),
        Just("smp".to_owned()),
        "[0-9]{1,5}",
        "[a-z\"={}\\[\\]\n]{1,6}",
    ]
}
