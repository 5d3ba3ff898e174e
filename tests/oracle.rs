//! Every invariant fires where it is broken, and only there.

mod history;

use std::collections::BTreeMap;

use countersign::{
    event::{Carried, Challenge, Close, EventKind, Outcome, Removal, UpstreamPurpose},
    oracle::Findings,
    plan::{Invariant, Milestone},
    types::{ActorId, Epoch, Fingerprint, Profile, Refusal, RequestId, Scheme, Undigested, UnixSeconds, VirtualTime},
};
use history::{History, SITE, SMP, START, agent, day, node};

const NOTHING: [Invariant; 0] = [];
const BOTH: [Profile; 2] = [Profile::Literal, Profile::Hardened];

#[test]
fn a_well_formed_day_is_judged_flawless_in_both_profiles() {
    for profile in BOTH {
        let mut history = History::of(profile);
        day::well_formed(&mut history, 40, 8 * 3_600);
        let judgement = history.judge();
        assert_eq!(judgement.violations, [], "{profile:?}");
        assert_eq!(judgement.events, history.events.len() as u64);
        for milestone in [
            Milestone::OneStep,
            Milestone::TwoStep,
            Milestone::CacheHit,
            Milestone::CacheMiss,
            Milestone::TokenRefreshed,
            Milestone::PeriodTenMinutes,
            Milestone::RegistryPurged,
        ] {
            assert!(judgement.reached.contains_key(&milestone), "{profile:?} {milestone:?} in {:?}", judgement.reached);
        }
        assert!(!judgement.reached.contains_key(&Milestone::PeriodFiveMinutes));
        // Hole 10: literal refreshes the tokens of departed agents for ever.
        assert_eq!(judgement.reached.contains_key(&Milestone::CacheExpired), profile == Profile::Hardened);
    }
}

// --- S1 ----------------------------------------------------------------------------------------------

#[test]
fn s1_a_counter_is_accepted_once_per_server_and_epoch() {
    let twice = |profile, second: ActorId, restart| {
        let mut history = History::of(profile);
        let token = history.start(SITE).issue(1);
        history.present(1, SITE, &token, 1);
        history.present(1, SITE, &token, 2);
        if restart {
            history.start(SITE);
        }
        history.present(1, second, &token, 1);
        history.violated()
    };
    assert_eq!(twice(Profile::Literal, SITE, false), [Invariant::S1]);
    assert_eq!(twice(Profile::Hardened, SITE, false), [Invariant::S1]);
    // Holes 6 and 11: literal allows it, hardened does not.
    assert_eq!(twice(Profile::Literal, SITE, true), NOTHING);
    assert_eq!(twice(Profile::Hardened, SITE, true), [Invariant::S1]);
    assert_eq!(twice(Profile::Literal, SMP, false), NOTHING);
    assert_eq!(twice(Profile::Hardened, SMP, false), [Invariant::S1]);
}

#[test]
fn s1_names_both_times() {
    let mut history = History::of(Profile::Literal);
    let token = history.issue(1);
    history.at_s(5).present(1, SITE, &token, 7);
    history.at_s(9).present(1, SITE, &token, 7);
    let judgement = history.judge();
    let violation = &judgement.violations[0];
    assert_eq!(violation.event_number, history.events.len() as u64);
    assert_eq!((violation.at, violation.actor), (VirtualTime::from_millis(9_000), SITE));
    for fact in ["counter 7", "0:00:05.000", "0:00:09.000", &token.jti.to_string(), "agent-1"] {
        assert!(violation.what.contains(fact), "{fact} in {}", violation.what);
    }
}

// --- S2, S5 ------------------------------------------------------------------------------------------

/// A history in which a site records and accepts what `forge` makes of an honest token.
fn accepted<T>(forge: impl Fn(&mut History, &mut history::Token) -> T) -> Vec<Invariant> {
    let mut history = History::of(Profile::Literal);
    let mut token = history.issue(1);
    let connection = history.open(agent(1), SITE);
    forge(&mut history, &mut token);
    let request = history.send(agent(1), connection, Carried::StoredToken);
    history.accept(SITE, request, &token, 1);
    history.violated()
}

#[test]
fn s2_and_s5_want_an_issue_and_the_agents_own_signature() {
    let both = [Invariant::S2, Invariant::S5];
    assert_eq!(accepted(|history, token| history.countersign(agent(1), token, 1)), NOTHING);
    // Nobody signed, or another agent did, or another counter.
    assert_eq!(accepted(|_, _| ()), both);
    assert_eq!(accepted(|history, token| history.countersign(agent(2), token, 1)), both);
    assert_eq!(accepted(|history, token| history.countersign(agent(1), token, 2)), both);
    // The token's text was never issued, or its expiry is another.
    let unissued = |history: &mut History, token: &mut history::Token| {
        token.fingerprint = Fingerprint(99);
        history.countersign(agent(1), token, 1);
    };
    assert_eq!(accepted(unissued), both);
    let prolonged = |history: &mut History, token: &mut history::Token| {
        token.expires.0 += 1;
        history.countersign(agent(1), token, 1);
    };
    assert_eq!(accepted(prolonged), both);
}

#[test]
fn s2_trusts_no_issuer_but_the_smp() {
    let mut history = History::of(Profile::Literal);
    let token = history.issue(1);
    history.events[0].actor = SITE;
    history.present(1, SITE, &token, 1);
    assert_eq!(history.violated(), [Invariant::S2, Invariant::S5]);
}

#[test]
fn s5_fires_for_a_record_without_an_accept() {
    let mut history = History::of(Profile::Literal);
    let token = history.issue(1);
    let connection = history.open(agent(1), SITE);
    let request = history.send(agent(1), connection, Carried::StoredToken);
    history.record(SITE, request, &token, 1);
    assert_eq!(history.violated(), [Invariant::S5]);
}

// --- S3 ----------------------------------------------------------------------------------------------

#[test]
fn s3_an_accept_is_in_time_by_the_servers_own_clock_up_to_the_leeway() {
    let at = |profile, offset_ms: i64, late_ns| {
        let mut history = History::of(profile);
        history.plan.sites[0].clock.offset_ms = offset_ms;
        let leeway_s = history.plan.parameters.leeway_s;
        let token = history.issue_until(1, UnixSeconds(START.0 + 100));
        let bound_ms = (100_000 + leeway_s * 1_000).checked_add_signed(-offset_ms).unwrap();
        history.at(VirtualTime(bound_ms * 1_000_000 + late_ns)).present(1, SITE, &token, 1);
        history.violated()
    };
    for profile in BOTH {
        for offset_ms in [0, 700, -700] {
            assert_eq!(at(profile, offset_ms, 0), NOTHING);
            assert_eq!(at(profile, offset_ms, 1), [Invariant::S3]);
        }
    }
}

