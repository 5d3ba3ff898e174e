//! What faults, administrators and attackers excuse, and what they do not.

mod history;

use std::collections::BTreeMap;

use countersign::{
    event::{Carried, EventKind, Outcome, Removal, UpstreamPurpose},
    plan::{Attack, AttackerPlan, Fault, FaultKind, Group, Invariant, Milestone, Plan},
    types::{ActorId, Profile, Refusal, RequestId, Uid, UnixSeconds, VirtualTime},
};
use history::{History, SITE, SMP, START, Token, agent, node};

const NOTHING: [Invariant; 0] = [];
const BOTH: [Profile; 2] = [Profile::Literal, Profile::Hardened];
const ATTACKER: ActorId = ActorId::Attacker(1);

fn fault(at_s: u64, until_s: impl Into<Option<u64>>, kind: FaultKind) -> Fault {
    Fault { at_ms: at_s * 1_000, until_ms: until_s.into().map(|until_s| until_s * 1_000), kind }
}

fn cut(at_s: u64, until_s: u64) -> Fault {
    let (from, to) = (Group::Actor(SMP), Group::Sites);
    fault(at_s, until_s, FaultKind::Partition { from, to, one_way: false })
}

fn attacker(attack: Attack, victim: ActorId, from_s: u64, until_s: u64) -> AttackerPlan {
    let (start_ms, until_ms) = (from_s * 1_000, until_s * 1_000);
    AttackerPlan { attack, server: SITE, victim, start_ms, until_ms, interval_ms: 1_000, burst: 1, key: 0 }
}

/// A history whose SMP and sites are parted from 100 s to 200 s, when all has healed.
fn parted(profile: Profile) -> History {
    let mut history = History::of(profile);
    history.plan.faults.push(cut(100, 200));
    history.plan.heal_ms = Some(200_000);
    history
}

/// 200 s, a policy interval of 900 s, 120 s of idleness, time-outs of 5, 10 and 10 s, a granularity of 1.002 s.
const FAIR_MS: u64 = 200_000 + 900_000 + 120_000 + 25_000 + 1_002;

/// An agent presents a token somewhere for the first time.
fn presents(history: &mut History, server: ActorId, token: &Token, at_ms: u64) -> Vec<Invariant> {
    let mut history = history.clone();
    history.at_ms(at_ms).present(1, server, token, 1);
    history.violated()
}

// --- S7 ----------------------------------------------------------------------------------------------

fn revoked(profile: Profile, faults: &[Fault]) -> (History, Token) {
    let mut history = History::of(profile);
    history.plan.faults = faults.to_vec();
    let token = history.issue_until(1, UnixSeconds(START.0 + 20_000));
    history.at_s(100).say(SMP, EventKind::Revoked { agent: node(1) });
    (history, token)
}

#[test]
fn s7_the_smp_accepts_no_revoked_agent() {
    for profile in BOTH {
        let (mut history, token) = revoked(profile, &[]);
        assert_eq!(presents(&mut history, SMP, &token, 100_000), [Invariant::S7]);
        history.at_s(200).say(SMP, EventKind::Reinstated { agent: node(1) });
        assert_eq!(presents(&mut history, SMP, &token, 200_000), NOTHING);
        let mut other = History::of(profile);
        other.say(SMP, EventKind::Revoked { agent: node(2) });
        let token = other.issue(1);
        assert_eq!(presents(&mut other, SMP, &token, 1), NOTHING);
    }
}

#[test]
fn s7_a_site_that_can_ask_knows_after_a_policy_interval() {
    for profile in BOTH {
        let (mut history, token) = revoked(profile, &[]);
        // 900 s, two fetches of 15 s, a granularity of 1.002 s.
        let bound_ms = 100_000 + 900_000 + 30_000 + 1_002;
        assert_eq!(presents(&mut history, SITE, &token, bound_ms), NOTHING);
        assert_eq!(presents(&mut history, SITE, &token, bound_ms + 1), [Invariant::S7]);
    }
}

#[test]
fn s7_a_site_that_cannot_ask_is_bound_by_the_lifetime_of_tokens() {
    for profile in BOTH {
        let (mut history, token) = revoked(profile, &[cut(50, 9_000)]);
        let leeway_ms = history.plan.parameters.leeway_s * 1_000;
        let bound_ms = 100_000 + 3_600_000 + leeway_ms + 1_002;
        assert_eq!(presents(&mut history, SITE, &token, bound_ms), NOTHING);
        assert_eq!(presents(&mut history, SITE, &token, bound_ms + 1), [Invariant::S7]);
        // It got through all the same.
        let mut told = history.clone();
        told.at_s(300).say(SITE, EventKind::PolicyReceived { version: 2, keys: 1 });
        assert_eq!(presents(&mut told, SITE, &token, 1_100_000), [Invariant::S7]);
        // What it got may be older than the revocation.
        history.at_s(110).say(SITE, EventKind::PolicyReceived { version: 1, keys: 1 });
        assert_eq!(presents(&mut history, SITE, &token, 1_100_000), NOTHING);
    }
}

#[test]
fn s7_a_site_that_was_cut_off_backs_off_before_it_asks_again() {
    let served = |retry_max_ms| {
        // Free again 10 s before the revocation.
        let (mut history, token) = revoked(Profile::Hardened, &[cut(50, 90)]);
        history.plan.parameters.retry_max_ms = retry_max_ms;
        presents(&mut history, SITE, &token, 100_000 + 900_000 + 30_000 + 1_003)
    };
    assert_eq!(served(10_000), NOTHING);
    assert_eq!(served(9_999), [Invariant::S7]);
}

// --- S1, S2, S13 -------------------------------------------------------------------------------------

#[test]
fn s1_is_read_by_the_profile_of_the_server_that_accepts() {
    let twice = |profile| {
        let mut history = History::of(Profile::Literal);
        history.plan.faults.push(fault(10, None, FaultKind::Upgrade { actor: SITE, profile }));
        let token = history.start(SITE).issue(1);
        history.present(1, SITE, &token, 1);
        history.at_s(11).start(SITE).present(1, SITE, &token, 1);
        history.violated()
    };
    assert_eq!(twice(Profile::Literal), NOTHING);
    assert_eq!(twice(Profile::Hardened), [Invariant::S1]);
}

