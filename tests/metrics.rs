//! Each figure, from the events that it follows from.

mod loose_events;

use std::collections::BTreeMap;

use countersign::{
    event::{Carried, Challenge, Close, EventKind, Outcome, Removal, UpstreamPurpose},
    metrics::{Distribution, MissedThreshold, missed_thresholds},
    plan::Thresholds,
    types::{ActorId, Refusal, Undigested, Work},
};
use loose_events::*;

fn started(server: ActorId) -> (ActorId, EventKind) {
    (server, EventKind::Started { node: node(), epoch: None })
}

#[test]
fn nothing_heard_is_nothing_measured() {
    let measured = measure(&plan(), []);
    assert_eq!(measured.events, 0);
    assert_eq!(measured.duration_ns, 10_000 * MILLISECOND);
    assert_eq!(measured.tick_ns, MILLISECOND);
    assert_eq!(measured.total.authentication.one_step_ns, None);
    assert_eq!(measured.servers.keys().copied().collect::<Vec<_>>(), [SMP, SITE, OTHER_SITE]);
    assert!(measured.servers[&SMP].cache.is_none() && measured.servers[&SITE].cache.is_some());
}

#[test]
fn latencies_are_told_apart_by_the_way_of_authentication_and_by_server() {
    let begin = EventKind::ExchangeStarted { server: SITE, warm: true, authenticated: false };
    let measured = measure(
        &plan(),
        [
            (AGENT, begin.clone()),
            exchange(SITE, Outcome::ServedOneStep, 1_000),
            exchange(SITE, Outcome::ServedTwoStep, 2_000),
            exchange(OTHER_SITE, Outcome::ServedOneStep, 1_500),
            exchange(SMP, Outcome::ServedAuthenticated, 300),
            exchange(SITE, Outcome::ServedPublic, 400),
            exchange(SITE, Outcome::Forbidden, 500),
            exchange(SITE, Outcome::TimedOut, 700),
        ],
    );
    let total = &measured.total.authentication;
    assert_eq!((total.started, total.ended, total.served, total.trips), (1, 7, 5, 7));
    let ends = |found: Option<Distribution>| found.map(|found| (found.count, found.min, found.max));
    assert_eq!(ends(total.one_step_ns), Some((2, 1_000, 1_500)));
    assert_eq!(ends(total.two_step_ns), Some((1, 2_000, 2_000)));
    assert_eq!(ends(total.authenticated_ns), Some((1, 300, 300)));
    assert_eq!(ends(total.public_ns), Some((1, 400, 400)));
    assert_eq!(ends(total.failed_ns), Some((2, 500, 700)));
    assert_eq!(total.outcomes[&Outcome::ServedOneStep], 2);
    assert_eq!(ends(measured.servers[&OTHER_SITE].authentication.one_step_ns), Some((1, 1_500, 1_500)));
    assert_eq!(measured.servers[&SMP].authentication.one_step_ns, None);
}

#[test]
fn decisions_are_counted_by_kind() {
    let refused = |why| (SITE, EventKind::Refused { request: request(), why, claimed_agent: None });
    let sent = Challenge { agent: node(), uid: uid(), jti: jti(), expires: expires(), after_refusal: true };
    let challenged = |challenge| (SITE, EventKind::Challenged { request: request(), challenge });
    let measured = measure(
        &plan(),
        [
            (SITE, EventKind::Accepted { request: request(), presented: presented(), expires: expires() }),
            refused(Refusal::CounterUsed),
            refused(Refusal::CounterUsed),
            refused(Refusal::CounterBelowWindow),
            refused(Refusal::CounterBeyondJumpCap),
            refused(Refusal::Expired),
            challenged(None),
            challenged(Some(sent)),
            challenged(Some(Challenge { after_refusal: false, ..sent })),
            (SITE, EventKind::Served { request: request(), agent: Some(node()) }),
            (SITE, EventKind::Served { request: request(), agent: None }),
            (SITE, EventKind::Unavailable { request: request(), status: 503 }),
        ],
    );
    let found = &measured.servers[&SITE].admission;
    assert_eq!((found.accepted, found.refused_in_all(), found.replays_refused), (1, 5, 3));
    assert_eq!(found.refused[&Refusal::CounterUsed], 2);
    assert_eq!((found.challenged, found.challenged_with_token, found.challenged_after_refusal), (3, 2, 1));
    assert_eq!((found.served, found.served_public), (1, 1));
    assert_eq!(found.unavailable, BTreeMap::from([(503, 1)]));
    assert_eq!(measured.total.admission, *found);
}

