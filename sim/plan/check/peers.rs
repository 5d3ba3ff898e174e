//! Agents from which others download.

use super::inside;
use crate::plan::{PEERS_MAX, Plan, PlanError};

impl Plan {
    pub(super) fn check_peers(&self) -> Result<(), PlanError> {
        let downloading = self.agents.iter().enumerate().filter_map(|(index, agent)| Some((index, agent.peer?)));
        let mut peers: Vec<u32> = Vec::new();
        for (index, peer) in downloading {
            let wrong = |expected: String| {
                Err(inside(&format!("agents[{index}]"), PlanError::new("peer", format!("agent {peer}"), expected)))
            };
            let Some(agent) = self.agent(peer) else {
                return wrong(format!("from 1 to {}: agents count from 1", self.agents.len()));
            };
            if agent.peer.is_some() || agent.clone_of.is_some() {
                return wrong("an agent that downloads from nobody itself, and is no clone".to_owned());
            }
            if !peers.contains(&peer) {
                peers.push(peer);
            }
            if peers.len() > PEERS_MAX {
                return wrong(format!("at most {PEERS_MAX} agents that have packages for others"));
            }
        }
        Ok(())
    }
}
