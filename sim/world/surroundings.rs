//! What lies between all actors.

use std::sync::Arc;

use super::{breakdown::Breakdown, connections::Connections, network::Network};
use crate::{attack::Wiretaps, types::SeedStream};

/// What lies between all actors: their connections, what goes wrong on them, and who listens in.
pub struct Surroundings {
    /// The names of connections, and who is at their ends.
    pub connections: Connections,
    /// What goes wrong.
    pub network: Network,
    /// Who sits on the connections of others, if anybody.
    pub wiretaps: Option<Wiretaps>,
    /// Where the draws of what goes wrong come from.
    pub seed: SeedStream,
    /// Whether everything still works as it should.
    pub breakdown: Arc<Breakdown>,
}

impl Surroundings {
    /// Whether bytes always go from end to end, in their usual time and unseen.
    pub fn are_calm(&self) -> bool {
        self.network.is_untroubled() && self.wiretaps.is_none()
    }
}
