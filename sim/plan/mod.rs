//! A run, spelled out: who exists, when each acts, what everything costs. Plain data that can be
//! printed, kept, replayed and cut down; nothing in it is left to chance.

mod agent;
mod attacker;
mod authentication;
mod check;
mod dilation;
mod expectation;
mod fault;
mod group;
mod machine;
mod network;
mod peer;
mod plan_error;
mod plan_file;
mod portal;
mod proxy;
mod server;
mod shared_cores;
mod visits;

pub use agent::{AgentPlan, Bootstrap, Codebase, ConnectionUse, Errand};
pub use attacker::{Attack, AttackerPlan, Power};
pub use check::check_parameters;
pub use expectation::{Expectation, Invariant, Milestone, Thresholds};
pub use fault::{Fault, FaultKind};
pub use group::Group;
pub use machine::{MachineFault, MachineFaultKind, MachinePlan};
pub use network::Network;
pub use peer::PEERS_MAX;
pub use plan_error::PlanError;
pub use plan_file::PlanFileError;
pub use portal::{BROWSERS_MAX, BrowserPlan, JOBS_MAX, JobPlan, PortalPlan};
pub use proxy::{AgentProxy, PROXIES_MAX, Passage, ProxyPlan};
pub use server::ServerPlan;
pub use shared_cores::SharedCores;
pub use visits::Visits;

pub(crate) use check::too_many_agents;

use serde::{Deserialize, Serialize};

use crate::types::{
    ActorId, Bug, ClockModel, ClockStep, Costs, CryptoTier, NodeId, Origin, Parameters, Profile, Scheme, UnixSeconds,
    VirtualTime,
};

/// The version of the plan's form that this build writes and reads.
pub const PLAN_VERSION: u32 = 3;

/// How many distinct RSA keys the key pool holds, and so how many nodes a plan can have.
pub const KEYS_MAX: u32 = 21_945;

/// How many servers a plan can have, the SMP included: the cost of a tick grows with their cube.
pub const SERVERS_MAX: u32 = 64;

/// How many branches a plan can have.
pub const BRANCHES_MAX: u32 = 1_024;

/// How many days a run can last.
pub const RUN_DAYS_MAX: u64 = 400;

/// How many instants of arrivals a plan can hold: each takes eight bytes.
pub const VISITS_AT_MAX: u64 = 10_000_000;

/// How many faults a plan can hold: enough for an upgrade of every node.
pub const FAULTS_MAX: usize = 30_000;

/// How many attackers a plan can have.
pub const ATTACKERS_MAX: usize = 1_000;

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
    /// The cores that everybody shares, as where one machine makes a load and serves it. None if each server has a CPU of
    /// its own, and each agent a machine of its own, whose time costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_cores: Option<SharedCores>,
    /// Over how many branches of the network the agents are spread.
    pub branches: u32,
    /// The agents; `agent-1` is the first.
    pub agents: Vec<AgentPlan>,
    /// What goes wrong, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// When everything has healed, in milliseconds of virtual time: up to then only safety is judged, from then on
    /// liveness too. None if nothing heals, or nothing is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal_ms: Option<u64>,
    /// The attackers; `attacker-1` is the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attackers: Vec<AttackerPlan>,
    /// The machine around each server; none if a server stands for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachinePlan>,
    /// A portal with login tokens, beside the servers and agents above, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<PortalPlan>,
    /// The proxies between agents and servers; `proxy-1` is the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proxies: Vec<ProxyPlan>,
    /// The bug that is planted in the run. Only a build with the cargo feature `planted-bugs` takes such a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bug: Option<Bug>,
    /// What the run must and must not show.
    pub expectation: Expectation,
}

impl Plan {
    /// The node identity of an actor: readable, distinct, the same in every run.
    pub fn node_of(actor: ActorId) -> NodeId {
        let (kind, number) = actor.kind_and_number();
        // A version 8 UUID (RFC 9562 section 5.8): the vendor's own form.
        NodeId::from_bits(u128::from(kind + 1) << 124 | 0x8000_8000 << 48 | u128::from(number))
    }

    /// The actor that has a node identity, if any.
    pub fn actor_of(node: NodeId) -> Option<ActorId> {
        let number = u32::try_from(node.bits() & 0xffff_ffff_ffff).ok()?;
        let kind = u8::try_from(node.bits() >> 124).ok()?.checked_sub(1)?;
        let actor = ActorId::of_kind_and_number(kind, number)?;
        (Self::node_of(actor) == node).then_some(actor)
    }

    /// The agent of that number, counted from 1.
    pub fn agent(&self, number: u32) -> Option<&AgentPlan> {
        nth(&self.agents, number)
    }

    /// A server.
    pub fn server(&self, server: ActorId) -> Option<&ServerPlan> {
        match server {
            ActorId::Smp => Some(&self.smp),
            ActorId::Site(number) => nth(&self.sites, number),
            _ => None,
        }
    }

