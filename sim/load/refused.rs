//! What a plan may have in the simulation only, and what it must have for a load.

use super::LoadError;
use crate::{
    plan::Plan,
    types::{CryptoTier, Shard},
};

/// Refuses what cannot be done to real sockets and clocks, rather than leave it out in silence; and a part of the agents
/// that is none.
pub(super) fn check(plan: &Plan, shard: Shard) -> Result<(), LoadError> {
    let reasons = [
        // First what no change of the scenario helps against.
        (plan.portal.is_some(), "a portal"),
        (plan.machine.is_some(), "a machine around each server"),
        (!plan.faults.is_empty(), "faults"),
        (!plan.attackers.is_empty(), "attackers"),
        (!plan.proxies.is_empty(), "proxies"),
        (plan.agents.iter().any(|agent| agent.peer.is_some()), "downloads from peers"),
        (plan.bug.is_some(), "a planted bug"),
        (plan.crypto == CryptoTier::Modelled, "modelled signatures"),
    ];
    match reasons.into_iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => Err(LoadError::OnlySimulated(what)),
        None if shard != Shard::WHOLE && !(0..plan.agents.len()).any(|index| shard.has(index as u64)) => {
            Err(LoadError::NoAgents { shard, agents: plan.agents.len() })
        }
        None => Ok(()),
    }
}