// --- S4 ----------------------------------------------------------------------------------------------

#[test]
fn s4_every_served_request_follows_one_accept_on_its_connection() {
    let mut history = History::of(Profile::Literal);
    let token = history.issue(1);
    let first = history.present(1, SITE, &token, 1);
    history.serve(SITE, first, 1);
    let further = history.send(agent(1), first.connection, Carried::Nothing);
    history.serve(SITE, further, 1);
    assert_eq!(history.violated(), NOTHING);

    let mut unaccepted = history.clone();
    let connection = unaccepted.open(agent(1), SITE);
    let request = unaccepted.send(agent(1), connection, Carried::Nothing);
    unaccepted.serve(SITE, request, 1);
    assert_eq!(unaccepted.violated(), [Invariant::S4]);

    let mut accepted_twice = history.clone();
    accepted_twice.countersign(agent(1), &token, 2);
    let request = accepted_twice.send(agent(1), first.connection, Carried::StoredToken);
    accepted_twice.accept(SITE, request, &token, 2).serve(SITE, request, 1);
    assert_eq!(accepted_twice.violated(), [Invariant::S4]);

    let mut public = history.clone();
    let connection = public.open(agent(2), SITE);
    let request = public.send(agent(2), connection, Carried::Nothing);
    public.say(SITE, EventKind::Served { request, agent: None });
    assert_eq!(public.violated(), NOTHING);

    let mut for_another = history;
    let further = for_another.send(agent(1), first.connection, Carried::Nothing);
    for_another.serve(SITE, further, 2);
    assert_eq!(for_another.violated(), [Invariant::S4, Invariant::S13]);
}

#[test]
fn s4_hardened_wants_an_accept_for_each_request_over_plain_http() {
    let mut history = History::of(Profile::Hardened);
    history.plan.scheme = Scheme::Http;
    let token = history.issue(1);
    let first = history.present(1, SITE, &token, 1);
    history.serve(SITE, first, 1).countersign(agent(1), &token, 2);
    let second = history.send(agent(1), first.connection, Carried::StoredToken);
    history.accept(SITE, second, &token, 2).serve(SITE, second, 1);
    assert_eq!(history.violated(), NOTHING);
    let third = history.send(agent(1), first.connection, Carried::Nothing);
    history.serve(SITE, third, 1);
    assert_eq!(history.violated(), [Invariant::S4]);
}

#[test]
fn s4_hardened_bounds_the_age_of_an_authenticated_connection() {
    let served_at = |profile, token_s, sent: VirtualTime| {
        let mut history = History::of(profile);
        let token = history.issue_until(1, UnixSeconds(START.0 + token_s));
        let first = history.present(1, SITE, &token, 1);
        // Something happens now and then, so that the connection is not forgotten.
        for minutes in 1..200 {
            let now = VirtualTime::from_millis(minutes * 60_000);
            if now < sent {
                let request = history.at(now).send(agent(1), first.connection, Carried::Nothing);
                history.say(SITE, EventKind::Served { request, agent: None });
            }
        }
        let further = history.at(sent).send(agent(1), first.connection, Carried::Nothing);
        history.serve(SITE, further, 1);
        history.violated()
    };
    let second = |seconds: u64| VirtualTime(seconds * 1_000_000_000);
    // By the token (and the leeway of 60 s), and by the greatest age of an hour.
    for (token_s, bound_s) in [(600, 660), (20_000, 3_600)] {
        assert_eq!(served_at(Profile::Hardened, token_s, second(bound_s)), NOTHING);
        assert_eq!(served_at(Profile::Hardened, token_s, VirtualTime(second(bound_s).0 + 1)), [Invariant::S4]);
        assert_eq!(served_at(Profile::Literal, token_s, second(bound_s + 1)), NOTHING);
    }
}

#[test]
fn s4_hardened_lets_a_connection_be_authenticated_anew_once_it_has_run_out() {
    let again_after = |seconds| {
        let mut history = History::of(Profile::Hardened);
        let token = history.issue_until(1, UnixSeconds(START.0 + 600));
        let first = history.present(1, SITE, &token, 1);
        history.at_s(seconds);
        let token = history.issue(1);
        history.countersign(agent(1), &token, 2);
        let request = history.send(agent(1), first.connection, Carried::NewToken);
        history.accept(SITE, request, &token, 2).serve(SITE, request, 1);
        history.violated()
    };
    assert_eq!(again_after(659), [Invariant::S4]);
    assert_eq!(again_after(660), NOTHING);
}

// --- S6 ----------------------------------------------------------------------------------------------

#[test]
fn s6_an_accept_needs_its_own_record() {
    let mut history = History::of(Profile::Literal);
    let token = history.issue(1);
    let connection = history.open(agent(1), SITE);
    history.countersign(agent(1), &token, 1);
    let request = history.send(agent(1), connection, Carried::StoredToken);
    let mut other = history.clone();
    history.only_accept(SITE, request, &token, 1);
    assert_eq!(history.violated(), [Invariant::S6]);
    // A record for another request does not do.
    other.record(SITE, RequestId { ordinal: 9, ..request }, &token, 1).only_accept(SITE, request, &token, 1);
    assert_eq!(other.violated(), [Invariant::S6]);
}

#[test]
fn s6_an_entry_stays_until_its_token_has_expired() {
    let removed_at = |profile, offset_ms: i64, early_ns| {
        let mut history = History::of(profile);
        history.plan.sites[0].clock.offset_ms = offset_ms;
        let leeway_s = history.plan.parameters.leeway_s;
        let token = history.issue_until(1, UnixSeconds(START.0 + 100));
        history.present(1, SITE, &token, 1);
        let bound = (100 + leeway_s) * 1_000_000_000 - offset_ms.unsigned_abs() * 1_000_000;
        let (agent, jti, why) = (token.agent, token.jti, Removal::ExpiredSweep);
        history.at(VirtualTime(bound - early_ns)).say(SITE, EventKind::RegistryRemoved { agent, jti, why });
        history.violated()
    };
    for profile in BOTH {
        for offset_ms in [0, 700] {
            assert_eq!(removed_at(profile, offset_ms, 0), NOTHING);
            assert_eq!(removed_at(profile, offset_ms, 1), [Invariant::S6]);
        }
    }
}

