//! Several kinds of authentication beside each other (SPEC rules 1, 16, 30, 50, 53 to 61, attack 17, S10), as far as the shipped
//! scenarios of `coexistence/` and `migration/` do not say it themselves.

mod small_plan;

use std::collections::{BTreeMap, BTreeSet};

use countersign::{
    cast::Cast,
    crypto::{Engine, KeyPool, backend},
    event::{AccountReason, Carried, Event, EventKind, Outcome, PeerEvent, ProxyCredentials, ProxyEvent},
    plan::{Codebase, Invariant, Milestone, Passage, Plan},
    protocol::{Account, ConnectionAuthentication, Password},
    scenario::{Overrides, Scenario, spelled},
    types::{
        AccountScheme, ActorId, Authentication, ConnectionId, CryptoTier, NodeId, Profile, SeedStream, ServerChallenge,
        VirtualTime,
    },
};
use small_plan::{digest, history, report, shipped_plan};

const PROFILES: [Profile; 2] = [Profile::Literal, Profile::Hardened];

fn plan(name: &str, profile: Profile) -> Plan {
    shipped_plan(name, None, Some(profile), None)
}

/// A plan of one site and two agents, with these lines of its own.
fn own(lines: &str) -> Plan {
    own_in(Profile::Literal, lines)
}

fn own_in(profile: Profile, lines: &str) -> Plan {
    let text = format!(
        r#"
        description = "Own."
        profile = "literal"
        crypto = "modelled"
        duration = "1m"
        [sites]
        count = 1
        [[agents]]
        count = 2
        bootstrap = "installed"
        start = {{ min = "2s", max = "4s" }}
        visits = {{ every = "10s" }}
        {lines}
        "#
    );
    let overrides = Overrides { profile: Some(profile), ..Overrides::default() };
    Scenario::from_toml("own.toml", &text).unwrap().resolve(None, overrides).unwrap()
}

/// Whom each connection leads to.
fn servers(events: &[Event]) -> BTreeMap<ConnectionId, ActorId> {
    let opened = events.iter().filter_map(|event| match event.kind {
        EventKind::ConnectionOpened { connection, server, .. } => Some((connection, server)),
        _ => None,
    });
    opened.collect()
}

fn outcomes(events: &[Event]) -> BTreeSet<Outcome> {
    let ended = events.iter().filter_map(|event| match event.kind {
        EventKind::ExchangeEnded { outcome, .. } => Some(outcome),
        _ => None,
    });
    ended.collect()
}

#[test]
fn rule_1_a_change_of_the_password_hurts_exactly_those_who_depend_on_it() {
    for profile in PROFILES {
        let plan = plan("migration/staged", profile);
        let report = report(&plan);
        let hurt: BTreeSet<ActorId> =
            report.measurements.accounts.old_password_by_agent.keys().map(|agent| agent.parse().unwrap()).collect();
        // Site 1 has tokens by then, site 2 has not.
        let depends: BTreeSet<ActorId> = (1..)
            .zip(&plan.agents)
            .filter(|(_, agent)| agent.server == ActorId::Site(2))
            .map(|(number, _)| ActorId::Agent(number))
            .collect();
        assert!(hurt.is_subset(&depends), "{profile}: {hurt:?}");
        // Who happens to hear of the new password before its next visit is lucky.
        assert!(hurt.len() * 2 > depends.len(), "{profile}: {hurt:?} of {depends:?}");
        assert_eq!(report.milestones.get(&Milestone::TokenAgentHurt), None);
    }
}

#[test]
fn rule_16_the_record_says_which_kind_authenticated() {
    for (kinds, scheme, account) in
        [("windows", AccountScheme::Negotiate, None), ("acc", AccountScheme::Ntlm, Some(NodeId::ACC))]
    {
        let plan = own(&format!("[parameters]\nauthentication = [\"{kinds}\"]"));
        let events = history(&plan);
        let mut accepted = events.iter().filter_map(|event| match event.kind {
            EventKind::AccountAccepted { request, scheme, account } => Some((request, scheme, account)),
            _ => None,
        });
        let first = accepted.next().unwrap();
        assert_eq!(first.1, scheme);
        assert!(account.is_none_or(|account| account == first.2));
        assert!(accepted.all(|(_, other, _)| other == scheme));
        assert!(!events.iter().any(|event| matches!(event.kind, EventKind::Accepted { .. })), "{kinds}");
    }
}