#[test]
fn s2_trusts_a_withdrawn_key_for_a_policy_interval_at_most() {
    let mut history = History::of(Profile::Literal);
    history.plan.faults.push(cut(5_000, 20_000));
    let token = history.issue_until(1, UnixSeconds(START.0 + 20_000));
    history.say(SMP, EventKind::ServerKeyRotated { key: 7 });
    let fresh = history.issue_until(1, UnixSeconds(START.0 + 20_000));
    history.at_s(100).say(SMP, EventKind::ServerKeyWithdrawn { key: 0 });
    let bound_ms = 100_000 + 900_000 + 30_000 + 1_002;
    for server in [SITE, SMP] {
        assert_eq!(presents(&mut history, server, &token, bound_ms), NOTHING);
        assert_eq!(presents(&mut history, server, &token, bound_ms + 1), [Invariant::S2]);
        assert_eq!(presents(&mut history, server, &fresh, bound_ms + 1), NOTHING);
    }
    // A site that is cut off knows no better.
    history.plan.faults.push(cut(50, 5_000));
    assert_eq!(presents(&mut history, SITE, &token, bound_ms + 1), NOTHING);
}

#[test]
fn s2_and_s13_take_a_clone_for_the_agent_that_it_is() {
    let used_by_2 = |clone_of| {
        let mut history = History::of(Profile::Literal);
        history.plan.agents[1].clone_of = clone_of;
        let token = history.issue(1);
        let connection = history.open(agent(2), SITE);
        history.countersign(agent(2), &token, 1);
        let request = history.send(agent(2), connection, Carried::StoredToken);
        history.accept(SITE, request, &token, 1).serve(SITE, request, 1);
        history.violated()
    };
    assert_eq!(used_by_2(Some(1)), NOTHING);
    assert_eq!(used_by_2(None), [Invariant::S2, Invariant::S5, Invariant::S13]);
    assert_eq!(used_by_2(Some(3)), [Invariant::S2, Invariant::S5, Invariant::S13]);
}

#[test]
fn s2_and_s13_take_a_stolen_key_for_the_agents_own_and_s7_does_not() {
    let used = |attack, from_s, is_revoked| {
        let mut history = History::of(Profile::Literal);
        history.plan.attackers.push(attacker(attack, agent(1), from_s, 9_000));
        let token = history.issue(1);
        if is_revoked {
            history.at_s(20).say(SMP, EventKind::Revoked { agent: node(1) });
        }
        let connection = history.at_s(100).open(ATTACKER, SMP);
        history.countersign(ATTACKER, &token, 1);
        let request = history.send(ATTACKER, connection, Carried::StoredToken);
        history.accept(SMP, request, &token, 1).serve(SMP, request, 1);
        history.violated()
    };
    let theft = [Invariant::S2, Invariant::S5, Invariant::S13];
    assert_eq!(used(Attack::StolenKey, 100, false), NOTHING);
    assert_eq!(used(Attack::StolenKey, 101, false), theft);
    assert_eq!(used(Attack::Replay, 100, false), theft);
    assert_eq!(used(Attack::StolenKey, 100, true), [Invariant::S7]);
}

#[test]
fn an_insider_is_an_agent_like_others() {
    let mut history = History::of(Profile::Literal);
    history.plan.attackers.push(attacker(Attack::CounterTricks, agent(1), 0, 9_000));
    let token = Token { agent: Plan::node_of(ATTACKER), ..history.issue(1) };
    if let EventKind::Issued { agent, .. } = &mut history.events[0].kind {
        *agent = token.agent;
    }
    let connection = history.open(ATTACKER, SITE);
    for counter in [1, 5, 4] {
        history.countersign(ATTACKER, &token, counter);
    }
    let request = history.send(ATTACKER, connection, Carried::StoredToken);
    history.accept(SITE, request, &token, 5);
    // Its own exchanges are nobody's concern.
    history.begin(ATTACKER, true).end(ATTACKER, Outcome::Unauthorized, 9);
    assert_eq!(history.violated(), NOTHING);
}

// --- clocks ------------------------------------------------------------------------------------------

#[test]
fn a_clock_that_was_set_binds_its_own_server_and_loosens_nobody_elses_bound() {
    let step = |who, by_ms| {
        let mut history = History::of(Profile::Literal);
        history.plan.faults.push(fault(50, 5_000, FaultKind::ClockStep { who: Group::Actor(who), by_ms }));
        let token = history.issue_until(1, UnixSeconds(START.0 + 100));
        (history, token)
    };
    let hour = 3_600_000;
    // Its clock is an hour slow: what it accepts for another hour was in time for it.
    let (mut slow, token) = step(SITE, -hour);
    assert_eq!(presents(&mut slow, SITE, &token, 3_700_000), NOTHING);
    assert_eq!(presents(&mut slow, SITE, &token, 3_700_001), [Invariant::S3]);
    let (mut other, token) = step(SMP, -hour);
    assert_eq!(presents(&mut other, SITE, &token, 100_001), [Invariant::S3]);
    // A fast clock accepts less, and purges earlier.
    let (mut fast, token) = step(SITE, hour);
    assert_eq!(presents(&mut fast, SITE, &token, 60_000), [Invariant::S3]);
    for (who, violated) in [(SITE, vec![]), (SMP, vec![Invariant::S6])] {
        let (mut history, token) = step(who, hour);
        history.present(1, SITE, &token, 1);
        let (agent, jti, why) = (token.agent, token.jti, Removal::ExpiredSweep);
        history.at_s(60).say(SITE, EventKind::RegistryRemoved { agent, jti, why });
        assert_eq!(history.violated(), violated);
    }
}

#[test]
fn who_keeps_the_issuers_time_is_in_time_by_its_own_clock_or_by_that() {
    let step = |profile, who, by_ms| {
        let mut history = History::of(profile);
        history.plan.faults.push(fault(50, 5_000, FaultKind::ClockStep { who: Group::Actor(who), by_ms }));
        let token = history.issue_until(1, UnixSeconds(START.0 + 100));
        (history, token)
    };
    let hour = 3_600_000;
    // Whose clock is wrong by how much, and the last instant of an accept, leeway included. Half a minute the leeway
    // makes up for: then the own clock alone counts.
    for (profile, who, by_ms, last_ms) in [
        (Profile::Hardened, SITE, hour, 160_000),
        (Profile::Hardened, SITE, 30_000, 130_000),
        (Profile::Hardened, SMP, hour, 160_000),
        (Profile::Hardened, SMP, -hour, 3_760_000),
        (Profile::Literal, SITE, 30_000, 70_000),
        (Profile::Literal, SMP, -hour, 100_000),
    ] {
        let (mut history, token) = step(profile, who, by_ms);
        assert_eq!(presents(&mut history, SITE, &token, last_ms), NOTHING, "{profile:?} {who} {by_ms}");
        assert_eq!(presents(&mut history, SITE, &token, last_ms + 1), [Invariant::S3], "{profile:?} {who} {by_ms}");
    }
    // Its clock is slow, and it purges by the issuer's.
    for (profile, at_ms, violated) in [
        (Profile::Hardened, 160_000, vec![]),
        (Profile::Hardened, 159_999, vec![Invariant::S6]),
        (Profile::Literal, 160_000, vec![Invariant::S6]),
    ] {
        let (mut history, token) = step(profile, SITE, -hour);
        history.present(1, SITE, &token, 1);
        let (agent, jti, why) = (token.agent, token.jti, Removal::ExpiredSweep);
        history.at_ms(at_ms).say(SITE, EventKind::RegistryRemoved { agent, jti, why });
        assert_eq!(history.violated(), violated, "{profile:?} {at_ms}");
    }
}

