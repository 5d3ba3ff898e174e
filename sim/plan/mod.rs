//! A run, spelled out: who exists, when each acts, what everything costs. Plain data that can be
//! printed, kept, replayed and cut down; nothing in it is left to chance.

mod agent;
mod check;
mod expectation;
mod network;
mod plan_error;
mod plan_file;
mod server;
mod visits;

pub use agent::{AgentPlan, Bootstrap, ConnectionUse};
pub use expectation::{Expectation, Invariant, Milestone, Thresholds};
pub use network::Network;
pub use plan_error::PlanError;
pub use plan_file::PlanFileError;
pub use server::ServerPlan;
pub use visits::Visits;

pub(crate) use check::too_many_agents;

use serde::{Deserialize, Serialize};

use crate::types::{ActorId, Costs, CryptoTier, NodeId, Origin, Parameters, Profile, Scheme, UnixSeconds};

/// The version of the plan's form that this build writes and reads.
pub const PLAN_VERSION: u32 = 1;

/// How many distinct RSA keys the key pool holds, and so how many nodes a plan can have.
pub const KEYS_MAX: u32 = 21_945;

/// How many simulated hosts a plan can have: the cost of a tick grows with their cube.
pub const HOSTS_MAX: u32 = 64;

/// How many days a run can last.
pub const RUN_DAYS_MAX: u64 = 400;

/// How many instants of arrivals a plan can hold: each takes eight bytes.
pub const VISITS_AT_MAX: u64 = 10_000_000;

/// Everything that a run needs to know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`] of the build that wrote it.
    pub version: u32,
    /// The scenario's name, such as `smoke/first_contact`.
    pub scenario: String,
    /// The seed from which the scenario was resolved, and from which the actors draw.
    pub seed: u64,
    /// Which face of the protocol.
    pub profile: Profile,
    /// Which signatures.
    pub crypto: CryptoTier,
    /// How long the run lasts, in milliseconds of virtual time.
    pub duration_ms: u64,
    /// What a true clock shows when the run starts.
    pub run_start: UnixSeconds,
    /// The simulated network.
    pub network: Network,
    /// The protocol's parameters.
    pub parameters: Parameters,
    /// What operations cost on one core of a server.
    pub costs: Costs,
    /// Whether servers are reached over TLS or plain HTTP.
    pub scheme: Scheme,
    /// The issuer.
    pub smp: ServerPlan,
    /// The site servers; `site-1` is the first.
    pub sites: Vec<ServerPlan>,
    /// How many simulated client hosts the agents share.
    pub branches: u32,
    /// The agents; `agent-1` is the first.
    pub agents: Vec<AgentPlan>,
    /// What the run must and must not show.
    pub expectation: Expectation,
}

impl Plan {
    /// The node identity of an actor: readable, distinct, the same in every run.
    pub fn node_of(actor: ActorId) -> NodeId {
        let (kind, number) = match actor {
            ActorId::Smp => (0x1_u128, 0),
            ActorId::Site(number) => (0x2, number),
            ActorId::Agent(number) => (0x3, number),
        };
        // A version 8 UUID (RFC 9562 section 5.8): the vendor's own form.
        NodeId::from_bits(kind << 124 | 0x8000_8000 << 48 | u128::from(number))
    }

    /// The actor that has a node identity, if any.
    pub fn actor_of(node: NodeId) -> Option<ActorId> {
        let number = u32::try_from(node.bits() & 0xffff_ffff_ffff).ok()?;
        let actor = match node.bits() >> 124 {
            1 => ActorId::Smp,
            2 => ActorId::Site(number),
            3 => ActorId::Agent(number),
            _ => return None,
        };
        (Self::node_of(actor) == node).then_some(actor)
    }

    /// The name of the host on which a server runs.
    pub fn host_of(server: ActorId) -> String {
        server.to_string()
    }

    /// Where a server is reached.
    pub fn origin_of(&self, server: ActorId) -> Origin {
        let port = match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        Origin::new(self.scheme, Self::host_of(server), port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_actor_has_a_node_of_its_own() {
        for actor in [ActorId::Smp, ActorId::Site(1), ActorId::Agent(1), ActorId::Agent(u32::MAX)] {
            assert_eq!(Plan::actor_of(Plan::node_of(actor)), Some(actor));
        }
        assert_eq!(Plan::node_of(ActorId::Agent(17)).to_string(), "30000000-0000-8000-8000-000000000011");
        assert_eq!(Plan::actor_of(NodeId::from_bits(0)), None);
    }
}
