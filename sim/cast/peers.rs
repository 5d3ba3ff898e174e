//! Who has packages for whom, and the key that the fleet has for that.

use std::sync::Arc;

use rand_core::Rng;

use super::Cast;
use crate::{
    actor::{PeerSource, Peers},
    plan::{AgentPlan, Plan},
    protocol::KmsKey,
    types::ActorId,
};

impl Cast {
    /// What an agent has to do with peers. None if that is nothing.
    pub(super) fn peers(&self, number: u32, agent: &AgentPlan) -> Option<Arc<Peers>> {
        let source = agent.peer.map(ActorId::Agent).map(|actor| PeerSource {
            actor,
            node: self.plan.identity_of(actor),
            origin: Plan::origin_of_peer(actor),
        });
        let door = self.plan.is_peer(number).then(|| Plan::origin_of_peer(ActorId::Agent(number)));
        let takes_part = source.is_some() || door.is_some();
        takes_part.then(|| Arc::new(Peers { key: self.kms_key(), door, source }))
    }

    /// The key that all agents have from the fleet's key management.
    fn kms_key(&self) -> KmsKey {
        let mut bytes = [0; 32];
        self.seed.rng("kms key", 0).fill_bytes(&mut bytes);
        KmsKey::new(bytes)
    }
}
