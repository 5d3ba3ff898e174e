//! What was measured in a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AccountFigures, AdmissionFigures, AgentFigures, AuthenticationFigures, CacheFigures, CpuFigures, ExposureFigures,
    RegistryFigures, Scheme, SchemeFigures, Timeline, TrafficFigures, UpstreamFigures, ValidationFigures, VisitFigures,
};
use crate::types::{ActorId, ppm};

/// Everything that was measured in a run, in virtual time and in integers: two runs of one plan agree to the last digit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Measurements {
    /// Events heard.
    pub events: u64,
    /// Virtual time that passed, in nanoseconds.
    pub duration_ns: u64,
    /// The simulation's tick, in nanoseconds: what crosses the network arrives on its multiples, so that
    /// latencies over the network are no finer than this.
    pub tick_ns: u64,
    /// Visits that were due and those that began.
    #[serde(default)]
    pub visits: VisitFigures,
    /// For how long somebody was let in who should not be.
    #[serde(default, skip_serializing_if = "ExposureFigures::is_none")]
    pub exposure: ExposureFigures,
    /// Who got in by which way of authentication; ways that nobody tried are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, SchemeFigures>")]
    pub schemes: BTreeMap<Scheme, SchemeFigures>,
    /// Connections and requests of all actors.
    pub traffic: TrafficFigures,
    /// All agents together.
    pub agents: AgentFigures,
    /// Accounts beside tokens.
    #[serde(default, skip_serializing_if = "AccountFigures::is_nothing")]
    pub accounts: AccountFigures,
    /// All servers together: counts are sums, greatest values those of any one server.
    pub total: ServerFigures,
    /// Each server by its name, `smp` first.
    #[schemars(with = "BTreeMap<String, ServerFigures>")]
    pub servers: BTreeMap<ActorId, ServerFigures>,
    /// What happened when.
    #[serde(default)]
    pub timeline: Timeline,
}

impl Measurements {
    /// The share of exchanges that were served, in parts per million: of those that ended, and of those that never came
    /// because a visit that was due was never made; none of nothing.
    pub fn served_ppm(&self) -> Option<u64> {
        let authentication = &self.total.authentication;
        ppm(authentication.served, authentication.ended.saturating_add(self.visits.exchanges_missed))
    }
}

/// What was measured at one server, or at all of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ServerFigures {
    /// Exchanges of agents with it.
    pub authentication: AuthenticationFigures,
    /// Its decisions.
    pub admission: AdmissionFigures,
    /// Its token registry.
    pub registry: RegistryFigures,
    /// Its virtual CPU.
    pub cpu: CpuFigures,
    /// Its token cache; the issuer has none.
    pub cache: Option<CacheFigures>,
    /// Its validations; the issuer has none.
    pub validation: Option<ValidationFigures>,
    /// Its requests to the issuer; the issuer has none.
    pub upstream: Option<UpstreamFigures>,
}
