//! Rules 2, 3, 9, 10, 15, 31, 32, 35, 41, 46 and 47 in the simulated world, over real HTTP: what a few agents do there,
//! event by event.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use countersign::{
    event::{Carried, Close, Event, EventKind, Listener, Outcome, UpstreamPurpose},
    plan::Plan,
    scenario::{Overrides, Scenario},
    types::{ActorId, ConnectionId, Profile, Refusal, RequestId},
    world::{self, Controls},
};

use crate::stage::PROFILES;

const SITE: ActorId = ActorId::Site(1);

#[derive(Default)]
struct History(Vec<Event>);

impl Listener for History {
    fn hear(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

/// What happens in a world with one site and some agents that registered long ago.
fn history(profile: Profile, top: &str, agents: &str, rest: &str) -> Vec<Event> {
    let profile_name = if profile == Profile::Literal { "literal" } else { "hardened" };
    let text = format!(
        r#"
        description = "A few agents."
        profile = "{profile_name}"
        crypto = "modelled"
        {top}
        [network]
        tick = "1ms"
        latency = {{ min = "1ms", max = "6ms" }}
        [sites]
        count = 1
        [[agents]]
        bootstrap = "installed"
        policy_interval = "never"
        {agents}
        {rest}
        "#
    );
    let scenario = Scenario::from_toml("by_hand.toml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    run(&scenario.resolve(Some(7), Overrides::default()).unwrap_or_else(|error| panic!("{error}")))
}

fn run(plan: &Plan) -> Vec<Event> {
    let heard = Arc::new(Mutex::new(History::default()));
    let (never, mut nobody) = (AtomicBool::new(false), |_| {});
    let controls = Controls::new(&never, &mut nobody);
    world::run(plan, &heard, controls).expect("the plan is possible");
    std::mem::take(&mut heard.lock().expect("no panic").0)
}

/// What the requests of one actor carried, connection by connection.
fn carried(events: &[Event], actor: ActorId) -> Vec<Vec<Carried>> {
    let mut connections: BTreeMap<ConnectionId, Vec<Carried>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.actor == actor) {
        if let EventKind::RequestSent { request, carries, .. } = event.kind {
            connections.entry(request.connection).or_default().push(carries);
        }
    }
    connections.into_values().collect()
}

/// How the exchanges of one actor ended, and in how many trips.
fn ended(events: &[Event], actor: ActorId) -> Vec<(Outcome, u32)> {
    let of_actor = events.iter().filter(|event| event.actor == actor);
    of_actor
        .filter_map(|event| match event.kind {
            EventKind::ExchangeEnded { outcome, trips, .. } => Some((outcome, trips)),
            _ => None,
        })
        .collect()
}

fn count(events: &[Event], is_it: impl Fn(&EventKind) -> bool) -> usize {
    events.iter().filter(|event| is_it(&event.kind)).count()
}

fn agents(count: u32) -> impl Iterator<Item = ActorId> {
    (1..=count).map(ActorId::Agent)
}

#[test]
fn rule_02_and_10_cold_takes_two_requests_and_warm_takes_one() {
    for profile in PROFILES {
        for top in ["duration = \"3m\"", "duration = \"3m\"\nscheme = \"https\""] {
            for server in ["", "server = \"smp\""] {
                let agents_table = format!("count = 3\nstart = \"10s\"\nvisits = {{ every = \"30s\" }}\n{server}");
                let events = history(profile, top, &agents_table, "");
                for agent in agents(3) {
                    let carried = carried(&events, agent);
                    assert!(carried.len() >= 5, "{carried:?}");
                    assert_eq!(carried[0], [Carried::FirstRequest, Carried::NewToken]);
                    assert!(carried[1..].iter().all(|connection| *connection == [Carried::StoredToken]), "{carried:?}");
                    let ended = ended(&events, agent);
                    assert_eq!(ended[0], (Outcome::ServedTwoStep, 2));
                    assert!(ended[1..].iter().all(|exchange| *exchange == (Outcome::ServedOneStep, 1)), "{ended:?}");
                }
                assert_eq!(count(&events, |kind| matches!(kind, EventKind::Refused { .. })), 0);
            }
        }
    }
}

// Rule 17, too: the site server was told where the SMP is, and nothing else.
#[test]
fn rule_31_and_35_a_site_asks_the_smp_once_per_miss_and_never_before() {
    for profile in PROFILES {
        let agents_table = "count = 3\nstart = \"10s\"\nvisits = { every = \"20s\" }";
        let events = history(profile, "duration = \"2m\"", agents_table, "");
        let (mut missed, mut fetched, mut stored) = (0, 0, 0);
        for event in &events {
            match &event.kind {
                EventKind::CacheMissed { .. } => missed += 1,
                EventKind::UpstreamStarted { purpose, agents, .. } => {
                    assert_eq!((*purpose, *agents), (UpstreamPurpose::FirstFetch, 1));
                    fetched += 1;
                    assert!(fetched <= missed, "a fetch that no agent has caused");
                }
                EventKind::CacheStored { refreshed, .. } => {
                    assert!(!refreshed);
                    stored += 1;
                }
                // Rule 21: tokens are the SMP's alone.
                EventKind::Issued { site, .. } => {
                    assert_eq!((event.actor, *site), (ActorId::Smp, Some(Plan::node_of(SITE))));
                }
                _ => {}
            }
        }
        assert_eq!((missed, fetched, stored), (3, 3, 3));
    }
}

#[test]
fn rule_32_the_same_agent_and_uid_get_the_cached_token_without_a_call() {
    for profile in PROFILES {
        // By its clock every token has expired, so that the agent asks anew each time, with the same uid.
        let agents_table = "count = 1\nstart = \"10s\"\nvisits = { every = \"20s\" }\nclock = { offset = \"2h\" }";
        let events = history(profile, "duration = \"2m\"", agents_table, "");
        let visits = carried(&events, ActorId::Agent(1));
        assert!(visits.len() >= 5);
        assert!(
            visits.iter().all(|connection| *connection == [Carried::FirstRequest, Carried::NewToken]),
            "{visits:?}"
        );
        let hits = count(&events, |kind| matches!(kind, EventKind::CacheHit { .. }));
        assert_eq!(hits, visits.len() - 1);
        assert_eq!(count(&events, |kind| matches!(kind, EventKind::UpstreamStarted { .. })), 1);
        assert_eq!(count(&events, |kind| matches!(kind, EventKind::Issued { .. })), 1);
    }
}

#[test]
fn rule_03_what_needs_no_authentication_is_served_without_a_challenge() {
    for profile in PROFILES {
        let agents_table =
            "count = 2\nstart = \"10s\"\nvisits = { every = \"20s\" }\nrequests = 3\npublic_requests = 2";
        let events = history(profile, "duration = \"1m\"", agents_table, "");
        let first_two = |request: RequestId| request.ordinal <= 2;
        for event in &events {
            match &event.kind {
                EventKind::RequestSent { request, carries, .. } if matches!(event.actor, ActorId::Agent(_)) => {
                    assert_eq!(first_two(*request), *carries == Carried::Nothing, "{request}");
                }
                EventKind::Challenged { request, .. } => assert!(!first_two(*request), "{request}"),
                EventKind::Served { request, agent } => assert_eq!(first_two(*request), agent.is_none(), "{request}"),
                _ => {}
            }
        }
        for agent in agents(2) {
            let ended = ended(&events, agent);
            assert_eq!(
                ended[..3],
                [(Outcome::ServedPublic, 1), (Outcome::ServedPublic, 1), (Outcome::ServedTwoStep, 2)]
            );
        }
    }
}

/// The connections of an agent on which each request is sent as `expected`.
fn sends_on_each_connection(profile: Profile, scheme: &str, expected: impl Fn(usize) -> Carried) {
    for server in ["", "server = \"smp\""] {
        let top = format!("duration = \"2m\"\nscheme = \"{scheme}\"");
        let agents_table =
            format!("count = 2\nstart = \"10s\"\nvisits = {{ every = \"20s\" }}\nrequests = 4\n{server}");
        let events = history(profile, &top, &agents_table, "");
        for agent in agents(2) {
            let connections = carried(&events, agent);
            assert!(connections.len() >= 4);
            // The first one is cold: one request more.
            assert_eq!(connections[0][..2], [Carried::FirstRequest, Carried::NewToken]);
            for requests in std::iter::once(&connections[0][1..]).chain(connections[1..].iter().map(|all| &all[..])) {
                assert_eq!(requests.len(), 4);
                for (number, carries) in requests.iter().enumerate().skip(1) {
                    assert_eq!(*carries, expected(number), "{requests:?}");
                }
            }
        }
        // One accept per token sent, and every request is served (rule 9, invariant S4).
        let tokens = count(&events, |kind| {
            matches!(kind, EventKind::RequestSent { carries: Carried::NewToken | Carried::StoredToken, .. })
        });
        let verified: u32 = events.iter().map(verifies_for_agents).sum();
        assert_eq!(count(&events, |kind| matches!(kind, EventKind::Accepted { .. })), tokens);
        assert_eq!(verified as usize, 2 * tokens, "what is authenticated is not verified again");
    }
}

/// The verifications that a server did for an agent's token: two, at a time when nothing else was signed or sealed.
fn verifies_for_agents(event: &Event) -> u32 {
    match event.kind {
        EventKind::Worked { work, .. } if work.parses == 1 && work.requests == 1 => work.verifies,
        _ => 0,
    }
}

#[test]
fn rule_09_and_15_only_the_first_request_of_a_connection_carries_the_token() {
    sends_on_each_connection(Profile::Literal, "http", |_| Carried::Nothing);
    sends_on_each_connection(Profile::Literal, "https", |_| Carried::Nothing);
    sends_on_each_connection(Profile::Hardened, "https", |_| Carried::Nothing);
}

#[test]
fn hole_12_hardened_over_plain_http_each_request_carries_its_own_token() {
    sends_on_each_connection(Profile::Hardened, "http", |_| Carried::StoredToken);
}

#[test]
fn rule_09_a_kept_connection_is_used_again_until_it_was_idle_for_too_long() {
    for (every, connections) in [("1m", 1..=1), ("3m", 3..=4)] {
        let agents_table =
            format!("count = 1\nvisits = {{ every = \"{every}\" }}\nconnection_use = \"keep_alive\"\nstart = \"10s\"");
        let events = history(Profile::Literal, "duration = \"12m\"", &agents_table, "");
        let used = carried(&events, ActorId::Agent(1));
        assert!(connections.contains(&used.len()), "{every}: {used:?}");
        let of_agent = events.iter().filter(|event| event.actor == ActorId::Agent(1));
        let closes: BTreeSet<_> = of_agent
            .filter_map(|event| match event.kind {
                EventKind::ConnectionClosed { why, .. } => Some(format!("{why:?}")),
                _ => None,
            })
            .collect();
        let expected: BTreeSet<_> =
            if every == "1m" { None } else { Some(format!("{:?}", Close::ByPeer)) }.into_iter().collect();
        assert_eq!(closes, expected);
        if every == "1m" {
            assert!(used[0][2..].iter().all(|carries| *carries == Carried::Nothing) && used[0].len() >= 12, "{used:?}");
        }
        assert!(ended(&events, ActorId::Agent(1)).iter().all(|(outcome, _)| outcome.is_served()));
    }
}

#[test]
fn rule_09_no_request_is_lost_to_the_end_of_an_idle_connection() {
    // Visits in step with the server's keep-alive time: its close and the next request pass each other on the way.
    for server in ["", "\nserver = \"smp\""] {
        let agents_table = format!(
            "count = 3\nvisits = {{ every = \"2m\" }}\nconnection_use = \"keep_alive\"\nstart = \"10s\"{server}"
        );
        let events = history(Profile::Literal, "duration = \"30m\"", &agents_table, "");
        for agent in agents(3) {
            let ended = ended(&events, agent);
            assert!(ended.len() >= 14 && ended.iter().all(|(outcome, _)| outcome.is_served()), "{ended:?}");
        }
    }
}

#[test]
fn rule_40_and_41_a_validation_asks_in_batches_on_one_connection() {
    for profile in PROFILES {
        let agents_table = "count = 5\nstart = \"5s\"\nvisits = { every = \"10s\" }";
        let parameters = "[parameters]\nbatch_size_max = 2\nvalidation_period = \"20s\"\ntoken_lifetime = \"1m\"\nlook_ahead = \"1m\"";
        let events = history(profile, "duration = \"2m\"", agents_table, parameters);
        let mut is_validating = false;
        let mut used: BTreeSet<Option<ConnectionId>> = BTreeSet::new();
        let mut opened = BTreeSet::new();
        let (mut validations, mut largest) = (0, 0);
        for event in events.iter().filter(|event| event.actor == SITE) {
            match &event.kind {
                EventKind::ValidationStarted { .. } => {
                    is_validating = true;
                    used.clear();
                    opened.clear();
                }
                EventKind::ConnectionOpened { connection, .. } if is_validating => {
                    opened.insert(*connection);
                }
                EventKind::UpstreamStarted { purpose: UpstreamPurpose::Validation, agents, connection, .. } => {
                    assert!(is_validating && *agents <= 2);
                    largest = largest.max(*agents);
                    used.insert(*connection);
                }
                EventKind::ValidationEnded { batches, requested, refreshed, .. } => {
                    is_validating = false;
                    assert_eq!(*batches, requested.div_ceil(2));
                    assert_eq!(refreshed, requested);
                    // The first request has none yet, and all others have the same one, just opened or kept.
                    let named: Vec<_> = used.iter().flatten().collect();
                    assert!(named.len() <= 1 && opened.len() <= 1, "{used:?} {opened:?}");
                    assert!(opened.is_empty() || named.is_empty() || named == opened.iter().collect::<Vec<_>>());
                    validations += u32::from(*batches >= 3);
                }
                _ => {}
            }
        }
        assert!(validations >= 2 && largest == 2, "{validations} validations of three batches");
    }
}

#[test]
fn rule_46_a_token_that_the_server_calls_expired_costs_one_trip_more_and_no_new_question() {
    for profile in PROFILES {
        // The agent's clock is slow by more than the leeway: for five minutes it holds dead tokens for live ones.
        let agents_table = "count = 2\nstart = \"10s\"\nvisits = { every = \"20s\" }\nclock = { offset = \"-5m\" }";
        let parameters = "[parameters]\ntoken_lifetime = \"1m\"\nvalidation_period = \"10m\"";
        for server in ["", "\nserver = \"smp\""] {
            let events = history(profile, "duration = \"8m\"", &format!("{agents_table}{server}"), parameters);
            let expired = count(&events, |kind| matches!(kind, EventKind::Refused { why: Refusal::Expired, .. }));
            assert!(expired >= 4, "{expired}");
            for agent in agents(2) {
                for (outcome, trips) in ended(&events, agent) {
                    assert!(outcome.is_served() && trips <= 2, "{outcome:?} in {trips}");
                }
                let again = carried(&events, agent);
                assert!(again[1..].iter().all(|requests| !requests.contains(&Carried::FirstRequest)), "{again:?}");
                assert!(again.iter().any(|requests| *requests == [Carried::StoredToken, Carried::NewToken]));
            }
        }
    }
}

/// The registry that rule 47 logs, counted anew from the uses alone.
#[test]
fn rule_47_the_registry_log_tells_each_counter_and_the_window_after_it() {
    for profile in PROFILES {
        let agents_table = "count = 3\nstart = \"10s\"\nvisits = { every = \"2s\" }\nconnections = 5";
        let top = "duration = \"1m\"";
        let events = history(profile, top, agents_table, "");
        let mut used: BTreeMap<_, BTreeSet<u64>> = BTreeMap::new();
        let (mut records, mut late) = (0, 0);
        for event in &events {
            let EventKind::RegistryRecorded { presented, state, .. } = &event.kind else { continue };
            records += 1;
            let counters = used.entry((event.actor, presented.agent, presented.jti)).or_default();
            let was_highest = counters.last().copied().unwrap_or(0);
            assert_eq!(state.is_new, counters.is_empty());
            assert!(counters.insert(presented.counter), "{presented:?} a second time");
            let highest = counters.last().copied().expect("just inserted");
            late += u32::from(highest != presented.counter);
            let bits = counters.iter().rev().map(|counter| highest - counter).take_while(|below| *below < 64);
            let window = bits.fold(0_u64, |window, below| window | 1 << below);
            assert_eq!((state.highest, state.slid_by, state.window), (highest, highest - was_highest, window));
        }
        assert!(records >= 300 && late >= 1, "{records} records, {late} late");
        assert_eq!(count(&events, |kind| matches!(kind, EventKind::Accepted { .. })), records);
    }
}

#[test]
fn a_site_that_has_yet_to_hear_from_the_smp_opens_no_door_and_agents_come_back() {
    let text = "count = 2\nvisits = { every = \"10s\" }";
    let plan_events = history(Profile::Literal, "duration = \"1m\"", text, "[smp]\nstart = \"20s\"");
    for agent in agents(2) {
        let ended = ended(&plan_events, agent);
        assert!(matches!(ended[0].0, Outcome::NotConnected), "{ended:?}");
        assert!(ended.last().is_some_and(|(outcome, _)| outcome.is_served()), "{ended:?}");
    }
    assert!(count(&plan_events, |kind| matches!(kind, EventKind::PolicyFailed { .. })) >= 2);
}
