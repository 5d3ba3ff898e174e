//! Agents from which others download (rule 50).

use super::{Plan, nth};
use crate::types::{ActorId, Origin, Scheme};

/// How many agents of a plan can have packages for others: each has a host of its own.
pub const PEERS_MAX: usize = 16;

/// Where agents listen that have packages for others.
const PORT: u16 = 4_011;

impl Plan {
    /// Whether others download from an agent.
    pub fn is_peer(&self, agent: u32) -> bool {
        self.agents.iter().any(|other| other.peer == Some(agent))
    }

    /// Where an agent is reached that has packages for others: over plain HTTP, whatever servers speak.
    pub fn origin_of_peer(agent: ActorId) -> Origin {
        Origin::new(Scheme::Http, Self::host_of(agent), PORT)
    }

    /// From whom an agent downloads, if it does.
    pub fn peer_of(&self, agent: ActorId) -> Option<ActorId> {
        let ActorId::Agent(number) = agent else { return None };
        nth(&self.agents, number)?.peer.map(ActorId::Agent)
    }
}