#[test]
fn the_registry_is_counted_entry_by_entry_and_forgotten_at_a_start() {
    let removed = |why| (SITE, EventKind::RegistryRemoved { agent: node(), jti: jti(), why });
    let looked =
        EventKind::RegistryMeasured { entries: 2, bytes: Undigested(204), window_bits_used: 32, window_bits: 128 };
    let history = [
        recorded(SITE, true, 1),
        recorded(SITE, true, 1),
        recorded(SITE, true, 1),
        recorded(SITE, false, 0),
        recorded(SITE, false, 2),
        removed(Removal::ExpiredSweep),
        (SITE, EventKind::RegistryPurged { removed: 1, kept: 2 }),
        (SITE, looked),
        removed(Removal::ExpiredInUse),
    ];
    let measured = measure(&plan(), history.clone());
    let found = &measured.servers[&SITE].registry;
    assert_eq!((found.recorded, found.recorded_new, found.slides), (5, 3, 1));
    assert_eq!((found.entries, found.entries_max, found.purges), (1, 3, 1));
    assert_eq!(found.removed, BTreeMap::from([(Removal::ExpiredSweep, 1), (Removal::ExpiredInUse, 1)]));
    assert_eq!((found.bytes, found.bytes_max), (204, 204));
    assert_eq!((found.window_bits_used, found.window_bits, found.window_occupancy_max_ppm), (32, 128, 250_000));

    let restarted = measure(&plan(), history.into_iter().chain([started(SITE), recorded(SITE, true, 1)]));
    let found = &restarted.servers[&SITE].registry;
    assert_eq!((found.entries, found.entries_max), (1, 3));
}

#[test]
fn totals_add_counts_and_take_the_greatest_of_any_one_server() {
    let measured = measure(&plan(), [recorded(SITE, true, 1), recorded(SITE, true, 1), recorded(SMP, true, 1)]);
    let total = &measured.total.registry;
    assert_eq!((total.recorded, total.entries, total.entries_max), (3, 3, 2));
}

#[test]
fn the_cache_counts_what_came_and_went() {
    let stored =
        |refreshed| EventKind::CacheStored { agent: node(), uid: uid(), jti: jti(), expires: expires(), refreshed };
    let removed = |why| EventKind::CacheRemoved { agent: node(), uid: uid(), jti: jti(), why };
    let kinds = [
        EventKind::CacheMissed { agent: node(), uid: uid() },
        stored(false),
        stored(false),
        stored(true),
        EventKind::CacheHit { agent: node(), uid: uid(), jti: jti() },
        EventKind::CacheHit { agent: node(), uid: uid(), jti: jti() },
        removed(Removal::ExpiredSweep),
        removed(Removal::Capacity),
        stored(false),
    ];
    let measured = measure(&plan(), kinds.map(|kind| (SITE, kind)));
    let found = measured.servers[&SITE].cache.as_ref().unwrap();
    assert_eq!((found.hits, found.misses, found.stored, found.refreshed), (2, 1, 3, 1));
    assert_eq!((found.entries, found.entries_max), (1, 2));
    assert_eq!(found.removed, BTreeMap::from([(Removal::ExpiredSweep, 1), (Removal::Capacity, 1)]));
    assert_eq!(measured.total.cache.as_ref(), Some(found));
}

