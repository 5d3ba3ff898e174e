//! Whether visits begin when they are due, and how long agents wait from then on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Histogram, LoadFigures, Round, per_s};
use crate::{
    event::{Event, EventKind, Outcome, Visit},
    plan::Plan,
    types::{ActorId, VirtualTime, WallTime},
};

/// How late visits may begin, in nanoseconds, at the 99th percentile: beyond it the figures are those of whoever makes the
/// load and not of the servers.
pub const LAG_P99_NS_MAX: u64 = 20_000_000;

/// How far apart the generators of one load may begin, in nanoseconds: beyond it they made loads one after the other, whose
/// rates do not add up.
pub const BEGIN_SPREAD_NS_MAX: u64 = 1_000_000_000;

/// Notes the pace of a load on real sockets.
///
/// Reading: an arrival's latency counts from when it was due, however late it began: a generator that waits for a slow
/// answer before it sends on would otherwise leave out exactly the arrivals that suffer (coordinated omission). On each
/// connection of a visit the first exchange counts from then, a later one from the end of the one before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pace {
    workers: u64,
    /// How many connections each agent opens in a visit.
    #[serde(skip)]
    connections: Vec<u32>,
    /// What was in the midst of something when the load ended is never heard of again.
    #[serde(skip)]
    visits: BTreeMap<ActorId, Latest>,
    /// The first and the last begin of a generator, by the wall clocks of their machines.
    begun_at: Option<(WallTime, WallTime)>,
    /// Whether another generator, whose pace was taken in, was late.
    other_is_late: bool,
    begun: u64,
    lag_ns: Histogram,
    one_step_ns: Histogram,
    two_step_ns: Histogram,
    served: u64,
    failed: u64,
}

/// How a load goes so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PaceStanding {
    /// Exchanges served.
    pub served: u64,
    /// Exchanges that ended otherwise.
    pub failed: u64,
    /// The middle latency of an authentication in one step from when its visit was due, in nanoseconds.
    pub one_step_p50_ns: Option<u64>,
    /// Its 99th percentile, in nanoseconds.
    pub one_step_p99_ns: Option<u64>,
    /// The 99th percentile of the generator's lag, in nanoseconds.
    pub lag_p99_ns: Option<u64>,
}

/// The latest visit of an agent.
#[derive(Clone, Copy, Debug)]
struct Latest {
    /// How long after it was due it began.
    late_ns: u64,
    /// How many of its exchanges are still to end that began with it.
    first: u32,
}

/// The pace of a load on real sockets.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct PaceFigures {
    /// Threads that served and visited.
    pub workers: u64,
    /// Visits that began.
    pub visits: u64,
    /// Exchanges that were served in a second, over the whole load.
    pub served_per_s: u64,
    /// How late visits began that nothing but the generator kept from it, in nanoseconds.
    pub lag_ns: Option<Distribution>,
    /// Whether they began so late that the figures say more about the generator than about the servers. Of several
    /// generators it is enough that one was late: its visits measured itself, few as they may be among all.
    pub is_late: bool,
    /// How far apart the generators began, by the clocks of their machines, in nanoseconds; zero of one.
    #[serde(default)]
    pub begin_spread_ns: u64,
    /// Latency with a stored token from when the visit was due, in nanoseconds.
    pub one_step_from_due_ns: Option<Distribution>,
    /// Latency with a challenge from when the visit was due, in nanoseconds.
    pub two_step_from_due_ns: Option<Distribution>,
    /// What the simulation foretold, if it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<LoadFigures>,
    /// Every round, if it was foretold and made more than once, in their order: this is the load of one of them, the first with the
    /// worst verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<Round>,
    /// The same latencies whole, so that those of several generators can be put together.
    pub latencies: PaceLatencies,
}

/// The latencies of a load, whole.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct PaceLatencies {
    /// How late visits began, in nanoseconds.
    pub lag_ns: Histogram,
    /// With a stored token, from when the visit was due, in nanoseconds.
    pub one_step_from_due_ns: Histogram,
    /// With a challenge, from when the visit was due, in nanoseconds.
    pub two_step_from_due_ns: Histogram,
}

impl Pace {
    /// The pace of a load of `plan` by so many threads.
    pub fn new(plan: &Plan, workers: u64) -> Self {
        Self::of(workers, plan.agents.iter().map(|agent| agent.connections).collect())
    }