#[test]
fn s9_forgives_what_a_clock_does_while_a_token_is_sent_for() {
    let challenged_at = |at_ms| {
        let mut history = History::of(Profile::Literal);
        let who = Group::Servers;
        history.plan.faults.push(fault(50, 5_000, FaultKind::ClockStep { who, by_ms: 7_200_000 }));
        let token = history.issue(1);
        let connection = history.at_ms(at_ms).open(agent(1), SITE);
        let request = history.send(agent(1), connection, Carried::FirstRequest);
        history.challenge(SITE, request, &token, false);
        history.violated()
    };
    assert_eq!(challenged_at(49_999), NOTHING);
    assert_eq!(challenged_at(61_002), NOTHING);
    assert_eq!(challenged_at(61_003), [Invariant::S9]);
}

// --- memory that is lost -----------------------------------------------------------------------------

#[test]
fn who_stops_forgets_and_is_not_asked_for_what_it_forgot() {
    let stopped = |kind: EventKind| {
        let mut history = History::of(Profile::Literal);
        history.start(SITE);
        let token = history.issue(1);
        history.present(1, SITE, &token, 1);
        history.cache(&token, false).hit(&token);
        history.say(SITE, EventKind::SlotAwaited { position: 0 });
        let connection = history.open(SITE, SMP);
        for _ in 0..32 {
            history.upstream(UpstreamPurpose::FirstFetch, 1, connection);
        }
        for position in [1, 2] {
            history.say(SITE, EventKind::SlotAwaited { position });
        }
        history.say(SITE, kind);
        history.upstream(UpstreamPurpose::FirstFetch, 1, connection);
        history.at_s(80_000);
        history.violated()
    };
    assert_eq!(stopped(EventKind::Stopped { power_loss: true }), NOTHING);
    assert_eq!(stopped(EventKind::Stopped { power_loss: false }), NOTHING);
    let kept = EventKind::PolicyReceived { version: 1, keys: 1 };
    assert_eq!(stopped(kept), [Invariant::S8, Invariant::L4, Invariant::L5]);
}

#[test]
fn s8_nobody_can_tell_what_a_memory_that_went_back_stores() {
    let stored = |kind: Option<EventKind>| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        history.store(agent(1), &token);
        if let Some(kind) = kind {
            history.say(agent(1), kind);
        }
        history.at_s(40 * 3_600).violated()
    };
    assert_eq!(stored(Some(EventKind::RolledBack)), NOTHING);
    assert_eq!(stored(Some(EventKind::Stopped { power_loss: false })), NOTHING);
    assert_eq!(stored(None), [Invariant::S8]);
}

// --- caches ------------------------------------------------------------------------------------------

#[test]
fn s8_a_requested_entry_outlives_its_expiry_while_the_issuer_cannot_be_reached() {
    let outage = |is_requested: bool, tokens: Option<u32>| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        history.cache(&token, false);
        if is_requested {
            history.at_s(10).hit(&token);
        }
        for second in (3_000..9_000).step_by(600) {
            let connection = history.at_s(second).open(SITE, SMP);
            history.validate().upstream(UpstreamPurpose::Validation, 1, connection);
            history.upstream_end(UpstreamPurpose::Validation, tokens).validated(1);
        }
        history.violated()
    };
    assert_eq!(outage(true, None), NOTHING);
    assert_eq!(outage(false, None), [Invariant::S8]);
    assert_eq!(outage(true, Some(1)), [Invariant::S8, Invariant::L5]);
}

#[test]
fn s8_a_token_that_is_refused_asks_for_its_entry_too() {
    let refreshed = |profile, refused_s: Option<u64>| {
        let mut history = History::of(profile);
        let token = history.issue(1);
        history.at_s(5).cache(&token, false);
        let (why, claimed_agent) = (Refusal::BadAgentSignature, Some(token.agent));
        let request = RequestId { connection: countersign::types::ConnectionId(1), ordinal: 1 };
        if let Some(refused_s) = refused_s {
            history.at_s(refused_s).say(SITE, EventKind::Refused { request, why, claimed_agent });
        }
        let fresh = history.at_s(3_000).issue(1);
        history.validate().cache(&fresh, true).validated(1);
        history.violated()
    };
    for profile in BOTH {
        assert_eq!(refreshed(profile, Some(10)), NOTHING);
        assert_eq!(refreshed(profile, None), [Invariant::S8]);
    }
}

#[test]
fn s8_and_l5_go_by_the_longest_period_that_policy_asks_for() {
    let left = |period_s: Option<u64>| {
        let mut history = History::of(Profile::Literal);
        let kind =
            FaultKind::ChangePolicy { token_lifetime_s: None, validation_period_s: period_s, authentication: None };
        history.plan.faults.push(fault(50, 60, kind));
        let token = history.issue(1);
        history.cache(&token, false).at_s(3_600 + 700);
        history.violated()
    };
    assert_eq!(left(None), [Invariant::S8]);
    assert_eq!(left(Some(1_800)), NOTHING);
}

// --- fairness ----------------------------------------------------------------------------------------

#[test]
fn l1_is_judged_from_the_recovery_on() {
    let failed = |history: &History, started_ms: u64| {
        let mut history = history.clone();
        history.at_ms(started_ms).begin(agent(1), false);
        history.at_ms(started_ms + 1).end(agent(1), Outcome::Unauthorized, 2);
        history.violated()
    };
    let history = parted(Profile::Literal);
    assert_eq!(failed(&history, FAIR_MS - 1), NOTHING);
    assert_eq!(failed(&history, FAIR_MS), [Invariant::L1]);
    assert_eq!(failed(&History::of(Profile::Literal), 0), [Invariant::L1]);
    // Without a heal everything has healed with the last fault.
    let mut unsaid = history.clone();
    unsaid.plan.heal_ms = None;
    assert_eq!(failed(&unsaid, FAIR_MS - 1), NOTHING);
    assert_eq!(failed(&unsaid, FAIR_MS), [Invariant::L1]);
    // A fault that ends after the heal counts too.
    let mut late = history;
    late.plan.faults.push(cut(300, 400));
    assert_eq!(failed(&late, FAIR_MS + 199_999), NOTHING);
    assert_eq!(failed(&late, FAIR_MS + 200_000), [Invariant::L1]);
}