#[test]
fn s6_a_record_equals_what_the_oracle_counts() {
    let altered = |counters: &[u64], alter: fn(&mut countersign::event::RegistryState)| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        for counter in counters {
            history.present(1, SITE, &token, *counter);
        }
        let state = history.events.iter_mut().rev().find_map(|event| match &mut event.kind {
            EventKind::RegistryRecorded { state, .. } => Some(state),
            _ => None,
        });
        alter(state.unwrap());
        history.violated()
    };
    assert_eq!(altered(&[1, 2, 5, 3, 80, 79], |_| ()), NOTHING);
    assert_eq!(altered(&[1, 2, 5, 3], |state| state.window ^= 0b10), [Invariant::S6]);
    assert_eq!(altered(&[1, 2], |state| state.highest = 3), [Invariant::S6]);
    // The entry has vanished silently.
    assert_eq!(altered(&[1, 2], |state| (state.is_new, state.window) = (true, 1)), [Invariant::S6]);
    // Whether counter 0 counts as used is nobody's business.
    assert_eq!(altered(&[1], |state| state.window |= 0b10), NOTHING);
}

#[test]
fn s6_a_server_that_starts_has_an_empty_registry() {
    let mut history = History::of(Profile::Literal);
    let token = history.start(SITE).issue(1);
    history.present(1, SITE, &token, 1);
    history.start(SITE).present(1, SITE, &token, 2);
    assert_eq!(history.violated(), NOTHING);
}

// --- S8 ----------------------------------------------------------------------------------------------

#[test]
fn s8_at_most_so_many_requests_are_in_flight() {
    let with = |in_flight: u32| {
        let mut history = History::of(Profile::Literal);
        let connection = history.open(SITE, SMP);
        history.upstream(UpstreamPurpose::Validation, 1, connection);
        history.upstream_end(UpstreamPurpose::Validation, Some(1));
        for _ in 0..in_flight {
            let connection = history.open(SITE, SMP);
            history.upstream(UpstreamPurpose::FirstFetch, 1, connection);
        }
        history.judge()
    };
    let full = with(32);
    assert!(full.counts.is_empty());
    assert_eq!(full.reached.get(&Milestone::SlotsFull), Some(&1));
    assert_eq!(with(31).reached.get(&Milestone::SlotsFull), None);
    assert_eq!(with(33).counts, BTreeMap::from([(Invariant::S8, 1)]));
}

#[test]
fn s8_a_batch_and_a_validation_keep_their_ceilings() {
    let validation = |batches: &[u32]| {
        let mut history = History::of(Profile::Literal);
        history.validate();
        let connection = history.open(SITE, SMP);
        for size in batches {
            history.upstream(UpstreamPurpose::Validation, *size, connection);
            history.upstream_end(UpstreamPurpose::Validation, Some(*size));
        }
        history.validated(0);
        history.violated()
    };
    assert_eq!(validation(&[128; 32]), NOTHING);
    assert_eq!(validation(&[129]), [Invariant::S8]);
    assert_eq!(validation(&[[128; 32].as_slice(), &[1]].concat()), [Invariant::S8]);
    let mut boast = History::of(Profile::Literal);
    boast.validate().validated(4_097);
    assert_eq!(boast.violated(), [Invariant::S8]);
}

#[test]
fn s8_a_validation_uses_one_connection_unless_it_breaks() {
    let second = |tokens| {
        let mut history = History::of(Profile::Literal);
        history.validate();
        for _ in 0..2 {
            let connection = history.open(SITE, SMP);
            history.upstream(UpstreamPurpose::Validation, 1, connection);
            history.upstream_end(UpstreamPurpose::Validation, tokens);
        }
        history.validated(2);
        history.violated()
    };
    assert_eq!(second(Some(1)), [Invariant::S8]);
    assert_eq!(second(None), NOTHING);
}

#[test]
fn s8_a_validation_takes_another_connection_for_each_that_the_smp_closes() {
    let used = |why: Option<Close>, connections: u32| {
        let mut history = History::of(Profile::Literal);
        history.validate();
        let first = history.open(SITE, SMP);
        history.upstream(UpstreamPurpose::Validation, 1, first).upstream_end(UpstreamPurpose::Validation, Some(1));
        if let Some(why) = why {
            history.say(SITE, EventKind::ConnectionClosed { connection: first, why });
        }
        let second = history.open(SITE, SMP);
        history.upstream(UpstreamPurpose::Validation, 1, second).upstream_end(UpstreamPurpose::Validation, Some(1));
        let (requested, refreshed, removed, batches, took_ns) = (2, 2, 0, 2, 0);
        let ended = EventKind::ValidationEnded { requested, refreshed, removed, batches, connections, took_ns };
        history.say(SITE, ended).violated()
    };
    assert_eq!(used(Some(Close::ByPeer), 2), NOTHING);
    assert_eq!(used(Some(Close::ByPeer), 3), [Invariant::S8], "one was closed");
    assert_eq!(used(Some(Close::Done), 2), [Invariant::S8], "nobody forced it");
    assert_eq!(used(None, 2), [Invariant::S8]);
}

#[test]
fn s8_a_registry_entry_leaves_with_the_purge() {
    let removed_at = |late_ms: Option<u64>| {
        let mut history = History::of(Profile::Hardened);
        history.plan.sites[0].clock.offset_ms = -300;
        let token = history.issue_until(1, UnixSeconds(START.0 + 100));
        history.present(1, SITE, &token, 1);
        // Expiry, leeway, purge period, granularity, skew.
        let bound_ms = (100 + 60 + 3 * 3_600 + 1) * 1_000 + 2 + 300;
        let (agent, jti, why) = (token.agent, token.jti, Removal::ExpiredSweep);
        match late_ms {
            Some(late_ms) => {
                history.at_ms(bound_ms + late_ms).say(SITE, EventKind::RegistryRemoved { agent, jti, why });
            }
            None => drop(history.at_ms(bound_ms + 5_000)),
        }
        history.judge().counts.get(&Invariant::S8).copied()
    };
    assert_eq!(removed_at(Some(0)), None);
    assert_eq!(removed_at(Some(1)), Some(1));
    assert_eq!(removed_at(None), Some(1));
}

#[test]
fn s8_a_restart_empties_the_registry_legitimately() {
    let mut history = History::of(Profile::Hardened);
    let token = history.issue(1);
    history.present(1, SITE, &token, 1);
    history.start(SITE).at_s(80_000);
    assert_eq!(history.violated(), NOTHING);
}