    fn of(workers: u64, connections: Vec<u32>) -> Self {
        Self {
            workers,
            connections,
            visits: BTreeMap::new(),
            begun_at: None,
            other_is_late: false,
            begun: 0,
            lag_ns: Histogram::default(),
            one_step_ns: Histogram::default(),
            two_step_ns: Histogram::default(),
            served: 0,
            failed: 0,
        }
    }

    /// How it goes so far.
    pub fn standing(&self) -> PaceStanding {
        let one_step = self.one_step_ns.distribution();
        PaceStanding {
            served: self.served,
            failed: self.failed,
            one_step_p50_ns: one_step.map(|found| found.p50),
            one_step_p99_ns: one_step.map(|found| found.p99),
            lag_p99_ns: self.lag_ns.distribution().map(|lag| lag.p99),
        }
    }

    /// Learns when the load begins, by the machine's wall clock.
    pub fn begins(&mut self, at: WallTime) {
        self.begun_at = Some((at, at));
    }

    /// When the load began, by the machine's wall clock: the first of several generators.
    pub fn began(&self) -> Option<WallTime> {
        self.begun_at.map(|(first, _)| first)
    }

    /// Takes in the pace of another generator of the same load, without loss.
    pub fn absorb(&mut self, other: Self) {
        // If no generator was late by itself, all together are not: each has 99 of 100 visits within the bound.
        self.other_is_late |= other.is_late();
        self.workers = self.workers.saturating_add(other.workers);
        self.visits.extend(other.visits);
        self.begun_at = match (self.begun_at, other.begun_at) {
            (Some((first, last)), Some((others_first, others_last))) => {
                Some((first.min(others_first), last.max(others_last)))
            }
            (one, another) => one.or(another),
        };
        self.begun += other.begun;
        self.lag_ns.absorb(&other.lag_ns);
        self.one_step_ns.absorb(&other.one_step_ns);
        self.two_step_ns.absorb(&other.two_step_ns);
        self.served += other.served;
        self.failed += other.failed;
    }

    /// Whether the generator was late, or one of those that were taken in.
    fn is_late(&self) -> bool {
        self.other_is_late || self.lag_ns.distribution().is_some_and(|lag| lag.p99 > LAG_P99_NS_MAX)
    }

    /// Learns that a visit begins at `at`. What its agent waited for itself is a server's doing, and no lag.
    pub fn visit_begins(&mut self, agent: ActorId, visit: &Visit, at: VirtualTime) {
        let late_ns = at.nanos().saturating_sub(visit.due.nanos());
        self.begun += 1;
        self.lag_ns.record(at.nanos().saturating_sub(visit.ready.nanos()));
        let ActorId::Agent(number) = agent else { return };
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let first = index.and_then(|index| self.connections.get(index)).copied().unwrap_or(1);
        self.visits.insert(agent, Latest { late_ns, first });
    }

    /// Learns of the next event.
    pub fn hear(&mut self, event: &Event) {
        let EventKind::ExchangeEnded { outcome, took_ns, .. } = event.kind else { return };
        *if outcome.is_served() { &mut self.served } else { &mut self.failed } += 1;
        let visit = self.visits.get_mut(&event.actor).filter(|visit| visit.first > 0);
        let late_ns = visit.map_or(0, |visit| {
            visit.first -= 1;
            visit.late_ns
        });
        let latency = match outcome {
            Outcome::ServedOneStep => &mut self.one_step_ns,
            Outcome::ServedTwoStep => &mut self.two_step_ns,
            _ => return,
        };
        latency.record(took_ns.saturating_add(late_ns));
    }

    /// What was noted until `end`.
    pub fn finish(self, end: VirtualTime) -> PaceFigures {
        let spread = self.begun_at.map(|(first, last)| last.since(first)).unwrap_or_default();
        PaceFigures {
            workers: self.workers,
            visits: self.begun,
            served_per_s: per_s(self.served, end.nanos()),
            lag_ns: self.lag_ns.distribution(),
            is_late: self.is_late(),
            begin_spread_ns: u64::try_from(spread.as_nanos()).unwrap_or(u64::MAX),
            one_step_from_due_ns: self.one_step_ns.distribution(),
            two_step_from_due_ns: self.two_step_ns.distribution(),
            predicted: None,
            rounds: Vec::new(),
            latencies: PaceLatencies {
                lag_ns: self.lag_ns,
                one_step_from_due_ns: self.one_step_ns,
                two_step_from_due_ns: self.two_step_ns,
            },
        }
    }
}