#[test]
fn a_run_that_is_too_short_to_see_it_is_not_judged_and_says_so() {
    let mut short = parted(Profile::Literal);
    short.plan.duration_ms = FAIR_MS;
    assert!(short.judge().not_judged[&Invariant::L1].contains("before the network is fair"));
    assert!(!short.judge().not_judged.contains_key(&Invariant::L6));
    short.plan.duration_ms = BACK_MS - 1;
    assert!(short.judge().not_judged[&Invariant::L6].contains("before everybody had to be back"));
    assert_eq!(parted(Profile::Literal).judge().not_judged, BTreeMap::new());
}

#[test]
fn clocks_are_compared_for_the_time_that_is_judged() {
    let judged = |until_s: Option<u64>| {
        let mut history = parted(Profile::Literal);
        let kind = FaultKind::ClockStep { who: Group::Agents, by_ms: 7_200_000 };
        history.plan.faults.push(fault(100, until_s, kind));
        history.at_s(5_000).begin(agent(1), false).end(agent(1), Outcome::Unauthorized, 2);
        history.violated()
    };
    assert_eq!(judged(Some(150)), [Invariant::L1]);
    assert_eq!(judged(None), NOTHING);
}

#[test]
fn a_mark_that_a_fast_clock_left_behind_takes_its_time() {
    let judged = |profile, at_s| {
        let mut history = parted(profile);
        let kind = FaultKind::ClockStep { who: Group::Sites, by_ms: 3_600_000 };
        history.plan.faults.push(fault(100, 150, kind));
        history.at_s(at_s).begin(agent(1), false).end(agent(1), Outcome::Unauthorized, 2);
        history.violated()
    };
    assert_eq!(judged(Profile::Literal, 1_300), [Invariant::L1]);
    assert_eq!(judged(Profile::Hardened, 1_300), NOTHING);
    assert_eq!(judged(Profile::Hardened, 4_900), [Invariant::L1]);
}

#[test]
fn l1_asks_nothing_for_a_revoked_agent_until_everybody_knows_better() {
    let forbidden_at = |at_s| {
        let mut history = History::of(Profile::Literal);
        history.say(SMP, EventKind::Revoked { agent: node(1) });
        history.at_s(100).end(agent(1), Outcome::Forbidden, 1);
        history.say(SMP, EventKind::Reinstated { agent: node(1) });
        history.at_s(at_s).end(agent(1), Outcome::Forbidden, 1);
        history.violated()
    };
    assert_eq!(forbidden_at(1_031), NOTHING);
    assert_eq!(forbidden_at(1_032), [Invariant::L1]);
}

#[test]
fn l1_grants_no_further_trip_where_the_authentication_of_a_connection_has_ended() {
    for (profile, authenticated) in [(Profile::Hardened, true), (Profile::Hardened, false), (Profile::Literal, true)] {
        let trips = |trips| {
            let mut history = History::of(profile);
            history.say(agent(1), EventKind::ExchangeStarted { server: SITE, warm: false, authenticated });
            let (outcome, took_ns) = (Outcome::ServedTwoStep, 0);
            history.say(agent(1), EventKind::ExchangeEnded { server: SITE, outcome, trips, took_ns });
            history.violated()
        };
        assert_eq!(trips(2), NOTHING);
        assert_eq!(trips(3), [Invariant::L1]);
    }
}

#[test]
fn an_agent_that_fetches_no_policy_is_left_behind_when_keys_change() {
    let declined = |policy_interval_s| {
        let mut history = parted(Profile::Literal);
        history.plan.faults.push(fault(100, 200, FaultKind::RotateServerKey { key: 9 }));
        history.plan.agents[0].policy_interval_s = policy_interval_s;
        history.at_s(9_000).begin(agent(1), false).end(agent(1), Outcome::TokenDeclined, 1);
        history.violated()
    };
    assert_eq!(declined(0), NOTHING);
    assert_eq!(declined(900), [Invariant::L1]);
}

#[test]
fn attackers_on_the_path_excuse_their_victim_and_floods_excuse_nobody() {
    let failed = |attack, victim, at_s| {
        let mut history = History::of(Profile::Hardened);
        history.plan.attackers.push(attacker(attack, victim, 100, 200));
        history.at_s(at_s).begin(agent(1), false).end(agent(1), Outcome::Unauthorized, 2);
        history.violated()
    };
    for victim in [agent(1), SITE] {
        assert_eq!(failed(Attack::SpoofedRefusal, victim, 99), [Invariant::L1]);
        assert_eq!(failed(Attack::SpoofedRefusal, victim, 150), NOTHING);
        assert_eq!(failed(Attack::SpoofedRefusal, victim, 216), [Invariant::L1]);
    }
    assert_eq!(failed(Attack::SpoofedRefusal, agent(2), 150), [Invariant::L1]);
    for attack in [Attack::CacheFlood, Attack::FirstRequestFlood, Attack::SlowLoris, Attack::Replay] {
        assert_eq!(failed(attack, agent(1), 150), [Invariant::L1]);
    }
}

#[test]
fn l2_and_l3_count_from_the_first_success_on_a_fair_network() {
    let mut history = parted(Profile::Literal);
    history.at_ms(FAIR_MS + 1);
    let token = history.issue(1);
    history.store(agent(1), &token);
    let mut settled = history.clone();
    settled.begin(agent(1), true).end(agent(1), Outcome::ServedTwoStep, 2);
    assert_eq!(settled.violated(), NOTHING);
    // The first success on a connection that was authenticated before says nothing of the stored token.
    let mut unsettled = history.clone();
    unsettled.begin(agent(1), true).end(agent(1), Outcome::ServedAuthenticated, 1);
    unsettled.at_ms(FAIR_MS + 9_000).begin(agent(1), true).end(agent(1), Outcome::ServedTwoStep, 2);
    assert_eq!(unsettled.violated(), NOTHING);
    settled.at_ms(FAIR_MS + 9_000).begin(agent(1), true).end(agent(1), Outcome::ServedTwoStep, 2);
    assert_eq!(settled.violated(), [Invariant::L2]);

    let streak = |history: &History| {
        let mut history = history.clone();
        for _ in 0..3 {
            let connection = history.open(agent(1), SITE);
            let request = history.send(agent(1), connection, Carried::FirstRequest);
            history.receive(agent(1), request, 401);
        }
        history.judge().counts.contains_key(&Invariant::L3)
    };
    assert!(!streak(&history));
    assert!(streak(&settled));
}

#[test]
fn l2_holds_for_an_agent_whose_tokens_somebody_else_presents() {
    let mut history = History::of(Profile::Hardened);
    history.plan.attackers.push(attacker(Attack::Replay, agent(1), 0, 100));
    let token = history.issue(1);
    history.store(agent(1), &token);
    let (agent_node, uid, jti, why) = (token.agent, token.uid, token.jti, Removal::ReplayRefused);
    // The cached token is spent, the agent's own is as good as before.
    history.cache(&token, false).say(SITE, EventKind::CacheRemoved { agent: agent_node, uid, jti, why });
    history.at_s(10).begin(agent(1), true).end(agent(1), Outcome::ServedTwoStep, 2);
    assert_eq!(history.violated(), [Invariant::L2]);
}