#[test]
fn s8_an_unused_token_leaves_the_agents_storage() {
    // 24 h, 6 h, one exchange time-out, granularity.
    let bound_ms = (24 + 6) * 3_600_000 + 10_000 + 1_002;
    let history = |used_ms: u64| {
        let mut history = History::of(Profile::Literal);
        history.plan.parameters.token_lifetime_s = 72 * 3_600;
        let token = history.issue(1);
        history.store(agent(1), &token);
        if used_ms > 0 {
            history.at_ms(used_ms).countersign(agent(1), &token, 1);
        }
        (history, token)
    };
    let (mut kept, _) = history(0);
    assert_eq!(kept.at_ms(bound_ms).violated(), NOTHING);
    assert_eq!(kept.at_ms(bound_ms + 1).violated(), [Invariant::S8]);
    let (mut used, _) = history(3_600_000);
    assert_eq!(used.at_ms(bound_ms + 3_600_000).violated(), NOTHING);
    assert_eq!(used.at_ms(bound_ms + 3_600_001).violated(), [Invariant::S8]);
    let (mut removed, token) = history(0);
    let gone = EventKind::StoredTokenRemoved { server: SITE, jti: token.jti, why: Removal::Idle };
    let mut late = removed.clone();
    removed.at_ms(bound_ms).say(agent(1), gone.clone()).at_ms(2 * bound_ms);
    assert_eq!(removed.violated(), NOTHING);
    assert_eq!(removed.judge().reached, BTreeMap::from([(Milestone::StorageSwept, 1)]));
    assert_eq!(late.at_ms(bound_ms + 1).say(agent(1), gone).violated(), [Invariant::S8]);
    let (mut departed, _) = history(0);
    departed.plan.agents[0].leave_ms = Some(bound_ms);
    assert_eq!(departed.at_ms(2 * bound_ms).violated(), NOTHING);
    let (mut restarted, _) = history(0);
    restarted.start(agent(1));
    assert_eq!(restarted.at_ms(2 * bound_ms).violated(), NOTHING);
}

/// A token that expires at 1:00:00, cached at the start, asked for again or not.
fn cached(profile: Profile, requested_s: Option<u64>) -> (History, history::Token) {
    let mut history = History::of(profile);
    let token = history.issue(1);
    history.cache(&token, false);
    if let Some(requested_s) = requested_s {
        history.at_s(requested_s).hit(&token);
    }
    (history, token)
}

#[test]
fn s8_an_expired_cache_entry_leaves_with_the_next_validation() {
    let (mut history, token) = cached(Profile::Literal, None);
    // The validation starts too close to the expiry to be blamed.
    history.at_ms(3_601_002).validate().validated(0);
    let mut early = history.clone();
    assert_eq!(early.at_s(3_700).violated(), NOTHING);
    history.at_ms(3_602_003).validate().validated(0);
    assert_eq!(history.violated(), [Invariant::S8]);

    let removed_in = |removed: bool| {
        let (mut history, _) = cached(Profile::Literal, None);
        history.at_s(4_000).validate();
        if removed {
            let why = Removal::ExpiredSweep;
            history.say(SITE, EventKind::CacheRemoved { agent: token.agent, uid: token.uid, jti: token.jti, why });
        }
        history.validated(0);
        history.violated()
    };
    assert_eq!(removed_in(true), NOTHING);
    assert_eq!(removed_in(false), [Invariant::S8]);
}

#[test]
fn s8_an_expired_cache_entry_leaves_after_one_period_even_if_no_validation_comes() {
    let (mut history, _) = cached(Profile::Literal, None);
    assert_eq!(history.at_s(3_600 + 600 + 1).violated(), NOTHING);
    assert_eq!(history.at_s(3_600 + 600 + 4).violated(), [Invariant::S8]);
    // A validation in progress is waited for, but not for ever.
    let (mut waiting, _) = cached(Profile::Literal, None);
    waiting.at_s(3_590).validate();
    assert_eq!(waiting.at_s(3_600 + 600 + 4).violated(), NOTHING);
    assert_eq!(waiting.at_s(3_600 + 1_300).violated(), [Invariant::S8]);
}

#[test]
fn s8_what_was_asked_for_again_is_refreshed_at_the_next_validation() {
    let validated = |profile, requested_s, validation_s: u64, tokens: Option<Option<u32>>, requested| {
        let (mut history, _) = cached(profile, requested_s);
        history.at_s(validation_s).validate();
        if let Some(tokens) = tokens {
            let connection = history.open(SITE, SMP);
            history.upstream(UpstreamPurpose::Validation, 2, connection);
            history.upstream_end(UpstreamPurpose::Validation, tokens);
        }
        history.validated(requested);
        history.violated()
    };
    let due = 3_600 - 900 + 3;
    for profile in BOTH {
        assert_eq!(validated(profile, Some(10), due, None, 0), [Invariant::S8]);
        // 15:01 left, nobody asked, or only just now.
        assert_eq!(validated(profile, Some(10), 3_600 - 901, None, 0), NOTHING);
        assert_eq!(validated(profile, None, due, None, 0), NOTHING);
        assert_eq!(validated(profile, Some(due), due, None, 0), NOTHING);
        // The issuer did not answer, or not for all; or the ceiling was reached.
        assert_eq!(validated(profile, Some(10), due, Some(None), 2), NOTHING);
        assert_eq!(validated(profile, Some(10), due, Some(Some(1)), 2), NOTHING);
        assert_eq!(validated(profile, Some(10), due, None, 4_096), NOTHING);
        assert_eq!(validated(profile, Some(10), due, Some(Some(2)), 2), [Invariant::S8]);
    }
}

#[test]
fn s8_nothing_is_refreshed_that_nobody_asked_for_again() {
    let refreshed = |profile, requested_s, twice| {
        let (mut history, _) = cached(profile, requested_s);
        for second in [3_000, 6_000].into_iter().take(if twice { 2 } else { 1 }) {
            let token = history.at_s(second).issue(1);
            history.validate().cache(&token, true).validated(1);
        }
        history.violated()
    };
    for profile in BOTH {
        assert_eq!(refreshed(profile, Some(10), false), NOTHING);
        assert_eq!(refreshed(profile, None, false), [Invariant::S8]);
    }
    // Hole 10: literal goes on for ever.
    assert_eq!(refreshed(Profile::Literal, Some(10), true), NOTHING);
    assert_eq!(refreshed(Profile::Hardened, Some(10), true), [Invariant::S8]);
}