#[test]
fn rule_30_where_nothing_is_on_nothing_is_offered_and_nobody_gets_in() {
    let events = history(&own("[parameters]\nauthentication = []"));
    let offered: BTreeSet<bool> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::AuthenticationOffered { offered, .. } => Some(offered == Authentication::NONE),
            _ => None,
        })
        .collect();
    assert_eq!(offered, BTreeSet::from([true]));
    assert_eq!(outcomes(&events), BTreeSet::from([Outcome::Unauthorized]));
    assert!(!events.iter().any(|event| matches!(event.kind, EventKind::Served { .. })));
}

#[test]
fn rule_53_credentials_are_kept_exactly_where_acc_is_on() {
    let kept = |plan: &Plan| {
        let mut kept = BTreeMap::new();
        for event in history(plan) {
            if let EventKind::AccKept { kept: now } = event.kind {
                kept.insert(event.actor, now);
            }
        }
        kept
    };
    assert!(kept(&own("[parameters]\nauthentication = [\"token\", \"windows\"]")).is_empty());
    assert_eq!(
        kept(&own("[parameters]\nauthentication = [\"token\", \"acc\"]")).into_values().collect::<Vec<_>>(),
        [true, true]
    );
    let after = kept(&plan("migration/staged", Profile::Literal));
    assert_eq!((after.len(), after.into_values().any(|kept| kept)), (12, false), "tokens only: forgotten by all");
}

#[test]
fn rule_55_no_hop_of_a_redirect_gets_what_is_for_the_other() {
    for profile in PROFILES {
        let events = history(&plan("coexistence/redirect", profile));
        let servers = servers(&events);
        let (mut by_token, mut by_acc) = (0, 0);
        for event in &events {
            match event.kind {
                EventKind::RequestSent { request, carries, .. } => match carries {
                    Carried::FirstRequest | Carried::StoredToken | Carried::NewToken => {
                        let to = servers[&request.connection];
                        assert!(matches!(to, ActorId::Site(2 | 4)), "a token went to {to}");
                        by_token += 1;
                    }
                    Carried::AccountHello | Carried::AccountResponse => {
                        let to = servers[&request.connection];
                        assert!(matches!(to, ActorId::Site(1 | 3)), "ACC went to {to}");
                        by_acc += 1;
                    }
                    Carried::Nothing
                    | Carried::Signature
                    | Carried::LoginToken
                    | Carried::Bearer
                    | Carried::Forwarded
                    | Carried::PeerResponse => {}
                },
                EventKind::RedirectFollowed { from, to } => {
                    assert!(matches!(
                        (from, to),
                        (ActorId::Site(1), ActorId::Site(2)) | (ActorId::Site(4), ActorId::Site(3))
                    ));
                }
                _ => {}
            }
        }
        assert!(by_token > 10 && by_acc > 10, "{by_token} {by_acc}");
    }
}

#[test]
fn rule_55_a_redirect_to_a_place_that_policy_does_not_list_is_not_followed() {
    let mut plan = own("");
    // The site sends agents to a server that is not up yet, so that policy does not list it.
    plan.sites.push(plan.sites[0].clone());
    plan.sites[1].key = 700;
    plan.sites[1].start_ms = 59_000;
    plan.sites[0].redirect_to = Some(ActorId::Site(2));
    for agent in &mut plan.agents {
        agent.bootstrap = countersign::plan::Bootstrap::Register;
    }
    let events = history(&plan);
    assert!(
        events.iter().any(|event| matches!(&event.kind,
        EventKind::AuthenticationImpossible { server: ActorId::Site(1), why } if why.contains("policy does not list")))
    );
    assert!(!events.iter().any(|event| matches!(event.kind, EventKind::RedirectFollowed { .. })));
}