#[test]
fn l2_excuses_whoever_finds_the_last_counter_used_by_a_sibling() {
    let ended = |counter, signed_at_ms| {
        let mut history = History::of(Profile::Literal);
        history.plan.parameters.counter_jump_max = 3;
        let token = history.issue(1);
        history.store(agent(1), &token).at_ms(9_998).begin(agent(1), true);
        history.at_ms(signed_at_ms).countersign(agent(1), &token, counter);
        history.at_ms(10_000).end(agent(1), Outcome::ServedTwoStep, 2);
        history.violated()
    };
    assert_eq!(ended(3, 9_999), NOTHING);
    assert_eq!(ended(2, 9_999), [Invariant::L2]);
    assert_eq!(ended(3, 9_998), [Invariant::L2], "it was used up before");
}

#[test]
fn l5_counts_from_the_fair_network_on() {
    let expired = |requested_s, expires_s, with_faults: bool| {
        let mut history = if with_faults { parted(Profile::Literal) } else { History::of(Profile::Literal) };
        let token = history.issue_until(1, UnixSeconds(START.0 + expires_s));
        history.cache(&token, false).at_s(requested_s).hit(&token);
        let connection = history.at_s(700).open(SITE, SMP);
        history.validate().close(SITE, connection).validated(0).at_s(expires_s + 100);
        history.judge().counts.contains_key(&Invariant::L5)
    };
    assert!(expired(10, 1_500, false));
    assert!(!expired(10, 1_500, true));
    assert!(expired(10, 1_900, true));
}

// --- L6 ----------------------------------------------------------------------------------------------

/// 3 agents: no costs, one round of 8 ms, twice 300 s of back-off, 120 s of idleness, time-outs of 10, 2 × 5 and
/// 4 × 10 s, a granularity of 1.002 s.
const BACK_MS: u64 = 200_000 + 8 + 600_000 + 120_000 + 10_000 + 10_000 + 40_000 + 1_002;

#[test]
fn l6_who_was_cut_off_is_back_in_time() {
    let back = |fails_s: u64, back_ms: Option<u64>, end_ms: u64| {
        let mut history = parted(Profile::Literal);
        history.start(agent(1)).at_s(fails_s).begin(agent(1), false).end(agent(1), Outcome::TimedOut, 1);
        if let Some(back_ms) = back_ms {
            history.at_ms(back_ms).begin(agent(1), false).end(agent(1), Outcome::ServedTwoStep, 2);
        }
        history.at_ms(end_ms);
        let judgement = history.judge();
        (judgement.counts.contains_key(&Invariant::L6), judgement.reached.get(&Milestone::Recovered).copied())
    };
    assert_eq!(back(150, None, BACK_MS), (false, None));
    assert_eq!(back(150, None, BACK_MS + 1), (true, None));
    assert_eq!(back(150, Some(BACK_MS), BACK_MS + 9_000), (false, Some(1)));
    assert_eq!(back(150, Some(BACK_MS + 1), BACK_MS + 9_000), (true, Some(1)));
    // Who first fails after the heal was not cut off.
    assert_eq!(back(250, None, BACK_MS + 900_000), (false, None));
    // Who was served before the heal was not either.
    assert_eq!(back(150, Some(199_999), BACK_MS + 9_000), (false, None));
}

#[test]
fn l6_who_started_anew_counts_from_its_first_try() {
    let tries = |try_s: Option<u64>, end_ms| {
        let mut history = parted(Profile::Literal);
        history.start(agent(1)).at_s(150).start(agent(1));
        if let Some(try_s) = try_s {
            history.at_s(try_s).begin(agent(1), false).end(agent(1), Outcome::TimedOut, 1);
        }
        history.at_ms(end_ms).judge().counts.contains_key(&Invariant::L6)
    };
    assert!(!tries(None, 9_000_000));
    assert!(!tries(Some(1_200), BACK_MS + 1_000_000));
    assert!(tries(Some(1_200), BACK_MS + 1_000_001));
}

#[test]
fn l6_whoever_is_down_until_everything_heals_was_cut_off() {
    let starts_at = |start_s| {
        let mut history = parted(Profile::Literal);
        history.start(agent(1)).at_s(start_s).start(agent(1));
        history.at_s(300).begin(agent(1), false).end(agent(1), Outcome::TimedOut, 1);
        history.at_ms(BACK_MS + 100_001).judge().counts.contains_key(&Invariant::L6)
    };
    assert!(starts_at(200) && starts_at(201));
    assert!(!starts_at(202), "it was there when everything healed");
}

#[test]
fn l6_excuses_who_cannot_come_back() {
    let gone = |alter: fn(&mut History)| {
        let mut history = parted(Profile::Literal);
        history.start(agent(1)).at_s(150).begin(agent(1), false).end(agent(1), Outcome::TimedOut, 1);
        alter(&mut history);
        history.at_s(9_000).judge().counts.contains_key(&Invariant::L6)
    };
    assert!(gone(|_| ()));
    assert!(!gone(|history| history.plan.agents[0].leave_ms = Some(400_000)));
    assert!(!gone(|history| {
        history.say(agent(1), EventKind::Stopped { power_loss: true });
    }));
    assert!(!gone(|history| {
        history.say(SMP, EventKind::Revoked { agent: node(1) });
    }));
    assert!(!gone(|history| {
        history.say(SMP, EventKind::SiteRemoved { site: Plan::node_of(SITE) });
    }));
    assert!(!gone(|history| history.plan.attackers.push(attacker(Attack::SpoofedRefusal, agent(1), 0, 9_000))));
}

// --- milestones --------------------------------------------------------------------------------------

fn reached(tell: impl FnOnce(&mut History)) -> BTreeMap<Milestone, u64> {
    let mut history = History::of(Profile::Literal);
    tell(&mut history);
    history.judge().reached
}