#[test]
fn s8_a_first_fetch_during_a_validation_does_not_take_the_entry_off_its_list() {
    let refreshed = |requested_s, fetched_again: bool, started_before: bool| {
        let (mut history, _) = cached(Profile::Hardened, requested_s);
        history.at_s(3_000);
        if started_before {
            history.validate();
        }
        if fetched_again {
            let token = history.issue(1);
            history.cache(&token, false);
        }
        if !started_before {
            history.validate();
        }
        let token = history.issue(1);
        history.cache(&token, true).validated(1);
        history.violated()
    };
    assert_eq!(refreshed(Some(10), true, true), NOTHING);
    assert_eq!(refreshed(None, true, true), [Invariant::S8], "it was never on a list");
    assert_eq!(refreshed(Some(10), true, false), [Invariant::S8], "it was replaced before");
}

#[test]
fn s8_what_is_handed_out_no_more_stays_on_the_list_of_the_next_validation() {
    let refreshed = |requested_s, validations: u32| {
        let (mut history, token) = cached(Profile::Hardened, requested_s);
        let (node, uid, jti, why) = (token.agent, token.uid, token.jti, Removal::ReplayRefused);
        history.at_s(3_000).say(SITE, EventKind::CacheRemoved { agent: node, uid, jti, why });
        for _ in 1..validations {
            history.validate().validated(0);
        }
        // Fetched anew while the list is worked off.
        let (fetched, fresh) = (history.validate().issue(1), history.issue(1));
        history.cache(&fetched, false).cache(&fresh, true).validated(1);
        history.violated()
    };
    assert_eq!(refreshed(Some(10), 1), NOTHING);
    assert_eq!(refreshed(None, 1), [Invariant::S8], "it was never on a list");
    assert_eq!(refreshed(Some(10), 2), [Invariant::S8], "that list has been worked off");
}

#[test]
fn who_waits_for_a_fetch_does_not_ask_for_its_token_again_and_who_misses_what_is_there_does() {
    let after = |missed_before: u32, missed_since: u32| {
        let mut history = History::of(Profile::Hardened);
        let token = history.issue(1);
        let missed = EventKind::CacheMissed { agent: token.agent, uid: token.uid };
        for _ in 0..missed_before {
            history.say(SITE, missed.clone());
        }
        history.cache(&token, false);
        for _ in 0..missed_before {
            let connection = history.open(agent(1), SITE);
            let request = history.send(agent(1), connection, Carried::FirstRequest);
            history.challenge(SITE, request, &token, false);
        }
        for _ in 0..missed_since {
            history.say(SITE, missed.clone());
        }
        let fresh = history.at_s(3_000).issue(1);
        history.cache(&fresh, true);
        history.violated()
    };
    for missed_before in [1, 2] {
        assert_eq!(after(missed_before, 0), [Invariant::S8]);
        assert_eq!(after(missed_before, 1), NOTHING);
    }
}

// --- S9 ----------------------------------------------------------------------------------------------

#[test]
fn s9_a_challenge_is_unexpired_by_the_issuers_clock() {
    let challenged_at = |profile, server, issuer_ms: i64, at: VirtualTime| {
        let mut history = History::of(profile);
        history.plan.smp.clock.offset_ms = issuer_ms;
        let token = history.issue_until(1, UnixSeconds(START.0 + 100));
        let connection = history.at(at).open(agent(1), server);
        let request = history.send(agent(1), connection, Carried::FirstRequest);
        history.challenge(server, request, &token, false);
        history.violated()
    };
    for (profile, leeway_ms) in [(Profile::Literal, 0), (Profile::Hardened, 60_000)] {
        for issuer_ms in [0, 500, -500] {
            let bound = (100_000 + leeway_ms - issuer_ms) as u64 * 1_000_000;
            assert_eq!(challenged_at(profile, SMP, issuer_ms, VirtualTime(bound - 1)), NOTHING);
            assert_eq!(challenged_at(profile, SMP, issuer_ms, VirtualTime(bound)), [Invariant::S9]);
            // A site cannot see the issuer's clock: its own, which is right, must agree.
            let bound = (100_000 + leeway_ms + 0.max(-issuer_ms)) as u64 * 1_000_000;
            assert_eq!(challenged_at(profile, SITE, issuer_ms, VirtualTime(bound - 1)), NOTHING);
            assert_eq!(challenged_at(profile, SITE, issuer_ms, VirtualTime(bound)), [Invariant::S9]);
        }
    }
}

// --- S13 ---------------------------------------------------------------------------------------------

#[test]
fn s13_an_accept_is_on_the_agents_own_connection() {
    let accepted = |opener, sender, to: ActorId| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        let connection = history.open(opener, to);
        history.countersign(agent(1), &token, 1);
        let request = history.send(sender, connection, Carried::StoredToken);
        history.accept(SITE, request, &token, 1);
        history.violated()
    };
    assert_eq!(accepted(agent(1), agent(1), SITE), NOTHING);
    assert_eq!(accepted(agent(2), agent(2), SITE), [Invariant::S13]);
    assert_eq!(accepted(agent(1), agent(2), SITE), [Invariant::S13]);
    assert_eq!(accepted(agent(1), agent(1), SMP), [Invariant::S13]);
}

#[test]
fn s13_a_served_request_came_from_the_agent() {
    let mut history = History::of(Profile::Literal);
    let token = history.issue(1);
    let first = history.present(1, SITE, &token, 1);
    history.serve(SITE, first, 1);
    let mut injected = history.clone();
    let request = injected.send(agent(2), first.connection, Carried::Nothing);
    injected.serve(SITE, request, 1);
    assert_eq!(injected.violated(), [Invariant::S13]);
    // Two claim the same place, in either order.
    for order in [[1, 2], [2, 1]] {
        let mut contested = history.clone();
        let request = RequestId { ordinal: 2, ..first };
        for by in order {
            let (carries, token_bytes) = (Carried::Nothing, 0);
            contested.say(agent(by), EventKind::RequestSent { request, carries, token_bytes });
        }
        contested.serve(SITE, request, 1);
        assert_eq!(contested.violated(), [Invariant::S13]);
    }
    let mut unsent = history;
    unsent.serve(SITE, RequestId { ordinal: 2, ..first }, 1);
    assert_eq!(unsent.violated(), [Invariant::S13]);
}