#[test]
fn rule_57_the_error_says_what_is_wrong_and_what_to_do() {
    let plan = plan("coexistence/unc_without_acc", Profile::Literal);
    let unc = (1..).zip(&plan.agents).filter(|(_, agent)| agent.codebase == Codebase::Unc);
    let unc: BTreeSet<_> = unc.map(|(number, _)| ActorId::Agent(number)).collect();
    let events: Vec<_> = history(&plan).into_iter().filter(|event| unc.contains(&event.actor)).collect();
    assert_eq!(outcomes(&events), BTreeSet::from([Outcome::NoCredentials]));
    let why = events.iter().find_map(|event| match &event.kind {
        EventKind::AuthenticationImpossible { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert!(why.unwrap().contains("turn ACC on"));
    assert!(!events.iter().any(|event| matches!(event.kind, EventKind::Countersigned { .. })));
}

#[test]
fn rule_60_a_stored_token_at_a_server_that_wants_windows_costs_two_trips_more_and_no_loop() {
    let events = history(&plan("coexistence/stored_token", Profile::Literal));
    let by_account: BTreeSet<u32> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::ExchangeEnded { outcome: Outcome::ServedByAccount, trips, .. } => Some(trips),
            _ => None,
        })
        .collect();
    // The stored token, the account's hello and its answer.
    assert_eq!(by_account, BTreeSet::from([3]));
}

#[test]
fn hole_13_an_agent_ends_a_connection_before_the_server_no_longer_takes_the_account_that_it_came_with() {
    // Without the SMP there are no tokens at first, so that agents come in by the accounts of their machines.
    let lines = "connection_use = \"keep_alive\"\n\
        [parameters]\nauthentication = [\"token\", \"windows\"]\nconnection_age_max = \"40s\"\nexchange_timeout = \"3s\"\n\
        [[faults]]\nat = \"1s\"\nfor = \"12s\"\ncrash = { who = \"smp\" }";
    let plan = Plan { duration_ms: 120_000, ..own_in(Profile::Hardened, lines) };
    let report = report(&plan);
    assert_eq!(report.violations, []);
    assert!(report.measurements.accounts.negotiate_accepted > 0, "an account has authenticated a connection");
    let trips: BTreeSet<u32> = history(&plan)
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::ExchangeEnded { trips, .. } if event.at > VirtualTime::from_millis(30_000) => Some(trips),
            _ => None,
        })
        .collect();
    assert_eq!(trips, BTreeSet::from([1, 2]), "a connection that ends costs a new one, and no third trip");
}

/// What an agent's proxies got from it.
fn given_to_proxies(events: &[Event]) -> BTreeMap<ActorId, BTreeSet<String>> {
    let openers: BTreeMap<_, _> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::ConnectionOpened { connection, .. } => Some((connection, event.actor)),
            _ => None,
        })
        .collect();
    let mut given: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for event in events {
        if let EventKind::Proxy(ProxyEvent::Received { request, what }) = event.kind {
            given.entry(openers[&request.connection]).or_default().insert(format!("{what:?}"));
        }
    }
    given
}

#[test]
fn rule_61_a_proxy_gets_the_account_that_it_takes_and_never_a_token() {
    for (name, profile) in [
        ("coexistence/61_proxies", PROFILES[0]),
        ("coexistence/61_proxies", PROFILES[1]),
        ("coexistence/61_proxy_asks_for_token", PROFILES[0]),
        ("coexistence/61_proxy_asks_for_token", PROFILES[1]),
    ] {
        let plan = plan(name, profile);
        let given = given_to_proxies(&history(&plan));
        for (number, agent) in (1..).zip(&plan.agents) {
            let proxy = &plan.proxies[agent.proxy.unwrap().number as usize - 1];
            let usable = AccountScheme::ALL.into_iter().find(|scheme| {
                proxy.schemes.contains(scheme) && (*scheme != AccountScheme::Basic || proxy.allow_basic)
            });
            let expected = usable.map(|scheme| BTreeSet::from([format!("{:?}", ProxyCredentials::Account(scheme))]));
            assert_eq!(given.get(&ActorId::Agent(number)), expected.as_ref(), "{name} {profile} agent-{number}");
        }
    }
}

