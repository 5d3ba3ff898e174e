//! How agents' exchanges with a server ended, and how long they took.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Distribution, Histogram, Latencies};
use crate::event::{EventKind, Outcome};

/// Exchanges of agents with a server.
///
/// Latencies are true time from the agent's first action to the last byte of the answer, connecting
/// included. Network legs end on a tick of the simulation; work on a server's CPU counts in nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuthenticationFigures {
    /// Exchanges started.
    pub started: u64,
    /// Exchanges ended.
    pub ended: u64,
    /// Exchanges in which the agent got what it asked for.
    pub served: u64,
    /// Requests that all exchanges took together.
    pub trips: u64,
    /// Exchanges by the way in which they ended; what never occurred is left out.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Latency with a stored token, in one step (rules 2, 10), in nanoseconds.
    pub one_step_ns: Option<Distribution>,
    /// Latency with a challenge, in two steps (rule 2), in nanoseconds.
    pub two_step_ns: Option<Distribution>,
    /// Latency on a connection that was authenticated before (rules 9, 15), in nanoseconds.
    pub authenticated_ns: Option<Distribution>,
    /// Latency without any authentication (rule 3), in nanoseconds.
    pub public_ns: Option<Distribution>,
    /// Latency with an account, by a Windows handshake (rules 56, 60), in nanoseconds; left out where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ns: Option<Distribution>,
    /// Time until an exchange failed, in nanoseconds.
    pub failed_ns: Option<Distribution>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct AuthenticationRecorder {
    started: u64,
    trips: u64,
    outcomes: BTreeMap<Outcome, u64>,
    one_step_ns: Histogram,
    two_step_ns: Histogram,
    authenticated_ns: Histogram,
    public_ns: Histogram,
    account_ns: Histogram,
    failed_ns: Histogram,
}

impl AuthenticationRecorder {
    pub(super) fn hear(&mut self, kind: &EventKind) {
        match kind {
            EventKind::ExchangeStarted { .. } => self.started += 1,
            EventKind::ExchangeEnded { outcome, trips, took_ns, .. } => {
                self.trips += u64::from(*trips);
                *self.outcomes.entry(*outcome).or_default() += 1;
                let latency = match outcome {
                    Outcome::ServedOneStep => &mut self.one_step_ns,
                    Outcome::ServedTwoStep => &mut self.two_step_ns,
                    Outcome::ServedAuthenticated => &mut self.authenticated_ns,
                    Outcome::ServedPublic => &mut self.public_ns,
                    Outcome::ServedByAccount => &mut self.account_ns,
                    _ => &mut self.failed_ns,
                };
                latency.record(*took_ns);
            }
            _ => {}
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.started += other.started;
        self.trips += other.trips;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
        self.one_step_ns.absorb(&other.one_step_ns);
        self.two_step_ns.absorb(&other.two_step_ns);
        self.authenticated_ns.absorb(&other.authenticated_ns);
        self.public_ns.absorb(&other.public_ns);
        self.account_ns.absorb(&other.account_ns);
        self.failed_ns.absorb(&other.failed_ns);
    }

    pub(super) fn add_to(&self, latencies: &mut Latencies) {
        latencies.one_step_ns.absorb(&self.one_step_ns);
        latencies.two_step_ns.absorb(&self.two_step_ns);
    }

    pub(super) fn figures(&self) -> AuthenticationFigures {
        AuthenticationFigures {
            started: self.started,
            ended: self.outcomes.values().sum(),
            served: self.outcomes.iter().filter(|(outcome, _)| outcome.is_served()).map(|(_, count)| count).sum(),
            trips: self.trips,
            outcomes: self.outcomes.clone(),
            one_step_ns: self.one_step_ns.distribution(),
            two_step_ns: self.two_step_ns.distribution(),
            authenticated_ns: self.authenticated_ns.distribution(),
            public_ns: self.public_ns.distribution(),
            account_ns: self.account_ns.distribution(),
            failed_ns: self.failed_ns.distribution(),
        }
    }
}