#[test]
fn milestones_of_refusals() {
    let request = RequestId { connection: countersign::types::ConnectionId(1), ordinal: 1 };
    for (why, milestone) in [
        (Refusal::Syntax, Milestone::SyntaxRefused),
        (Refusal::UnknownServerKey, Milestone::UnknownKeyRefused),
        (Refusal::BadServerSignature, Milestone::ForgeryRefused),
        (Refusal::BadAgentSignature, Milestone::BadAgentSignatureRefused),
        (Refusal::AgentRevoked, Milestone::RevokedRefused),
        (Refusal::StaleEpoch, Milestone::StaleEpochRefused),
        (Refusal::UidMismatch, Milestone::UidMismatchRefused),
        (Refusal::WrongAudience, Milestone::WrongAudienceRefused),
        (Refusal::WrongBinding, Milestone::WrongBindingRefused),
        (Refusal::CounterBeyondJumpCap, Milestone::JumpCapRefused),
        (Refusal::BelowPurgeHighWater, Milestone::BelowHighWaterRefused),
    ] {
        let told = reached(|it| {
            it.say(SITE, EventKind::Refused { request, why, claimed_agent: None });
        });
        assert_eq!(told, BTreeMap::from([(milestone, 1)]));
    }
    let limited = reached(|it| {
        it.say(SITE, EventKind::Unavailable { request, status: 429 });
    });
    assert_eq!(limited, BTreeMap::from([(Milestone::Unavailable, 1), (Milestone::RateLimited, 1)]));
}

#[test]
fn milestones_of_faults_and_attacks() {
    let connection = countersign::types::ConnectionId(1);
    let attempted = |status| EventKind::Attempted { what: String::new(), status };
    let of = |actor, kind: EventKind| {
        reached(|it| {
            it.say(actor, kind);
        })
        .into_keys()
        .collect::<Vec<_>>()
    };
    let failed = |timed_out| EventKind::ConnectFailed { server: SITE, timed_out };
    assert_eq!(of(agent(1), failed(true)), [Milestone::ConnectTimedOut]);
    assert_eq!(of(agent(1), failed(false)), []);
    assert_eq!(of(agent(1), EventKind::RolledBack), [Milestone::RolledBack]);
    assert_eq!(of(SMP, EventKind::ServerKeyRotated { key: 1 }), [Milestone::KeyRotated]);
    assert_eq!(of(agent(1), EventKind::AgentKeyChanged { key: 1 }), [Milestone::AgentKeyChanged]);
    assert_eq!(of(SMP, EventKind::PolicyChanged { version: 2 }), [Milestone::PolicyChanged]);
    assert_eq!(of(SMP, EventKind::Revoked { agent: node(1) }), [Milestone::Revoked]);
    assert_eq!(of(SMP, EventKind::SiteRemoved { site: node(1) }), [Milestone::SiteRemoved]);
    assert_eq!(of(ATTACKER, attempted(Some(401))), [Milestone::AttackRefused]);
    assert_eq!(of(ATTACKER, attempted(Some(200))), [Milestone::AttackServed]);
    assert_eq!(of(ATTACKER, attempted(Some(503))), []);
    assert_eq!(of(ATTACKER, attempted(None)), []);
    let what = String::new;
    assert_eq!(of(ATTACKER, EventKind::Intercepted { connection, what: what() }), [Milestone::Intercepted]);
    assert_eq!(of(ATTACKER, EventKind::Overheard { connection, what: what() }), [Milestone::Overheard]);
    let declined = EventKind::TokenDeclined { server: SITE, why: String::new() };
    assert_eq!(of(agent(1), declined), [Milestone::TokenDeclined]);
    let jti = countersign::types::Jti::from_bits(1);
    let moved = EventKind::StoredTokenRemoved { server: SITE, jti, why: Removal::PathChanged };
    assert_eq!(of(agent(1), moved), [Milestone::PathChanged]);
    for outcome in [Outcome::TimedOut, Outcome::NotConnected] {
        let told = reached(|it| {
            it.begin(agent(1), false).end(agent(1), outcome, 1);
        });
        assert_eq!(told, BTreeMap::from([(Milestone::ExchangeTimedOut, 1)]));
    }
}

#[test]
fn milestones_of_restarts() {
    let told = reached(|it| {
        it.plan.faults.push(fault(5, None, FaultKind::Upgrade { actor: SITE, profile: Profile::Hardened }));
        it.start(SITE).start(agent(1)).start(SITE).start(agent(1)).at_s(5).start(SITE).start(SITE);
    });
    let expected = [(Milestone::ServerRestarted, 3), (Milestone::AgentRestarted, 1), (Milestone::Upgraded, 1)];
    assert_eq!(told, BTreeMap::from(expected));
}

#[test]
fn milestones_of_holes() {
    // 13: a connection outlives expiry and revocation.
    let served_at = |at_s: u64, is_revoked: bool| {
        let told = reached(|it| {
            let token = it.issue_until(1, UnixSeconds(START.0 + 2_000));
            let first = it.present(1, SITE, &token, 1);
            if is_revoked {
                it.say(SMP, EventKind::Revoked { agent: node(1) });
            }
            let further = it.at_s(at_s).send(agent(1), first.connection, Carried::Nothing);
            it.serve(SITE, further, 1);
        });
        let holes = [Milestone::ServedAfterExpiry, Milestone::ServedAfterRevocation];
        holes.map(|hole| told.contains_key(&hole))
    };
    assert_eq!(served_at(931, true), [false, false]);
    assert_eq!(served_at(932, true), [false, true]);
    assert_eq!(served_at(1_700, false), [false, false]);
    assert_eq!(served_at(2_000, false), [false, false]);

    // 8, 9, 10: what validations do and do not.
    let refreshed = |requested_s: Option<u64>, refreshed_s: Option<u64>, end_s| {
        let told = reached(|it| {
            let token = it.issue(1);
            it.cache(&token, false);
            if let Some(requested_s) = requested_s {
                it.at_s(requested_s).hit(&token);
            }
            if let Some(refreshed_s) = refreshed_s {
                let fresh = it.at_s(refreshed_s).issue(1);
                it.cache(&fresh, true);
            }
            it.at_s(end_s);
        });
        [Milestone::RefreshedForNobody, Milestone::RefreshMissed].map(|hole| told.get(&hole).copied().unwrap_or(0))
    };
    assert_eq!(refreshed(Some(10), Some(3_000), 3_650), [0, 0]);
    assert_eq!(refreshed(None, Some(3_000), 3_650), [1, 0]);
    assert_eq!(refreshed(Some(10), Some(3_601), 3_650), [0, 1]);
    assert_eq!(refreshed(Some(10), None, 3_650), [0, 1]);
    assert_eq!(refreshed(None, None, 3_650), [0, 0]);
    assert_eq!(refreshed(Some(10), None, 3_500), [0, 0]);

    // 14: a new key reads as revoked.
    let forbidden = |kind: EventKind, actor| {
        reached(|it| {
            it.say(actor, kind).end(agent(1), Outcome::Forbidden, 1);
        })
    };
    let changed = forbidden(EventKind::AgentKeyChanged { key: 5 }, agent(1));
    assert!(changed.contains_key(&Milestone::ForbiddenAfterKeyChange));
    let revoked = forbidden(EventKind::Revoked { agent: node(1) }, SMP);
    assert!(revoked.contains_key(&Milestone::RevokedRefused));
    assert!(!revoked.contains_key(&Milestone::ForbiddenAfterKeyChange));
}

