//! The timeline: what happened in which slice of a run.

mod loose_events;

use countersign::{
    event::{Close, Event, EventKind, Listener as _, Outcome, Removal, UpstreamPurpose},
    metrics::{BUCKETS_MAX, Metrics, Timeline},
    types::{ActorId, ConnectionId, Refusal, VirtualTime},
};
use loose_events::*;

/// The timeline of a run of 10 s, in slices of 50 ms, that ends at `end_ms`.
fn timeline(end_ms: u64, history: impl IntoIterator<Item = (u64, (ActorId, EventKind))>) -> Timeline {
    let mut metrics = Metrics::new(&plan());
    for (at_ms, (actor, kind)) in history {
        metrics.hear(&Event { at: VirtualTime::from_millis(at_ms), actor, kind });
    }
    metrics.finish(VirtualTime::from_millis(end_ms)).timeline
}

/// The figures that are not zero, each with its slice.
fn marks(series: &[u64]) -> Vec<(usize, u64)> {
    series.iter().copied().enumerate().filter(|(_, value)| *value > 0).collect()
}

#[test]
fn slices_have_round_widths_and_are_never_too_many() {
    let mut plan = plan();
    let mut shape = |duration_ms| {
        plan.duration_ms = duration_ms;
        let timeline = Metrics::new(&plan).finish(VirtualTime::from_millis(duration_ms)).timeline;
        (timeline.bucket_ms, timeline.one_step.len())
    };
    let day_ms = 86_400_000;
    assert_eq!(shape(10_000), (50, 200));
    assert_eq!(shape(600_000), (5_000, 120));
    assert_eq!(shape(3_600_000), (15_000, 240));
    assert_eq!(shape(day_ms), (360_000, 240));
    assert_eq!(shape(400 * day_ms), (172_800_000, 200));
    for duration_ms in [1, 2, 239, 240, 241, 12_345_678, 7 * day_ms] {
        let (bucket_ms, slices) = shape(duration_ms);
        assert!((1..=BUCKETS_MAX).contains(&(slices as u64)), "{duration_ms}");
        assert_eq!(duration_ms.div_ceil(bucket_ms), slices as u64, "{duration_ms}");
    }
}

#[test]
fn an_event_counts_in_the_slice_in_which_it_happened() {
    let refused = |why| (SITE, EventKind::Refused { request: request(), why, claimed_agent: None });
    let timeline = timeline(
        10_000,
        [
            (0, exchange(SITE, Outcome::ServedOneStep, 1)),
            (49, exchange(SITE, Outcome::ServedTwoStep, 1)),
            (50, exchange(SITE, Outcome::ServedOneStep, 1)),
            (120, exchange(SMP, Outcome::ServedAuthenticated, 1)),
            (120, exchange(SMP, Outcome::ServedPublic, 1)),
            (130, exchange(SMP, Outcome::TimedOut, 1)),
            (131, exchange(SMP, Outcome::Forbidden, 1)),
            (9_999, refused(Refusal::Expired)),
            // What comes at the very end belongs to the last slice.
            (10_000, refused(Refusal::Expired)),
            (10_000, (SITE, EventKind::Unavailable { request: request(), status: 503 })),
        ],
    );
    assert_eq!(marks(&timeline.one_step), [(0, 1), (1, 1)]);
    assert_eq!(marks(&timeline.two_step), [(0, 1)]);
    assert_eq!(marks(&timeline.authenticated), [(2, 1)]);
    assert_eq!(marks(&timeline.public), [(2, 1)]);
    assert_eq!(marks(&timeline.failed), [(2, 2)]);
    assert_eq!(marks(&timeline.refused[&Refusal::Expired]), [(199, 2)]);
    assert_eq!(timeline.refused[&Refusal::Expired].len(), 200);
    assert_eq!(marks(&timeline.unavailable), [(199, 1)]);
}

#[test]
fn what_lasts_counts_in_every_slice_in_which_it_lasts() {
    let purpose = UpstreamPurpose::FirstFetch;
    let started =
        |slot_waited_ns| (SITE, EventKind::UpstreamStarted { purpose, agents: 1, slot_waited_ns, connection: None });
    let ended = || (SITE, EventKind::UpstreamEnded { purpose, tokens: Some(1), took_ns: 1 });
    let connection = ConnectionId(1);
    let timeline = timeline(
        10_000,
        [
            (10, (AGENT, EventKind::ConnectionOpened { connection, server: SITE, secure: false })),
            (10, (SITE, EventKind::SlotAwaited { position: 0 })),
            (10, started(0)),
            (20, (SITE, EventKind::SlotAwaited { position: 1 })),
            (110, ended()),
            (111, started(91)),
            (160, ended()),
            (161, (AGENT, EventKind::ConnectionClosed { connection, why: Close::Done })),
        ],
    );
    assert_eq!(marks(&timeline.slots_max), [(0, 1), (1, 1), (2, 1), (3, 1)]);
    // At the end of its first request the site has none in flight: nobody can be waiting any more.
    assert_eq!(marks(&timeline.slot_waiters_max), [(0, 1), (1, 1), (2, 1)]);
    assert_eq!(marks(&timeline.connections_max), [(0, 1), (1, 1), (2, 1), (3, 1)]);
}