    /// An actor's wall clock for the whole run, with what faults do to it. Attackers have the right time.
    pub fn clock_of(&self, actor: ActorId) -> ClockModel {
        let own = match actor {
            ActorId::Agent(number) => self.agent(number).map(|agent| &agent.clock),
            actor if actor.is_of_portal() => self.portal.as_ref().and_then(|portal| portal.clock(actor)),
            server => self.server(server).map(|server| &server.clock),
        };
        let mut clock = own.cloned().unwrap_or_default();
        for fault in &self.faults {
            if let FaultKind::ClockStep { who, by_ms } = fault.kind
                && who.contains(actor, self)
            {
                clock.steps.push(ClockStep { at_ms: fault.at_ms, by_ms });
                clock.steps.extend(fault.until_ms.map(|at_ms| ClockStep { at_ms, by_ms: -by_ms }));
            }
        }
        clock
    }

    /// The node identity that an actor shows: that of the original if it is a clone (hole 15).
    pub fn identity_of(&self, actor: ActorId) -> NodeId {
        let original = match actor {
            ActorId::Agent(number) => self.agent(number).and_then(|agent| agent.clone_of).map(ActorId::Agent),
            _ => None,
        };
        Self::node_of(original.unwrap_or(actor))
    }

    /// The key that an agent has at an instant: an index into the key pool.
    pub fn agent_key_at(&self, number: u32, at: VirtualTime) -> Option<u32> {
        let changes = self.faults.iter().filter(|fault| fault.at() <= at).filter_map(|fault| match fault.kind {
            FaultKind::ChangeAgentKey { agent, key } if agent == ActorId::Agent(number) => Some((fault.at_ms, key)),
            _ => None,
        });
        let latest = changes.max_by_key(|(at_ms, _)| *at_ms).map(|(_, key)| key);
        latest.or(self.agent(number).map(|agent| agent.key))
    }

    /// The parameters that policy spreads at an instant: later changes come on top of earlier ones.
    pub fn parameters_at(&self, at: VirtualTime) -> Parameters {
        let mut changes: Vec<_> = self.faults.iter().filter(|fault| fault.lasts_at(at)).collect();
        changes.sort_by_key(|fault| fault.at_ms);
        let mut parameters = self.parameters.clone();
        for fault in changes {
            if let FaultKind::ChangePolicy { token_lifetime_s, validation_period_s, authentication } = fault.kind {
                parameters.authentication = authentication.unwrap_or(parameters.authentication);
                parameters.token_lifetime_s = token_lifetime_s.unwrap_or(parameters.token_lifetime_s);
                parameters.validation_period_s = validation_period_s.or(parameters.validation_period_s);
            }
        }
        parameters
    }

    /// The profile of an actor's software at an instant.
    pub fn profile_of(&self, actor: ActorId, at: VirtualTime) -> Profile {
        let own = match actor {
            ActorId::Agent(number) => self.agent(number).and_then(|agent| agent.profile),
            server => self.server(server).and_then(|server| server.profile),
        };
        let upgrades = self.faults.iter().filter(|fault| fault.at() <= at).filter_map(|fault| match fault.kind {
            FaultKind::Upgrade { actor: upgraded, profile } if upgraded == actor => Some((fault.at_ms, profile)),
            _ => None,
        });
        let latest = upgrades.max_by_key(|(at_ms, _)| *at_ms).map(|(_, profile)| profile);
        latest.or(own).unwrap_or(self.profile)
    }

    /// The name of the host on which a server runs.
    pub fn host_of(server: ActorId) -> String {
        server.to_string()
    }

    /// The server that is reached at an origin, by the name of its host.
    pub fn server_at(origin: &Origin) -> Option<ActorId> {
        let actor: ActorId = origin.host().parse().ok()?;
        let has_door = ActorId::PORTAL.contains(&actor)
            || matches!(actor, ActorId::Smp | ActorId::Site(_) | ActorId::Proxy(_) | ActorId::Agent(_));
        has_door.then_some(actor)
    }

    /// Where a server is reached at first.
    pub fn origin_of(&self, server: ActorId) -> Origin {
        self.origin_at(server, VirtualTime::ZERO)
    }

    /// Where a server is reached at an instant: it may move to another port.
    pub fn origin_at(&self, server: ActorId, at: VirtualTime) -> Origin {
        let usual = match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        let moves = self.faults.iter().filter(|fault| fault.lasts_at(at)).filter_map(|fault| match fault.kind {
            FaultKind::Move { site, port } if site == server => Some((fault.at_ms, port)),
            _ => None,
        });
        let port = moves.max_by_key(|(at_ms, _)| *at_ms).map_or(usual, |(_, port)| port);
        Origin::new(self.scheme, Self::host_of(server), port)
    }
}

/// The element that people call the `number`th, counted from 1.
fn nth<T>(of: &[T], number: u32) -> Option<&T> {
    usize::try_from(number).ok().and_then(|number| of.get(number.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_actor_has_a_node_of_its_own() {
        for actor in [ActorId::Smp, ActorId::Site(1), ActorId::Agent(1), ActorId::Agent(u32::MAX), ActorId::Attacker(1)]
            .into_iter()
            .chain(ActorId::PORTAL)
            .chain([ActorId::Browser(7), ActorId::Proxy(3)])
        {
            assert_eq!(Plan::actor_of(Plan::node_of(actor)), Some(actor));
        }
        assert_eq!(Plan::node_of(ActorId::Agent(17)).to_string(), "30000000-0000-8000-8000-000000000011");
        assert_eq!(Plan::actor_of(NodeId::from_bits(0)), None);
    }
}