#[test]
fn hardly_anything_is_too_absurd_to_be_judged() {
    let mut history = parted(Profile::Hardened);
    history.plan.heal_ms = Some(u64::MAX);
    history.plan.parameters.retry_max_ms = u64::MAX;
    history.plan.parameters.policy_interval_s = u64::MAX;
    history.plan.costs.sign_ns = u64::MAX;
    history.plan.network.latency_ms_max = u64::MAX;
    history.plan.smp.cores = 0;
    let by_ms = i64::MIN;
    history.plan.faults.push(fault(0, None, FaultKind::ClockStep { who: Group::Agents, by_ms }));
    let lifetime = FaultKind::ChangePolicy {
        token_lifetime_s: Some(u64::MAX),
        validation_period_s: Some(0),
        authentication: None,
    };
    history.plan.faults.push(fault(0, 18_000_000_000_000, lifetime));
    history.plan.attackers.push(attacker(Attack::StolenKey, agent(9), 0, 9));
    let token = history.issue_until(1, UnixSeconds(u64::MAX));
    history.say(SMP, EventKind::Revoked { agent: node(1) });
    history.present(1, SMP, &token, u64::MAX);
    history.begin(ActorId::Agent(0), true).end(ActorId::Agent(77), Outcome::Forbidden, u32::MAX);
    // The counter is beyond every jump.
    assert_eq!(history.at(VirtualTime(u64::MAX)).violated(), [Invariant::S7, Invariant::S8]);
}

// --- what hunts for planted bugs taught ----------------------------------------------------------------

#[test]
fn s2_wants_the_uid_that_was_signed() {
    let accepted_with = |uid: u128| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        let mut signed = token;
        signed.uid = Uid::from_bits(uid);
        let connection = history.open(agent(1), SITE);
        history.countersign(agent(1), &signed, 1);
        let request = history.send(agent(1), connection, Carried::StoredToken);
        history.accept(SITE, request, &token, 1);
        history.violated()
    };
    assert_eq!(accepted_with(1), NOTHING);
    assert_eq!(accepted_with(2), [Invariant::S2, Invariant::S5]);
}

#[test]
fn s8_no_counter_jumps_further_than_the_cap() {
    let used = |counters: [u64; 2]| {
        let mut history = History::of(Profile::Literal);
        history.plan.parameters.counter_jump_max = 100;
        let token = history.start(SITE).issue(1);
        for counter in counters {
            history.present(1, SITE, &token, counter);
        }
        history.violated()
    };
    assert_eq!(used([100, 200]), NOTHING);
    assert_eq!(used([100, 1]), NOTHING);
    assert_eq!(used([101, 102]), [Invariant::S8], "the first counts from 0");
    assert_eq!(used([1, 102]), [Invariant::S8]);
}

#[test]
fn s8_a_validation_that_does_not_fail_uses_one_connection() {
    let used = |connections, fails: bool| {
        let mut history = History::of(Profile::Literal);
        let connection = history.open(SITE, SMP);
        history.validate();
        for tokens in [Some(1), (!fails).then_some(1)] {
            history.upstream(UpstreamPurpose::Validation, 1, connection);
            history.upstream_end(UpstreamPurpose::Validation, tokens);
        }
        let (requested, refreshed, removed, batches, took_ns) = (2, 2, 0, 2, 0);
        let ended = EventKind::ValidationEnded { requested, refreshed, removed, batches, connections, took_ns };
        history.say(SITE, ended).violated()
    };
    assert_eq!(used(1, false), NOTHING);
    assert_eq!(used(2, true), NOTHING);
    assert_eq!(used(2, false), [Invariant::S8]);
}

#[test]
fn s8_a_hardened_site_shares_a_first_fetch() {
    // Two misses, and what comes of them: each number issues a token, each letter stores one.
    let fetched = |profile, misses, order: &str| {
        let mut history = History::of(profile);
        let mut tokens = Vec::new();
        for _ in 0..misses {
            history.say(SITE, EventKind::CacheMissed { agent: node(1), uid: Uid::from_bits(1) });
        }
        for (second, step) in (1..).zip(order.chars()) {
            history.at_s(second);
            match step {
                'a' => drop(history.cache(&tokens[0], false)),
                'b' => drop(history.cache(&tokens[1], false)),
                'm' => drop(history.say(SITE, EventKind::CacheMissed { agent: node(1), uid: Uid::from_bits(1) })),
                _ => tokens.push(history.issue(1)),
            }
        }
        history.violated()
    };
    assert_eq!(fetched(Profile::Hardened, 2, "12ab"), [Invariant::S8]);
    assert_eq!(fetched(Profile::Literal, 2, "12ab"), NOTHING, "hole 18");
    assert_eq!(fetched(Profile::Hardened, 2, "1am2b"), NOTHING, "one after the other");
    assert_eq!(fetched(Profile::Hardened, 2, "12b"), NOTHING, "the first is lost");
    assert_eq!(fetched(Profile::Hardened, 1, "12ab"), NOTHING, "one of them looks for a new key");
}

#[test]
fn s8_a_token_is_stored_once_it_has_succeeded() {
    let stored_after = |status, other: bool| {
        let mut history = History::of(Profile::Literal);
        let (token, stranger) = (history.issue(1), history.issue(1));
        let connection = history.open(agent(1), SITE);
        history.countersign(agent(1), &token, 1);
        let request = history.send(agent(1), connection, Carried::NewToken);
        history.receive(agent(1), request, status);
        history.only_store(agent(1), if other { &stranger } else { &token });
        history.violated()
    };
    assert_eq!(stored_after(200, false), NOTHING);
    assert_eq!(stored_after(200, true), [Invariant::S8]);
    assert_eq!(stored_after(401, false), [Invariant::S8]);
    assert_eq!(stored_after(503, false), [Invariant::S8]);
}

#[test]
fn s8_a_token_that_is_forbidden_is_not_stored_any_more() {
    let sent_again = |carries, between: fn(&mut History)| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        let connection = history.open(agent(1), SITE);
        for (at_s, counter, carries, status) in [(1, 1, Carried::StoredToken, 403), (10, 2, carries, 401)] {
            history.at_s(at_s);
            history.countersign(agent(1), &token, counter);
            let request = history.send(agent(1), connection, carries);
            history.receive(agent(1), request, status);
            between(&mut history);
        }
        history.violated()
    };
    assert_eq!(sent_again(Carried::StoredToken, |_| ()), [Invariant::S8]);
    assert_eq!(sent_again(Carried::NewToken, |_| ()), NOTHING, "it was offered again");
    let goes_back = |history: &mut History| {
        history.say(agent(1), EventKind::RolledBack);
    };
    assert_eq!(sent_again(Carried::StoredToken, goes_back), NOTHING);
}