#[test]
fn a_crash_frees_all_slots() {
    let purpose = UpstreamPurpose::FirstFetch;
    let kind = EventKind::UpstreamStarted { purpose, agents: 1, slot_waited_ns: 0, connection: None };
    let timeline = timeline(200, [(10, (SITE, kind)), (60, (SITE, EventKind::Started { node: node(), epoch: None }))]);
    assert_eq!(timeline.slots_max, [1, 1, 0, 0]);
}

#[test]
fn sizes_are_those_at_the_end_of_a_slice() {
    let stored = || {
        let (agent, uid, jti, expires) = (node(), uid(), jti(), expires());
        (SITE, EventKind::CacheStored { agent, uid, jti, expires, refreshed: false })
    };
    let removed =
        || (SITE, EventKind::CacheRemoved { agent: node(), uid: uid(), jti: jti(), why: Removal::ExpiredSweep });
    let timeline = timeline(
        150,
        [(10, stored()), (20, stored()), (30, removed()), (70, recorded(SMP, true, 0)), (100, recorded(SMP, true, 0))],
    );
    assert_eq!(timeline.cache_entries[&SITE], [1, 1, 1]);
    assert_eq!(timeline.cache_entries[&OTHER_SITE], [0, 0, 0]);
    assert_eq!(timeline.registry_entries[&SMP], [0, 1, 2]);
    assert!(!timeline.cache_entries.contains_key(&SMP));
}

#[test]
fn a_refresh_has_its_mean_and_its_longest() {
    let ended = |requested, took_ns| {
        let (refreshed, removed, batches, connections) = (requested, 0, 1, 1);
        (SITE, EventKind::ValidationEnded { requested, refreshed, removed, batches, connections, took_ns })
    };
    // One with nothing to ask for ends at once, and would only hide the others.
    let timeline = timeline(100, [(1, ended(3, 100)), (2, ended(3, 201)), (3, ended(0, 0)), (60, ended(1, 7))]);
    assert_eq!(timeline.refreshes, [2, 1]);
    assert_eq!(timeline.refresh_mean_ns, [150, 7]);
    assert_eq!(timeline.refresh_max_ns, [201, 7]);
}

#[test]
fn a_run_that_was_stopped_has_the_slices_that_it_began() {
    assert_eq!(timeline(120, []).one_step.len(), 3);
    assert_eq!(timeline(100, []).one_step.len(), 2);
    assert_eq!(timeline(0, []).one_step.len(), 1);
}

#[test]
fn slices_add_up_to_the_whole() {
    let plan = plan();
    let measured = measure(&plan, fleet::history(&plan, 300, 20));
    let (timeline, total) = (&measured.timeline, &measured.total);
    let sum = |series: &[u64]| series.iter().sum::<u64>();
    let exchanges = [
        &timeline.one_step,
        &timeline.two_step,
        &timeline.by_account,
        &timeline.authenticated,
        &timeline.public,
        &timeline.failed,
    ];
    assert_eq!(exchanges.map(|series| sum(series)).iter().sum::<u64>(), total.authentication.ended);
    assert_eq!(sum(&timeline.one_step), total.authentication.one_step_ns.unwrap().count);
    for (why, series) in &timeline.refused {
        assert_eq!(sum(series), total.admission.refused[why]);
    }
    assert_eq!(timeline.refused.len(), total.admission.refused.len());
    let upstream = total.upstream.as_ref().unwrap();
    assert_eq!(timeline.slots_max.iter().max(), Some(&upstream.in_flight_max));
    assert_eq!(timeline.slot_waiters_max.iter().max(), Some(&upstream.slot_queue_max));
    assert_eq!(timeline.connections_max.iter().max(), Some(&measured.traffic.open_max));
    let refresh = total.validation.as_ref().unwrap().refresh_ns.unwrap();
    assert_eq!((sum(&timeline.refreshes), timeline.refresh_max_ns.iter().max()), (refresh.count, Some(&refresh.max)));
    for (server, figures) in &measured.servers {
        assert_eq!(timeline.registry_entries[server].last(), Some(&figures.registry.entries));
    }
}