#[test]
fn validations_tell_their_size_and_latency() {
    let begun = |due| EventKind::ValidationStarted { entries: 5_000, due, period_s: 600 };
    let ended = |requested, took_ns| EventKind::ValidationEnded {
        requested,
        refreshed: requested / 2,
        removed: 3,
        batches: requested.div_ceil(128),
        connections: 1,
        took_ns,
    };
    let kinds = [begun(4_097), ended(4_096, 90 * MILLISECOND), begun(4_096), ended(0, 5)];
    let measured = measure(&plan(), kinds.map(|kind| (SITE, kind)));
    let found = measured.servers[&SITE].validation.as_ref().unwrap();
    assert_eq!((found.started, found.ended, found.overflowed, found.due_max), (2, 2, 1, 4_097));
    assert_eq!((found.requested, found.requested_max, found.refreshed, found.removed), (4_096, 4_096, 2_048, 6));
    assert_eq!((found.batches, found.connections_max, found.period_max_s), (32, 1, 600));
    // The one that had nothing to ask for has no part in the latency.
    assert_eq!(found.refresh_ns.map(|took| (took.count, took.max)), Some((1, 90 * MILLISECOND)));
    assert_eq!(measured.servers[&SITE].cache.as_ref().unwrap().entries_max, 5_000);
}

#[test]
fn the_slots_tell_their_waiters_and_their_load() {
    let begun = |purpose, agents, slot_waited_ns| EventKind::UpstreamStarted {
        purpose,
        agents,
        slot_waited_ns,
        connection: None,
    };
    let ended = |purpose, tokens, took_ns| EventKind::UpstreamEnded { purpose, tokens, took_ns };
    let (fetch, batch) = (UpstreamPurpose::FirstFetch, UpstreamPurpose::Validation);
    let kinds = [
        EventKind::SlotAwaited { position: 0 },
        begun(fetch, 1, 0),
        EventKind::SlotAwaited { position: 4 },
        begun(fetch, 1, 800),
        begun(batch, 128, 0),
        ended(fetch, Some(1), 1_000),
        ended(batch, Some(127), 3_000),
        ended(fetch, None, 2_000),
        begun(batch, 12, 0),
    ];
    let measured = measure(&plan(), kinds.map(|kind| (SITE, kind)));
    let found = measured.servers[&SITE].upstream.as_ref().unwrap();
    assert_eq!((found.first_fetches, found.batches, found.failed, found.tokens), (2, 2, 1, 128));
    assert_eq!((found.in_flight_max, found.slot_waits, found.slot_queue_max), (3, 1, 4));
    let ends = |found: Option<Distribution>| found.map(|found| (found.count, found.min, found.max));
    assert_eq!(ends(found.slot_wait_ns), Some((2, 0, 800)));
    assert_eq!(ends(found.first_fetch_ns), Some((2, 1_000, 2_000)));
    assert_eq!(ends(found.batch_ns), Some((1, 3_000, 3_000)));
    assert_eq!(ends(found.batch_agents), Some((2, 12, 128)));
}

#[test]
fn what_was_in_flight_at_a_crash_is_in_flight_no_more() {
    let begun = EventKind::UpstreamStarted {
        purpose: UpstreamPurpose::FirstFetch,
        agents: 1,
        slot_waited_ns: 0,
        connection: None,
    };
    let measured = measure(&plan(), [(SITE, begun.clone()), started(SITE), (SITE, begun)]);
    assert_eq!(measured.servers[&SITE].upstream.as_ref().unwrap().in_flight_max, 1);
}