#[test]
fn s8_a_request_that_was_signed_before_403_came_may_wait_for_its_connection() {
    let sent = |signed_s: u64| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        let connection = history.open(agent(1), SITE);
        history.at_s(1).countersign(agent(1), &token, 1);
        let request = history.send(agent(1), connection, Carried::StoredToken);
        let mut steps = [(5, false), (signed_s, true)];
        steps.sort_unstable();
        for (second, signs) in steps {
            if signs {
                history.at_s(second).countersign(agent(1), &token, 2);
            } else {
                history.at_s(second).receive(agent(1), request, 403);
            }
        }
        history.at_s(20).send(agent(1), connection, Carried::StoredToken);
        history.violated()
    };
    assert_eq!(sent(4), NOTHING);
    assert_eq!(sent(10), [Invariant::S8]);
}

#[test]
fn s8_an_agent_that_fails_again_and_again_waits_longer_and_longer() {
    let retries = |wait_ms: u64, times: u32, change: fn(&mut Plan)| {
        let mut history = History::of(Profile::Literal);
        change(&mut history.plan);
        for _ in 0..times {
            history.begin(agent(1), false).end(agent(1), Outcome::NotConnected, 0);
            let now_ms = history.now().nanos() / 1_000_000;
            history.at_ms(now_ms + wait_ms);
        }
        history.violated()
    };
    // The wait after the fifth failure is the first that is judged.
    assert_eq!(retries(1_000, 12, |_| ()), NOTHING);
    assert_eq!(retries(1_000, 13, |_| ()), [Invariant::S8]);
    assert_eq!(retries(1_003, 50, |_| ()), NOTHING);
    assert_eq!(retries(1_000, 50, |plan| plan.agents[0].connections = 2), NOTHING);
    assert_eq!(retries(1_000, 50, |plan| plan.parameters.retry_max_ms = 8_000), NOTHING);
}

#[test]
fn s13_a_token_goes_the_way_that_it_is_for() {
    // The site is elsewhere from 100 s to 200 s; connecting may take 5 s, and time is 1.002 s coarse.
    let sent = |first_s: u64, second_s: u64, new_uid: bool| {
        let mut history = History::of(Profile::Literal);
        history.plan.faults.push(fault(100, 200, FaultKind::Move { site: SITE, port: 444 }));
        history.plan.heal_ms = Some(200_000);
        let mut token = history.issue(1);
        for (counter, at_s) in [(1, first_s), (2, second_s)] {
            history.at_s(at_s);
            let connection = history.open(agent(1), SITE);
            history.countersign(agent(1), &token, counter);
            history.send(agent(1), connection, Carried::StoredToken);
            token.uid = Uid::from_bits(if new_uid { 9 } else { 1 });
        }
        history.violated()
    };
    assert_eq!(sent(10, 99, false), NOTHING);
    assert_eq!(sent(10, 110, false), [Invariant::S13]);
    assert_eq!(sent(110, 210, false), [Invariant::S13]);
    assert_eq!(sent(10, 210, false), NOTHING, "it is back where it was");
    assert_eq!(sent(10, 106, false), NOTHING, "opened before the move, perhaps");
    assert_eq!(sent(10, 110, true), NOTHING, "another path, another uid");
}

#[test]
fn s6_a_hardened_server_lets_nothing_in_that_it_may_have_forgotten() {
    let used_after_purge = |profile, later_s: u64, starts: bool| {
        let mut history = History::of(profile);
        // Set back far enough for the second token to be alive again.
        history.plan.faults.push(fault(
            4_000,
            None,
            FaultKind::ClockStep { who: Group::Actor(SITE), by_ms: -3_000_000 },
        ));
        let first = history.start(SITE).issue_until(1, UnixSeconds(START.0 + 3_000));
        let second = history.issue_until(2, UnixSeconds(START.0 + 3_000 + later_s));
        history.present(1, SITE, &first, 1);
        let why = Removal::ExpiredSweep;
        history.at_s(3_900).say(SITE, EventKind::RegistryRemoved { agent: first.agent, jti: first.jti, why });
        history.at_s(4_001);
        if starts {
            history.start(SITE);
        }
        history.present(2, SITE, &second, 1);
        history.violated()
    };
    assert_eq!(used_after_purge(Profile::Hardened, 0, false), [Invariant::S6]);
    assert_eq!(used_after_purge(Profile::Hardened, 1, false), NOTHING);
    assert_eq!(used_after_purge(Profile::Hardened, 0, true), NOTHING);
    assert_eq!(used_after_purge(Profile::Literal, 0, false), NOTHING, "hole 19");
}

#[test]
fn s9_a_hardened_server_offers_another_token_after_a_replay() {
    let offered = |profile, why, same: bool| {
        let mut history = History::of(profile);
        let (token, other) = (history.issue(1), history.issue(1));
        let connection = history.open(agent(1), SITE);
        history.countersign(agent(1), &token, 1);
        let request = history.send(agent(1), connection, Carried::StoredToken);
        history.say(SITE, EventKind::Refused { request, why, claimed_agent: Some(node(1)) });
        history.challenge(SITE, request, if same { &token } else { &other }, true);
        history.violated()
    };
    assert_eq!(offered(Profile::Hardened, Refusal::CounterUsed, true), [Invariant::S9]);
    assert_eq!(offered(Profile::Hardened, Refusal::CounterUsed, false), NOTHING);
    assert_eq!(offered(Profile::Hardened, Refusal::UidMismatch, true), NOTHING);
    assert_eq!(offered(Profile::Literal, Refusal::CounterUsed, true), NOTHING, "hole 7");
}

#[test]
fn s4_a_hardened_connection_does_not_outlive_a_revocation() {
    let served = |profile, server: ActorId, sent_s: u64, is_reinstated: bool| {
        let mut history = History::of(profile);
        let token = history.issue(1);
        let request = history.present(1, server, &token, 1);
        history.serve(server, request, 1).at_s(10).say(SMP, EventKind::Revoked { agent: node(1) });
        if is_reinstated {
            history.at_s(11).say(SMP, EventKind::Reinstated { agent: node(1) });
        }
        let next = history.at_s(sent_s).send(agent(1), request.connection, Carried::Nothing);
        history.serve(server, next, 1).violated()
    };
    assert_eq!(served(Profile::Hardened, SMP, 12, false), [Invariant::S4]);
    assert_eq!(served(Profile::Hardened, SMP, 12, true), NOTHING);
    assert_eq!(served(Profile::Literal, SMP, 12, false), NOTHING, "hole 13");
    // A site learns of it within a policy interval, two fetches and a granularity.
    assert_eq!(served(Profile::Hardened, SITE, 941, false), NOTHING);
    assert_eq!(served(Profile::Hardened, SITE, 942, false), [Invariant::S4]);
}
