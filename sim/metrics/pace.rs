//! Whether visits begin when they are due, and how long agents wait from then on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Histogram, LoadFigures, per_s};
use crate::{
    event::{Event, EventKind, Outcome, Visit},
    plan::Plan,
    types::{ActorId, VirtualTime},
};

/// How late visits may begin, in nanoseconds, at the 99th percentile: beyond it the figures are those of whoever makes the
/// load and not of the servers.
pub const LAG_P99_NS_MAX: u64 = 20_000_000;

/// Notes the pace of a load on real sockets.
///
/// Reading: an arrival's latency counts from when it was due, however late it began: a generator that waits for a slow
/// answer before it sends on would otherwise leave out exactly the arrivals that suffer (coordinated omission). On each
/// connection of a visit the first exchange counts from then, a later one from the end of the one before.
#[derive(Clone, Debug)]
pub struct Pace {
    workers: u64,
    /// How many connections each agent opens in a visit.
    connections: Vec<u32>,
    visits: BTreeMap<ActorId, Latest>,
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
    /// Whether they began so late that the figures say more about the generator than about the servers.
    pub is_late: bool,
    /// Latency with a stored token from when the visit was due, in nanoseconds.
    pub one_step_from_due_ns: Option<Distribution>,
    /// Latency with a challenge from when the visit was due, in nanoseconds.
    pub two_step_from_due_ns: Option<Distribution>,
    /// What the simulation foretold, if it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<LoadFigures>,
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
        Self {
            workers,
            connections: plan.agents.iter().map(|agent| agent.connections).collect(),
            visits: BTreeMap::new(),
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
        let lag_ns = self.lag_ns.distribution();
        PaceFigures {
            workers: self.workers,
            visits: self.begun,
            served_per_s: per_s(self.served, end.nanos()),
            lag_ns,
            is_late: lag_ns.is_some_and(|lag| lag.p99 > LAG_P99_NS_MAX),
            one_step_from_due_ns: self.one_step_ns.distribution(),
            two_step_from_due_ns: self.two_step_ns.distribution(),
            predicted: None,
            latencies: PaceLatencies {
                lag_ns: self.lag_ns,
                one_step_from_due_ns: self.one_step_ns,
                two_step_from_due_ns: self.two_step_ns,
            },
        }
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
        let connections = connections.to_vec();
        let (lag_ns, one_step_ns, two_step_ns) = Default::default();
        Pace {
            workers: 2,
            connections,
            visits: BTreeMap::new(),
            begun: 0,
            lag_ns,
            one_step_ns,
            two_step_ns,
            served: 0,
            failed: 0,
        }
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
