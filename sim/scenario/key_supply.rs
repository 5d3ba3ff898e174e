//! Keys for whatever is no agent or server from the start.

use crate::plan::{KEYS_MAX, Plan};

/// The keys of the key pool behind those of servers and agents, each given once. Whether the pool reaches that far is
/// the plan's check to say.
pub(super) struct KeySupply {
    next: u32,
}

impl KeySupply {
    /// The keys that a plan has left.
    pub fn behind(plan: &Plan) -> Self {
        let sites = plan.sites.iter().map(|site| site.key);
        let last = sites.chain(plan.agents.iter().map(|agent| agent.key)).max().unwrap_or(plan.smp.key);
        Self { next: last.saturating_add(1) }
    }

    /// One that nobody has.
    pub fn next(&mut self) -> u32 {
        let key = self.next;
        self.next = key.saturating_add(1);
        key
    }

    /// One that nobody has, if the pool has one left.
    pub fn next_of_pool(&mut self) -> Option<u32> {
        (self.next < KEYS_MAX).then(|| self.next())
    }
}