impl PaceFigures {
    /// Whether the generators began so far apart that they did not make one load.
    pub const fn is_scattered(&self) -> bool {
        self.begin_spread_ns > BEGIN_SPREAD_NS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(agent: u32, at_ms: u64, took_ms: u64, outcome: Outcome) -> Event {
        let kind = EventKind::ExchangeEnded { server: ActorId::Smp, outcome, trips: 1, took_ns: took_ms * 1_000_000 };
        Event { at: VirtualTime::from_millis(at_ms), actor: ActorId::Agent(agent), kind }
    }

    fn pace(connections: &[u32]) -> Pace {
        Pace::of(2, connections.to_vec())
    }

    #[test]
    fn a_latency_counts_from_when_the_visit_was_due() {
        let mut pace = pace(&[1]);
        let (agent, at) = (ActorId::Agent(1), VirtualTime::from_millis);
        let due = Visit { due: at(100), ready: at(100), is_retry: false };
        pace.visit_begins(agent, &due, at(1_600));
        pace.hear(&ended(1, 1_605, 5, Outcome::ServedTwoStep));
        // The next on the same connection waited for nobody.
        pace.hear(&ended(1, 1_608, 3, Outcome::ServedOneStep));
        let figures = pace.finish(at(2_000));
        assert_eq!(figures.two_step_from_due_ns.unwrap().max, 1_505_000_000);
        assert_eq!(figures.one_step_from_due_ns.unwrap().max, 3_000_000);
        assert_eq!((figures.visits, figures.served_per_s, figures.is_late), (1, 1, true));
    }

    #[test]
    fn whoever_waits_for_a_slow_server_is_late_but_the_generator_is_not() {
        let mut pace = pace(&[1]);
        let (agent, at) = (ActorId::Agent(1), VirtualTime::from_millis);
        let waited = Visit { due: at(100), ready: at(3_000), is_retry: false };
        pace.visit_begins(agent, &waited, at(3_000));
        pace.hear(&ended(1, 3_001, 1, Outcome::ServedOneStep));
        let figures = pace.finish(at(4_000));
        assert_eq!((figures.lag_ns.unwrap().max, figures.is_late), (0, false));
        assert_eq!(figures.one_step_from_due_ns.unwrap().max, 2_901_000_000);
    }

    #[test]
    fn one_late_generator_makes_the_whole_late_however_many_visits_others_made() {
        let (agent, at) = (ActorId::Agent(1), VirtualTime::from_millis);
        let due = Visit { due: at(0), ready: at(0), is_retry: false };
        let (mut whole, mut late) = (pace(&[1]), pace(&[1]));
        (0..1_000).for_each(|_| whole.visit_begins(agent, &due, at(1)));
        late.visit_begins(agent, &due, at(21));
        let on_time = whole.clone();
        whole.absorb(late);
        let mut other_way_round = on_time.clone();
        other_way_round.absorb(whole.clone());
        for pace in [whole, other_way_round] {
            let figures = pace.finish(at(1_000));
            assert!(figures.is_late && figures.lag_ns.unwrap().p99 < LAG_P99_NS_MAX);
        }
        assert!(!on_time.finish(at(1_000)).is_late);
    }

    #[test]
    fn generators_that_began_a_second_apart_made_no_one_load() {
        let whole = |begins_ms: &[u64]| {
            let parts = begins_ms.iter().map(|begin_ms| {
                let mut part = pace(&[1]);
                part.begins(WallTime(begin_ms * 1_000_000));
                part
            });
            let whole = parts.reduce(|mut whole, part| {
                whole.absorb(part);
                whole
            });
            whole.unwrap().finish(VirtualTime::from_millis(1_000))
        };
        assert_eq!(whole(&[5]).begin_spread_ns, 0);
        assert!(!whole(&[1_500, 600, 1_600]).is_scattered());
        let figures = whole(&[2_001, 1_500, 1_000]);
        assert!(figures.is_scattered() && figures.begin_spread_ns == 1_001_000_000);
    }

    #[test]
    fn every_connection_of_a_visit_waited() {
        let mut pace = pace(&[2]);
        let (agent, at) = (ActorId::Agent(1), VirtualTime::from_millis);
        pace.visit_begins(agent, &Visit { due: at(0), ready: at(0), is_retry: false }, at(10));
        for at_ms in [11, 12] {
            pace.hear(&ended(1, at_ms, 1, Outcome::ServedOneStep));
        }
        let figures = pace.finish(at(1_000));
        assert_eq!(figures.one_step_from_due_ns.unwrap().min, 11_000_000);
        assert!(!figures.is_late);
    }
}