// --- L1, L2 ------------------------------------------------------------------------------------------

#[test]
fn l1_an_exchange_takes_at_most_two_trips() {
    let ended = |outcome, trips| {
        let mut history = History::of(Profile::Literal);
        history.begin(agent(1), false).end(agent(1), outcome, trips);
        history.violated()
    };
    assert_eq!(ended(Outcome::ServedTwoStep, 2), NOTHING);
    assert_eq!(ended(Outcome::ServedTwoStep, 3), [Invariant::L1]);
    assert_eq!(ended(Outcome::TimedOut, 2), NOTHING);
    assert_eq!(ended(Outcome::TimedOut, 3), [Invariant::L1]);
    assert_eq!(ended(Outcome::Unavailable, 1), NOTHING);
    for outcome in [Outcome::Unauthorized, Outcome::Forbidden, Outcome::TokenDeclined] {
        assert_eq!(ended(outcome, 2), [Invariant::L1], "{outcome:?}");
    }
}

#[test]
fn l1_says_nothing_about_a_token_with_one_exchange_timeout_left() {
    let left_ms = |left_ms: u64| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        history.at_ms(3_600_000 - left_ms).begin(agent(1), false);
        let connection = history.open(agent(1), SITE);
        history.countersign(agent(1), &token, 1);
        history.send(agent(1), connection, Carried::NewToken);
        history.end(agent(1), Outcome::Unauthorized, 2);
        history.violated()
    };
    assert_eq!(left_ms(10_000), NOTHING);
    assert_eq!(left_ms(10_001), [Invariant::L1]);
}

#[test]
fn l1_to_l3_presuppose_clocks_within_half_a_lifetime() {
    let judged = |offset_ms| {
        let mut history = History::of(Profile::Literal);
        history.plan.agents[2].clock.offset_ms = offset_ms;
        history.begin(agent(1), false).end(agent(1), Outcome::ServedTwoStep, 3);
        let judgement = history.judge();
        (judgement.counts.contains_key(&Invariant::L1), judgement.not_judged.into_keys().collect::<Vec<_>>())
    };
    assert_eq!(judged(1_799_999), (true, Vec::new()));
    assert_eq!(judged(-1_800_000), (false, vec![Invariant::L1, Invariant::L2, Invariant::L3]));
}

#[test]
fn skew_counts_drift_and_both_directions() {
    let mut plan = history::plan(Profile::Literal);
    plan.agents[0].clock.offset_ms = 300;
    plan.sites[0].clock.offset_ms = -200;
    // 24 h at 10 ppm: 864 ms.
    plan.agents[1].clock.drift_ppm = -10;
    let skew = countersign::oracle::Assumptions::of(&plan).skew;
    assert_eq!(skew, std::time::Duration::from_millis(300 + 864));
}

#[test]
fn l2_a_warm_agent_takes_one_trip() {
    let ended = |warm, outcome, trips| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        history.store(agent(1), &token).begin(agent(1), warm).end(agent(1), outcome, trips);
        history.violated()
    };
    assert_eq!(ended(true, Outcome::ServedOneStep, 1), NOTHING);
    assert_eq!(ended(true, Outcome::ServedTwoStep, 2), [Invariant::L2]);
    assert_eq!(ended(false, Outcome::ServedTwoStep, 2), NOTHING);
    assert_eq!(ended(true, Outcome::TimedOut, 2), NOTHING);
    assert_eq!(ended(true, Outcome::Forbidden, 1), [Invariant::L1, Invariant::L2]);
}

#[test]
fn l2_says_nothing_about_a_stored_token_that_is_about_to_expire() {
    let left_ms = |left_ms: u64| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        history.store(agent(1), &token).at_ms(3_600_000 - left_ms);
        history.begin(agent(1), true).end(agent(1), Outcome::ServedTwoStep, 2);
        history.violated()
    };
    // Connecting may take 5 s, the exchange 10 s.
    assert_eq!(left_ms(15_000), NOTHING);
    assert_eq!(left_ms(15_001), [Invariant::L2]);
}

#[test]
fn l2_charges_no_warm_start_with_what_a_cold_one_may_take() {
    let run = |starts: &[bool], ends: &[(Outcome, u32)]| {
        let mut history = History::of(Profile::Literal);
        let token = history.issue(1);
        history.store(agent(1), &token);
        for warm in starts {
            history.begin(agent(1), *warm);
        }
        for (outcome, trips) in ends {
            history.end(agent(1), *outcome, *trips);
        }
        history.violated()
    };
    let (one, two, late) = ((Outcome::ServedOneStep, 1), (Outcome::ServedTwoStep, 2), (Outcome::TimedOut, 1));
    for ends in [[one, two], [two, one], [late, two], [two, late]] {
        assert_eq!(run(&[true, false], &ends), NOTHING, "{ends:?}");
    }
    assert_eq!(run(&[true, false], &[two, two]), [Invariant::L2]);
    assert_eq!(run(&[true, true], &[one, two]), [Invariant::L2]);
}

// --- L3 ----------------------------------------------------------------------------------------------

/// Agent 1 sends requests, each on a new connection, and gets these answers.
fn answers(connections: u32, answers: &[u16]) -> Vec<Invariant> {
    let mut history = History::of(Profile::Literal);
    history.plan.agents[0].connections = connections;
    for (second, status) in answers.iter().enumerate() {
        let connection = history.at_s(second as u64).open(agent(1), SITE);
        let request = history.send(agent(1), connection, Carried::FirstRequest);
        match status {
            0 => history.end(agent(1), Outcome::TimedOut, 1),
            status => history.receive(agent(1), request, *status),
        };
    }
    history.violated()
}

#[test]
fn l3_no_more_than_two_401s_come_in_a_row() {
    assert_eq!(answers(1, &[401, 401, 200, 401, 401, 200]), NOTHING);
    assert_eq!(answers(1, &[401, 401, 401]), [Invariant::L3]);
    assert_eq!(answers(1, &[401, 401, 0, 401, 401]), NOTHING);
    assert_eq!(answers(1, &[401, 401, 503, 401]), NOTHING);
    assert_eq!(answers(2, &[401, 401, 401, 401]), NOTHING);
    assert_eq!(answers(2, &[401; 5]), [Invariant::L3]);
}

