//! A history that looks like a real one: a fleet, drawn from a seed, with a rush for the issuer at the start.

use countersign::{
    event::{Carried, Challenge, Close, EventKind, Outcome, Removal, UpstreamPurpose},
    plan::Plan,
    types::{ActorId, ConnectionId, Refusal, RequestId, SeedStream, Undigested, Work},
};
use rand_core::Rng as _;

use super::*;

/// The history of `agents` agents that visit the sites of `plan` `visits` times each.
pub fn history(plan: &Plan, agents: u32, visits: u32) -> Vec<(ActorId, EventKind)> {
    let mut rng = SeedStream::new(plan.seed).rng("fleet", 0);
    let mut draw = move |below: u64| rng.next_u64() % below;
    let mut events = Vec::new();
    let sites = u32::try_from(plan.sites.len()).unwrap();
    let mut connection = 0;
    events.push((SMP, EventKind::Started { node: node(), epoch: None }));
    for visit in 0..visits {
        for number in 1..=agents {
            let (agent, site) = (ActorId::Agent(number), ActorId::Site(number % sites + 1));
            connection += 1;
            let connection = ConnectionId(connection);
            let mut tell = |actor, kind| events.push((actor, kind));
            let request = |ordinal| RequestId { connection, ordinal };
            let sent =
                |ordinal, carries| EventKind::RequestSent { request: request(ordinal), carries, token_bytes: 1_402 };
            tell(agent, EventKind::ConnectionOpened { connection, server: site, secure: false });
            tell(agent, EventKind::ExchangeStarted { server: site, warm: visit > 0, authenticated: false });
            if visit == 0 {
                let waited = (u64::from(number) / 128) * 310_000 + draw(90_000);
                let purpose = UpstreamPurpose::FirstFetch;
                tell(agent, sent(1, Carried::FirstRequest));
                tell(site, EventKind::CacheMissed { agent: node(), uid: uid() });
                tell(site, EventKind::SlotAwaited { position: number / 32 });
                let begun = EventKind::UpstreamStarted { purpose, agents: 1, slot_waited_ns: waited, connection: None };
                tell(site, begun);
                let work = Work { signs: 2, verifies: 1, ..Work::default() };
                let (waited_ns, busy_ns) = (draw(2_000_000), plan.costs.of(&work).as_nanos() as u64);
                tell(SMP, EventKind::Worked { work, waited_ns, busy_ns });
                tell(site, EventKind::UpstreamEnded { purpose, tokens: Some(1), took_ns: 4_000_000 + draw(3_000_000) });
                let (agent, uid, jti, expires) = (node(), uid(), jti(), expires());
                tell(site, EventKind::CacheStored { agent, uid, jti, expires, refreshed: false });
                let challenge = Some(Challenge { agent, uid, jti, expires, after_refusal: false });
                tell(site, EventKind::Challenged { request: request(1), challenge });
            }
            let carries = if visit == 0 { Carried::NewToken } else { Carried::StoredToken };
            tell(agent, sent(2, carries));
            let work = Work { verifies: 2, parses: 1, ..Work::default() };
            let busy_ns = plan.costs.of(&work).as_nanos() as u64;
            tell(site, EventKind::Worked { work, waited_ns: draw(3) * draw(150_000), busy_ns });
            let fate = draw(2_000);
            let took_ns = 2 * MILLISECOND + draw(3) * MILLISECOND + draw(200_000);
            let outcome = match (fate, visit) {
                (0, _) => Outcome::TimedOut,
                (1, _) => Outcome::Unavailable,
                (_, 0) => Outcome::ServedTwoStep,
                _ => Outcome::ServedOneStep,
            };
            match fate {
                0 => tell(agent, EventKind::ConnectionClosed { connection, why: Close::TimedOut }),
                1 => tell(site, EventKind::Unavailable { request: request(2), status: 503 }),
                2..8 => {
                    let why = if fate < 6 { Refusal::Expired } else { Refusal::CounterUsed };
                    tell(site, EventKind::Refused { request: request(2), why, claimed_agent: Some(node()) });
                }
                _ => {}
            }
            if outcome.is_served() {
                events.push(recorded(site, visit % 20 == 0, 1));
                let mut tell = |actor, kind| events.push((actor, kind));
                tell(site, EventKind::Accepted { request: request(2), presented: presented(), expires: expires() });
                tell(site, EventKind::Served { request: request(2), agent: Some(node()) });
                if visit > 0 {
                    tell(site, EventKind::CacheHit { agent: node(), uid: uid(), jti: jti() });
                }
            }
            let took_ns = if outcome == Outcome::TimedOut {
                10_000 * MILLISECOND
            } else {
                took_ns * u64::from(1 + u32::from(visit == 0))
            };
            let mut tell = |actor, kind| events.push((actor, kind));
            tell(agent, EventKind::ExchangeEnded { server: site, outcome, trips: 1 + u32::from(visit == 0), took_ns });
            if outcome != Outcome::TimedOut {
                tell(agent, EventKind::ConnectionClosed { connection, why: Close::Done });
            }
        }
        if visit % 10 == 9 {
            for number in 1..=sites {
                validate(&mut events, ActorId::Site(number), 100 + draw(150), draw(9));
            }
        }
    }
    events
}

fn validate(events: &mut Vec<(ActorId, EventKind)>, site: ActorId, due: u64, removed: u64) {
    let due = u32::try_from(due).unwrap();
    let purpose = UpstreamPurpose::Validation;
    let mut tell = |kind| events.push((site, kind));
    tell(EventKind::ValidationStarted { entries: 250, due, period_s: 600 });
    for agents in [due.min(128), due.saturating_sub(128)].into_iter().filter(|agents| *agents > 0) {
        tell(EventKind::UpstreamStarted { purpose, agents, slot_waited_ns: 0, connection: None });
        let took_ns = u64::from(agents) * 250_000 + 3 * MILLISECOND;
        tell(EventKind::UpstreamEnded { purpose, tokens: Some(agents), took_ns });
        for _ in 0..agents {
            let (agent, uid, jti, expires) = (node(), uid(), jti(), expires());
            tell(EventKind::CacheStored { agent, uid, jti, expires, refreshed: true });
        }
    }
    for _ in 0..removed {
        tell(EventKind::CacheRemoved { agent: node(), uid: uid(), jti: jti(), why: Removal::ExpiredSweep });
        tell(EventKind::RegistryRemoved { agent: node(), jti: jti(), why: Removal::ExpiredSweep });
    }
    let took_ns = u64::from(due) * 250_000 + 7 * MILLISECOND;
    let (requested, refreshed, batches) = (due, due, due.div_ceil(128));
    let removed = u32::try_from(removed).unwrap();
    tell(EventKind::ValidationEnded { requested, refreshed, removed, batches, connections: 1, took_ns });
    tell(EventKind::RegistryPurged { removed, kept: 250 });
    let bytes = Undigested(25_500);
    tell(EventKind::RegistryMeasured { entries: 250, bytes, window_bits_used: 250 * 20, window_bits: 250 * 64 });
}