#[test]
fn rule_61_the_token_still_goes_to_the_server_forwarded_or_through_a_tunnel() {
    let plan = plan("coexistence/61_proxies", Profile::Literal);
    let events = history(&plan);
    for passage in [Passage::Forward, Passage::Tunnel] {
        let behind = (1..).zip(&plan.agents).filter(|(_, agent)| agent.proxy.is_some_and(|it| it.passage == passage));
        let behind: BTreeSet<_> = behind.map(|(number, _)| ActorId::Agent(number)).collect();
        let by_token = events.iter().filter(|event| {
            matches!(event.kind, EventKind::ExchangeEnded { outcome: Outcome::ServedOneStep, .. })
                && behind.contains(&event.actor)
        });
        assert!(by_token.count() > 20, "{passage:?}");
    }
}

#[test]
fn rule_61_whoever_cannot_pay_a_proxy_stays_outside_and_says_why() {
    let plan = plan("coexistence/61_proxy_asks_for_token", Profile::Hardened);
    let events = history(&plan);
    let declined: BTreeMap<_, _> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Proxy(ProxyEvent::Declined { why, .. }) => Some((event.actor, why.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(declined.keys().copied().collect::<Vec<_>>(), [ActorId::Agent(7), ActorId::Agent(8)]);
    assert!(declined.values().all(|why| why.contains("no proxy gets one")), "{declined:?}");
    let of_them = |event: &&Event| declined.contains_key(&event.actor);
    let of_them: Vec<_> = events.iter().filter(of_them).cloned().collect();
    assert_eq!(outcomes(&of_them), BTreeSet::from([Outcome::NoCredentials]));
}

#[test]
fn rule_61_a_proxy_that_forwards_is_not_for_what_authenticates_a_connection() {
    let lines = |passage: &str, scheme: &str| {
        format!(
            r#"
            description = "Own."
            profile = "literal"
            duration = "1m"
            {scheme}
            [sites]
            count = 1
            [[proxies]]
            schemes = ["ntlm"]
            [[agents]]
            count = 1
            proxy = {{ number = 1, passage = "{passage}" }}
            visits = {{ every = "10s" }}
            [parameters]
            {}
            "#,
            if scheme.is_empty() { "authentication = [\"acc\"]" } else { "" }
        )
    };
    for scheme in ["", "scheme = \"https\""] {
        let resolve = |passage| {
            let scenario = Scenario::from_toml("own.toml", &lines(passage, scheme)).unwrap();
            scenario.resolve(None, Overrides { crypto: Some(CryptoTier::Modelled), profile: None })
        };
        let error = resolve("forward").unwrap_err().to_string();
        assert!(error.contains("proxy-1"), "{error}");
        // Through a tunnel both work: what authenticates the connection is between agent and server.
        let plan = resolve("tunnel").unwrap();
        let ended = outcomes(&history(&plan));
        assert!(ended.iter().all(|outcome| outcome.is_served()), "{scheme}: {ended:?}");
        assert_eq!(report(&plan).violations, []);
    }
}

#[test]
fn rule_50_what_is_overheard_between_peers_is_of_no_use() {
    for profile in PROFILES {
        let events = history(&plan("coexistence/50_peers", profile));
        let mut attempts: BTreeMap<_, BTreeSet<Option<u16>>> = BTreeMap::new();
        for event in &events {
            if let EventKind::Attempted { what, status } = &event.kind {
                attempts.entry(what.as_str()).or_default().insert(*status);
            }
        }
        // While the peer is down it answers nobody.
        let refused = |statuses: &BTreeSet<_>| statuses.iter().all(|it| matches!(it, None | Some(401)));
        assert_eq!(attempts.len(), 3, "replay, splice and another key: {attempts:?}");
        assert!(attempts.values().all(|statuses| refused(statuses) && statuses.contains(&Some(401))), "{attempts:?}");
    }
}

#[test]
fn rule_50_each_download_answers_a_challenge_of_its_own_and_a_restart_forgets_the_open_ones() {
    let events = history(&plan("coexistence/50_peers", Profile::Literal));
    let (mut open, mut served, mut after_restart) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    for event in &events {
        match &event.kind {
            EventKind::Started { .. } => {
                open.retain(|_, peer| *peer != event.actor);
                after_restart.insert(event.actor, 0);
            }
            EventKind::Peer(PeerEvent::Challenged { challenge, .. }) => drop(open.insert(*challenge, event.actor)),
            EventKind::Peer(PeerEvent::Served { challenge, .. }) => {
                assert_eq!(open.get(challenge), Some(&event.actor), "drawn by that peer, in this life");
                assert!(served.insert(*challenge), "once");
                *after_restart.get_mut(&event.actor).unwrap() += 1;
            }
            _ => {}
        }
    }
    for peer in [ActorId::Agent(1), ActorId::Agent(2)] {
        assert!(after_restart[&peer] > 20, "{peer} hands out again: {after_restart:?}");
    }
    let downloads = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Peer(PeerEvent::Downloaded { status: Some(200), .. })));
    assert_eq!(downloads.count(), served.len());
    // No token is of use there, and none is sent.
    let servers = servers(&events);
    assert!(events.iter().all(|event| match event.kind {
        EventKind::RequestSent { request, carries, .. }
            if matches!(servers[&request.connection], ActorId::Agent(_)) =>
            matches!(carries, Carried::Nothing | Carried::PeerResponse),
        _ => true,
    }));
}