#[test]
fn the_cpu_is_busy_for_a_share_of_all_its_cores() {
    let mut plan = plan();
    // It is there for 8 s on two cores.
    plan.sites[0].start_ms = 2_000;
    let work = Work { requests: 0, signs: 1, verifies: 2, parses: 3, seals: 4, opens: 5 };
    let worked = |waited_ns| EventKind::Worked { work, waited_ns, busy_ns: 2_000 * MILLISECOND };
    let measured = measure(&plan, [(SITE, worked(0)), (SITE, worked(700))]);
    let found = &measured.servers[&SITE].cpu;
    assert_eq!((found.cores, found.requests, found.busy_ns), (2, 2, 4_000 * MILLISECOND));
    assert_eq!(found.busy_ppm, 250_000);
    let work = found.work;
    assert_eq!([work.signs, work.verifies, work.parses, work.seals, work.opens], [2, 4, 6, 8, 10]);
    assert_eq!((found.sign_cost_ns, found.verify_cost_ns), (480_000, 64_000));
    assert_eq!(found.wait_ns.map(|wait| (wait.count, wait.max)), Some((2, 700)));
    // Two more servers have 10 s on two cores each.
    assert_eq!((measured.total.cpu.cores, measured.total.cpu.busy_ppm), (6, 71_428));
}

#[test]
fn connections_and_requests_are_counted_by_kind() {
    let opened = EventKind::ConnectionOpened { connection: request().connection, server: SITE, secure: false };
    let closed = |why| EventKind::ConnectionClosed { connection: request().connection, why };
    let sent = |carries, token_bytes| EventKind::RequestSent { request: request(), carries, token_bytes };
    let kinds = [
        opened.clone(),
        opened.clone(),
        closed(Close::ByPeer),
        opened,
        closed(Close::Done),
        closed(Close::TimedOut),
        closed(Close::Broken),
        EventKind::ConnectFailed { server: SITE, timed_out: true },
        EventKind::ConnectFailed { server: SITE, timed_out: false },
        sent(Carried::Nothing, 0),
        sent(Carried::FirstRequest, 0),
        sent(Carried::StoredToken, 1_500),
        sent(Carried::NewToken, 1_490),
        sent(Carried::Signature, 0),
        EventKind::ResponseReceived { request: request(), status: 200 },
    ];
    let found = measure(&plan(), kinds.map(|kind| (AGENT, kind))).traffic;
    assert_eq!((found.opened, found.open_max, found.closed()), (3, 2, 4));
    assert_eq!([found.closed_done, found.closed_by_peer, found.closed_timed_out, found.closed_broken], [1; 4]);
    assert_eq!((found.connect_refused, found.connect_timed_out), (1, 1));
    assert_eq!(
        [found.sent_bare, found.sent_first, found.sent_stored_token, found.sent_new_token, found.sent_signed],
        [1; 5]
    );
    assert_eq!((found.sent(), found.token_bytes_max), (5, 1_500));
    assert_eq!(found.responses, BTreeMap::from([(200, 1)]));
}

#[test]
fn agents_sign_what_they_send_and_verify_what_they_get() {
    let sent = |carries| EventKind::RequestSent { request: request(), carries, token_bytes: 0 };
    let countersigned = EventKind::Countersigned {
        agent: node(),
        uid: uid(),
        jti: jti(),
        counter: 1,
        expires: expires(),
        token: Undigested::default(),
        countersigned: Undigested::default(),
    };
    let kinds = [
        EventKind::Started { node: node(), epoch: None },
        sent(Carried::Signature),
        EventKind::Registered { keys: 1 },
        sent(Carried::Signature),
        EventKind::PolicyReceived { version: 1, keys: 1 },
        EventKind::PolicyFailed { why: "nobody answered".into() },
        countersigned.clone(),
        sent(Carried::NewToken),
        EventKind::TokenStored { server: SITE, uid: uid(), jti: jti(), expires: expires() },
        countersigned,
        sent(Carried::StoredToken),
        EventKind::StoredTokenRemoved { server: SITE, jti: jti(), why: Removal::Idle },
        EventKind::TokenDeclined { server: SITE, why: "its signature does not fit".into() },
    ];
    let found = measure(&plan(), kinds.map(|kind| (AGENT, kind))).agents;
    assert_eq!((found.started, found.countersigned, found.signs, found.verifies), (1, 2, 4, 4));
    assert_eq!((found.sign_cost_ns, found.verify_cost_ns), (4 * 240_000, 4 * 16_000));
    assert_eq!((found.tokens_declined, found.tokens_stored), (1, 1));
    assert_eq!(found.tokens_removed, BTreeMap::from([(Removal::Idle, 1)]));
    assert_eq!((found.registered, found.policies_received, found.policies_failed), (1, 1, 1));
}