#[test]
fn l3_takes_an_expiring_token_for_a_fault_and_leaves_policy_out() {
    let mut history = History::of(Profile::Literal);
    let token = history.issue(1);
    history.at_s(3_595);
    let connection = history.open(agent(1), SITE);
    for carries in [Carried::FirstRequest, Carried::NewToken, Carried::FirstRequest, Carried::FirstRequest] {
        history.countersign(agent(1), &token, 1);
        let request = history.send(agent(1), connection, carries);
        history.receive(agent(1), request, 401);
    }
    assert_eq!(history.violated(), NOTHING);
    let request = history.send(agent(1), connection, Carried::Signature);
    history.receive(agent(1), request, 200);
    let request = history.send(agent(1), connection, Carried::FirstRequest);
    history.receive(agent(1), request, 401);
    assert_eq!(history.violated(), [Invariant::L3]);
}

// --- L4 ----------------------------------------------------------------------------------------------

#[test]
fn l4_each_waiter_is_served_within_its_round_of_timeouts() {
    let waited = |position, waited_ms: u64| {
        let mut history = History::of(Profile::Literal);
        history.at_s(1).say(SITE, EventKind::SlotAwaited { position });
        let kind = EventKind::UpstreamStarted {
            purpose: UpstreamPurpose::FirstFetch,
            agents: 1,
            slot_waited_ns: waited_ms * 1_000_000,
            connection: None,
        };
        history.at_ms(1_000 + waited_ms).say(SITE, kind);
        history.violated()
    };
    // A time-out is 10 s, and fires up to two ticks late.
    assert_eq!(waited(0, 10_002), NOTHING);
    assert_eq!(waited(0, 10_003), [Invariant::L4]);
    assert_eq!(waited(32, 10_002), NOTHING);
    assert_eq!(waited(32, 10_003), [Invariant::L4]);
    assert_eq!(waited(33, 20_004), NOTHING);
    assert_eq!(waited(33, 20_005), [Invariant::L4]);
}

#[test]
fn l4_nobody_waits_for_ever() {
    let mut history = History::of(Profile::Literal);
    history.at_s(1).say(SITE, EventKind::SlotAwaited { position: 0 });
    assert_eq!(history.at_s(12).violated(), [Invariant::L4]);
}

// --- L5 ----------------------------------------------------------------------------------------------

#[test]
fn l5_what_is_asked_for_again_is_refreshed_before_it_expires() {
    let expired = |requested_s, refreshed_s: Option<u64>| {
        let (mut history, _) = cached(Profile::Literal, requested_s);
        if let Some(refreshed_s) = refreshed_s {
            let token = history.at_s(refreshed_s).issue(1);
            history.cache(&token, true);
        }
        history.at_s(3_700);
        history.violated()
    };
    assert_eq!(expired(Some(10), Some(3_599)), NOTHING);
    assert_eq!(expired(Some(10), None), [Invariant::L5]);
    assert_eq!(expired(None, None), NOTHING);
    // One period of 10 min before the expiry, and the granularity.
    assert_eq!(expired(Some(3_600 - 602), None), [Invariant::L5]);
    assert_eq!(expired(Some(3_600 - 601), None), NOTHING);
}

#[test]
fn l5_is_judged_when_a_fast_clock_removes_the_token() {
    let (mut history, token) = cached(Profile::Literal, Some(10));
    let (agent, uid, jti, why) = (token.agent, token.uid, token.jti, Removal::ExpiredSweep);
    history.at_s(3_599).say(SITE, EventKind::CacheRemoved { agent, uid, jti, why });
    assert_eq!(history.at_s(3_700).violated(), [Invariant::L5]);
}

#[test]
fn l5_finds_that_a_period_longer_than_the_look_ahead_refreshes_nothing_in_between() {
    // Validations at 0:40 and 1:10 both miss a token that may be refreshed from 0:45 and expires at 1:00.
    let (mut history, token) = cached(Profile::Literal, Some(10));
    history.plan.parameters.validation_period_s = Some(1_800);
    history.at_s(2_400).validate().validated(0);
    let (agent, uid, jti, why) = (token.agent, token.uid, token.jti, Removal::ExpiredSweep);
    history.at_s(4_200).validate().say(SITE, EventKind::CacheRemoved { agent, uid, jti, why }).validated(0);
    let judgement = history.judge();
    assert_eq!(judgement.counts, BTreeMap::from([(Invariant::L5, 1)]));
    assert_eq!(judgement.reached.get(&Milestone::PeriodThirtyMinutes), Some(&1));
}

#[test]
fn l5_waits_for_a_validation_in_progress() {
    let validated_from = |second| {
        let (mut history, _) = cached(Profile::Literal, Some(10));
        history.at_s(second).validate().at_s(3_601);
        history.violated()
    };
    assert_eq!(validated_from(3_600), NOTHING);
    assert_eq!(validated_from(3_601), [Invariant::L5]);
}

#[test]
fn l5_excuses_a_site_that_could_not() {
    for (tokens, requested) in [(None, 1), (Some(0), 1), (Some(1), 4_096)] {
        let (mut history, token) = cached(Profile::Literal, Some(10));
        let connection = history.at_s(3_000).open(SITE, SMP);
        history.validate().upstream(UpstreamPurpose::Validation, 1, connection);
        history.upstream_end(UpstreamPurpose::Validation, tokens).validated(requested);
        let (agent, uid, jti, why) = (token.agent, token.uid, token.jti, Removal::ExpiredSweep);
        history.at_s(3_650).say(SITE, EventKind::CacheRemoved { agent, uid, jti, why });
        assert_eq!(history.violated(), NOTHING, "{tokens:?} {requested}");
    }
}

// --- milestones --------------------------------------------------------------------------------------