/// The oracle's word on a history in which one event is another.
fn judged(plan: &Plan, change: impl Fn(&mut EventKind) -> bool) -> BTreeSet<Invariant> {
    let mut oracle = countersign::oracle::Oracle::new(plan);
    let mut is_changed = false;
    for mut event in history(plan) {
        is_changed = is_changed || change(&mut event.kind);
        countersign::event::Listener::hear(&mut oracle, &event);
    }
    assert!(is_changed);
    oracle.finish(VirtualTime::from_millis(plan.duration_ms)).counts.into_keys().collect()
}

#[test]
fn the_oracle_sees_a_proxy_with_a_token_and_a_package_for_the_wrong_response() {
    let proxies = plan("coexistence/61_proxies", Profile::Literal);
    let stolen = judged(&proxies, |kind| match kind {
        EventKind::Proxy(ProxyEvent::Received { what, .. }) => {
            *what = ProxyCredentials::Token;
            true
        }
        _ => false,
    });
    assert_eq!(stolen, BTreeSet::from([Invariant::S13]));
    let peers = plan("coexistence/50_peers", Profile::Literal);
    let for_nobody = judged(&peers, |kind| match kind {
        EventKind::Peer(PeerEvent::Served { path, .. }) => {
            path.push('x');
            true
        }
        _ => false,
    });
    assert_eq!(for_nobody, BTreeSet::from([Invariant::S2]));
    let for_another = judged(&peers, |kind| match kind {
        EventKind::Peer(PeerEvent::Served { node, .. }) => {
            *node = NodeId::from_bits(7);
            true
        }
        _ => false,
    });
    assert_eq!(for_another, BTreeSet::from([Invariant::S2, Invariant::S13]));
}

#[test]
fn attack_17_is_an_alert_in_hardened_and_acc_in_the_wrong_hands_in_literal() {
    let sent = |profile| {
        let events = history(&plan("attack/17_stripped_challenge", profile));
        let credentials = events.iter().filter(|event| matches!(event.kind, EventKind::CredentialsSent { .. })).count();
        let alerts = events.iter().filter(|event| matches!(event.kind, EventKind::DowngradeRefused { .. })).count();
        (credentials > 0, alerts > 0)
    };
    assert_eq!(sent(Profile::Literal), (true, false));
    assert_eq!(sent(Profile::Hardened), (false, true));
}