#[test]
fn actors_that_the_plan_does_not_know_do_no_harm() {
    let stranger = ActorId::Site(99);
    let measured = measure(&plan(), [recorded(stranger, true, 1), exchange(stranger, Outcome::ServedOneStep, 1)]);
    assert_eq!((measured.events, measured.total.registry.recorded, measured.total.authentication.ended), (2, 0, 0));
    let zero = ActorId::Site(0);
    assert_eq!(measure(&plan(), [recorded(zero, true, 1)]).total.registry.recorded, 0);
}

#[test]
fn a_threshold_is_missed_by_the_least_excess_and_by_what_was_never_measured() {
    let limit = 50 * MILLISECOND;
    let thresholds = Thresholds {
        one_step_p99_ms: Some(50),
        two_step_p99_ms: Some(50),
        slot_wait_p99_ms: Some(50),
        validation_max_ms: Some(50),
        served_min_ppm: Some(500_000),
    };
    let kept = [
        exchange(SITE, Outcome::ServedOneStep, limit),
        exchange(SITE, Outcome::ServedTwoStep, limit),
        exchange(SITE, Outcome::TimedOut, limit),
        exchange(SITE, Outcome::TimedOut, limit),
        upstream_waited(limit),
        validated(limit),
    ];
    assert_eq!(missed_thresholds(&thresholds, &measure(&plan(), kept), None), []);

    let exceeded = [
        exchange(SITE, Outcome::ServedOneStep, limit + 1),
        exchange(SITE, Outcome::ServedTwoStep, limit + 1),
        exchange(SITE, Outcome::TimedOut, limit),
        exchange(SITE, Outcome::TimedOut, limit),
        exchange(SITE, Outcome::TimedOut, limit),
        upstream_waited(limit + 1),
        validated(limit + 1),
    ];
    let missed = missed_thresholds(&thresholds, &measure(&plan(), exceeded), None);
    let found: Vec<_> = missed.iter().map(|missed| (missed.threshold.as_str(), missed.found)).collect();
    assert_eq!(
        found,
        [
            ("one_step_p99_ms", Some(51)),
            ("two_step_p99_ms", Some(51)),
            ("slot_wait_p99_ms", Some(51)),
            ("validation_max_ms", Some(51)),
            ("served_min_ppm", Some(400_000)),
        ]
    );
    assert_eq!(missed[0].to_string(), "one_step_p99_ms: expected at most 50, found 51");

    let never = missed_thresholds(&thresholds, &measure(&plan(), []), None);
    assert!(never.len() == 5 && never.iter().all(|missed| missed.found.is_none()), "{never:?}");
    let MissedThreshold { at_most, .. } = never[4];
    assert!(!at_most);
    assert_eq!(never[4].to_string(), "served_min_ppm: expected at least 500000, but it was never measured");
    assert_eq!(missed_thresholds(&Thresholds::default(), &measure(&plan(), []), None), []);
}

fn upstream_waited(slot_waited_ns: u64) -> (ActorId, EventKind) {
    let purpose = UpstreamPurpose::FirstFetch;
    (SITE, EventKind::UpstreamStarted { purpose, agents: 1, slot_waited_ns, connection: None })
}

fn validated(took_ns: u64) -> (ActorId, EventKind) {
    let ended =
        EventKind::ValidationEnded { requested: 1, refreshed: 1, removed: 0, batches: 1, connections: 1, took_ns };
    (SITE, ended)
}
