//! Several kinds of authentication beside each other (SPEC rules 1, 16, 30, 53 to 60, attack 17, S10), as far as the shipped
//! scenarios of `coexistence/` and `migration/` do not say it themselves.

mod small_plan;

use std::collections::{BTreeMap, BTreeSet};

use countersign::{
    cast::Cast,
    crypto::{Engine, KeyPool, backend},
    event::{AccountReason, Carried, Event, EventKind, Outcome},
    plan::{Codebase, Milestone, Plan},
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
    Scenario::from_toml("own.toml", &text).unwrap().resolve(None, Overrides::default()).unwrap()
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
    for name in ["coexistence/toggled_under_load", "coexistence/redirect", "coexistence/unc", "migration/staged"] {
        let plan = plan(name, Profile::Hardened);
        assert_eq!(digest(&plan), digest(&plan), "{name}");
        let text = spelled(&plan, "Spelled.");
        let again = Scenario::from_toml("again.toml", &text).unwrap();
        let again = again.resolve(Some(plan.seed), Overrides { profile: Some(plan.profile), crypto: None }).unwrap();
        let kinds = |plan: &Plan| {
            let servers = plan.sites.iter().map(|site| (site.authentication, site.redirect_to));
            let agents = plan.agents.iter().map(|agent| agent.codebase == Codebase::Unc);
            (plan.parameters.clone(), plan.faults.clone(), servers.collect::<Vec<_>>(), agents.collect::<Vec<_>>())
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