#[test]
fn a_challenge_is_good_on_its_connection_for_its_scheme_and_once() {
    let challenge = ServerChallenge::from_bits(7);
    let (mut one, mut other) = (ConnectionAuthentication::default(), ConnectionAuthentication::default());
    one.challenge(AccountScheme::Ntlm, challenge);
    assert_eq!(other.take_challenge(AccountScheme::Ntlm), None, "another connection");
    assert_eq!(one.take_challenge(AccountScheme::Ntlm), Some(challenge));
    assert_eq!(one.take_challenge(AccountScheme::Ntlm), None, "once");
    one.challenge(AccountScheme::Ntlm, challenge);
    assert_eq!(one.take_challenge(AccountScheme::Negotiate), None, "another scheme");
    one.accept_account(AccountScheme::Ntlm, NodeId::ACC, VirtualTime::ZERO);
    assert_eq!(one.account().map(|(_, account, _)| account), Some(NodeId::ACC));
    assert_eq!(other.account(), None);
}

#[test]
fn no_event_and_no_debug_text_shows_a_password() {
    let plan = plan("migration/staged", Profile::Literal);
    let cast = Cast::new(&plan).unwrap();
    let passwords: Vec<String> = [cast.accounts.acc(0), cast.accounts.acc(1), cast.accounts.machine(1)]
        .into_iter()
        .map(|account| {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            let plain = String::from_utf8(STANDARD.decode(account.unwrap().to_basic()).unwrap()).unwrap();
            plain.split_once(':').unwrap().1.to_owned()
        })
        .collect();
    let text = format!("{:?} {cast:?}", history(&plan));
    assert!(text.contains("CredentialsSent"));
    assert!(passwords.iter().all(|password| password.len() == 22 && !text.contains(password.as_str())));
}

#[test]
fn policy_seals_acc_for_one_agent() {
    let keys = KeyPool::new(SeedStream::new(7));
    let engine = Engine::new(backend(CryptoTier::Rsa).unwrap(), Default::default(), None);
    let (own, others) = (keys.private_key(1).unwrap(), keys.private_key(2).unwrap());
    let account = Account { name: Account::ACC.into(), password: Password::new("secret").unwrap() };
    let sealed = account.seal(own.public(), &engine, &mut SeedStream::new(7).rng("seal", 0)).unwrap();
    assert!(!sealed.contains("secret"));
    assert_eq!(Account::open(&sealed, &own, &engine), Some(account));
    assert_eq!(Account::open(&sealed, &others, &engine), None);
}

#[test]
fn runs_with_every_kind_repeat_to_the_bit_and_spelled_plans_are_the_same() {
    for name in [
        "coexistence/toggled_under_load",
        "coexistence/redirect",
        "coexistence/unc",
        "migration/staged",
        "coexistence/in_between",
    ] {
        let plan = plan(name, Profile::Hardened);
        assert_eq!(digest(&plan), digest(&plan), "{name}");
        let text = spelled(&plan, "Spelled.");
        let again = Scenario::from_toml("again.toml", &text).unwrap();
        let again = again.resolve(Some(plan.seed), Overrides { profile: Some(plan.profile), crypto: None }).unwrap();
        let kinds = |plan: &Plan| {
            let servers = plan.sites.iter().map(|site| (site.authentication, site.redirect_to));
            let agents = plan.agents.iter().map(|agent| (agent.codebase == Codebase::Unc, agent.proxy, agent.peer));
            (
                plan.proxies.clone(),
                plan.parameters.clone(),
                plan.faults.clone(),
                servers.collect::<Vec<_>>(),
                agents.collect::<Vec<_>>(),
            )
        };
        assert_eq!(kinds(&again), kinds(&plan), "{text}");
    }
}

#[test]
fn s10_an_account_is_used_for_the_reason_that_it_says() {
    for (name, why) in [
        ("coexistence/unc", AccountReason::Unc),
        ("coexistence/redirect", AccountReason::NoTokenOffered),
        ("coexistence/fallback_on", AccountReason::TokenFailed),
    ] {
        let events = history(&plan(name, Profile::Literal));
        let reasons: BTreeSet<_> = events
            .iter()
            .filter_map(|event| match event.kind {
                EventKind::CredentialsSent { why, .. } => Some(why),
                _ => None,
            })
            .collect();
        assert_eq!(reasons, BTreeSet::from([why]), "{name}");
    }
}