#[test]
fn milestones_are_counted_from_events() {
    let mut history = History::of(Profile::Literal);
    history.plan.parameters.registry_window = 4;
    let token = history.issue(1);
    for counter in [1, 2, 5, 4, 6] {
        history.present(1, SITE, &token, counter);
    }
    let request = RequestId { connection: countersign::types::ConnectionId(1), ordinal: 1 };
    for why in [Refusal::CounterUsed, Refusal::CounterBelowWindow, Refusal::Expired, Refusal::AgentKeyNotCached] {
        history.say(SITE, EventKind::Refused { request, why, claimed_agent: None });
    }
    for outcome in [Outcome::ServedAuthenticated, Outcome::ServedPublic] {
        history.begin(agent(1), false).end(agent(1), outcome, 1);
    }
    history.say(SITE, EventKind::Unavailable { request, status: 503 });
    history.validate().validated(0);
    history.at_s(300).say(SITE, EventKind::ValidationStarted { entries: 5_000, due: 4_097, period_s: 300 });
    let connection = history.open(SITE, SMP);
    history.upstream(UpstreamPurpose::Validation, 128, connection);
    history.upstream_end(UpstreamPurpose::Validation, Some(128)).validated(4_096);
    let kind = EventKind::UpstreamStarted {
        purpose: UpstreamPurpose::FirstFetch,
        agents: 1,
        slot_waited_ns: 1,
        connection: None,
    };
    history.say(SITE, kind);
    let (agent, jti, why) = (token.agent, token.jti, Removal::ExpiredInUse);
    history.at_s(3_600).say(SITE, EventKind::RegistryRemoved { agent, jti, why });
    assert_eq!(
        history.judge().reached,
        BTreeMap::from([
            (Milestone::ConnectionReused, 1),
            (Milestone::PublicServed, 1),
            (Milestone::BatchFull, 1),
            (Milestone::ValidationFull, 1),
            (Milestone::ValidationOverflow, 1),
            (Milestone::PeriodFiveMinutes, 1),
            (Milestone::SlotAwaited, 1),
            (Milestone::WindowSlide, 2),
            (Milestone::OutOfOrderAccepted, 1),
            (Milestone::ReplayRefused, 2),
            (Milestone::RegistryExpiredInUse, 1),
            (Milestone::ExpiredRefused, 1),
            (Milestone::AgentKeyNotCached, 1),
            (Milestone::Unavailable, 1),
            (Milestone::AcceptedBySite, 5),
        ])
    );
}

#[test]
fn milestones_that_show_rules_are_counted_where_the_rule_decides() {
    let reached = |tell: &dyn Fn(&mut History)| {
        let mut history = History::of(Profile::Literal);
        tell(&mut history);
        history.judge().reached.into_keys().collect::<Vec<_>>()
    };
    let request = RequestId { connection: countersign::types::ConnectionId(1), ordinal: 1 };
    // 17: at a site, not at the SMP.
    let accepted_at = |server| {
        reached(&|it| {
            let token = it.issue(1);
            it.present(1, server, &token, 1);
        })
    };
    assert_eq!((accepted_at(SITE), accepted_at(SMP)), (vec![Milestone::AcceptedBySite], vec![]));
    // 14: 403, not the sweep.
    let dropped = |why| {
        reached(&|it| {
            let token = it.issue(1);
            it.say(agent(1), EventKind::StoredTokenRemoved { server: SITE, jti: token.jti, why });
        })
    };
    assert_eq!(dropped(Removal::Forbidden), [Milestone::StoredTokenForbidden]);
    assert_eq!(dropped(Removal::Replaced), []);
    // 46: after a refusal, and with a token.
    let challenged = |after_refusal, is_offered| {
        reached(&|it| {
            let token = it.issue(1);
            let (agent, uid, jti, expires) = (token.agent, token.uid, token.jti, token.expires);
            let challenge = Challenge { agent, uid, jti, expires, after_refusal };
            it.say(SITE, EventKind::Challenged { request, challenge: Some(challenge).filter(|_| is_offered) });
        })
        .contains(&Milestone::OfferedAfterRefusal)
    };
    assert_eq!([(true, true), (false, true), (true, false)].map(|(a, b)| challenged(a, b)), [true, false, false]);
    // 41: several requests, one connection.
    let validated = |batches, connections| {
        reached(&|it| {
            let (requested, refreshed, removed, took_ns) = (200, 200, 0, 1);
            it.validate()
                .say(SITE, EventKind::ValidationEnded { requested, refreshed, removed, batches, connections, took_ns });
        })
        .contains(&Milestone::ValidationConnectionKept)
    };
    assert_eq!([(2, 1), (1, 1), (2, 2)].map(|(a, b)| validated(a, b)), [true, false, false]);
}

#[test]
fn a_forbidden_exchange_is_a_milestone_and_a_violation() {
    let mut history = History::of(Profile::Literal);
    history.begin(agent(1), false).end(agent(1), Outcome::Forbidden, 2);
    let judgement = history.judge();
    assert_eq!(judgement.reached, BTreeMap::from([(Milestone::Forbidden, 1)]));
    assert_eq!(judgement.counts, BTreeMap::from([(Invariant::L1, 1)]));
}

#[test]
fn many_violations_of_one_invariant_are_counted_and_the_first_kept() {
    let mut history = History::of(Profile::Literal);
    let token = history.issue(1);
    for _ in 0..101 {
        history.present(1, SITE, &token, 1);
    }
    let judgement = history.judge();
    assert_eq!(judgement.counts, BTreeMap::from([(Invariant::S1, 100)]));
    assert_eq!(judgement.violations.len() as u64, Findings::KEPT_PER_INVARIANT);
}

#[test]
fn absurd_numbers_are_judged_without_panic() {
    let mut history = History::of(Profile::Hardened);
    history.plan.duration_ms = u64::MAX;
    history.plan.run_start = UnixSeconds(u64::MAX);
    history.plan.network.tick_ms = u64::MAX;
    history.plan.parameters.token_lifetime_s = u64::MAX;
    history.plan.parameters.validation_period_s = Some(u64::MAX);
    history.plan.parameters.registry_purge_period_s = u64::MAX;
    history.plan.parameters.upstream_slots = 0;
    history.plan.parameters.batch_size_max = 0;
    history.plan.parameters.registry_window = 0;
    history.plan.agents[0].clock.drift_ppm = i64::MIN;
    history.plan.agents[0].leave_ms = Some(u64::MAX);
    let token = history.issue_until(1, UnixSeconds(u64::MAX));
    history.start(SITE).cache(&token, false).store(agent(1), &token);
    history.present(1, SITE, &token, u64::MAX);
    history.say(SITE, EventKind::SlotAwaited { position: u32::MAX });
    let request = RequestId { connection: countersign::types::ConnectionId(u64::MAX), ordinal: u32::MAX };
    history.challenge(SITE, request, &token, true).serve(ActorId::Agent(0), request, u32::MAX);
    history.say(ActorId::Site(0), EventKind::Started { node: node(0), epoch: Some(Epoch::from_bits(0)) });
    let mut presented = token.presented(0);
    presented.token = Undigested(Fingerprint(0));
    history.say(ActorId::Site(9), EventKind::Accepted { request, presented, expires: UnixSeconds(0) });
    history.at(VirtualTime(u64::MAX)).validate().validated(u32::MAX);
    assert!(!history.violated().is_empty());
}
