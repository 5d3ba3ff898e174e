//! When the management agent of a server does its periodic work.

use crate::{
    plan::{MachineFault, Plan},
    types::{ActorId, VirtualTime},
};

/// The times at which a management agent hangs or is gone: it purges nothing, validates nothing, fetches nothing.
#[derive(Clone, Debug, Default)]
pub struct ManagementAgents(Vec<(ActorId, VirtualTime, VirtualTime)>);

impl ManagementAgents {
    pub(super) fn of(plan: &Plan) -> Self {
        let servers = std::iter::once(ActorId::Smp).chain((1..).map(ActorId::Site).take(plan.sites.len()));
        let is_pause = |what: &MachineFault| {
            matches!(what, MachineFault::HungManagementAgent | MachineFault::StoppedManagementAgent)
        };
        let pauses = servers.flat_map(|server| {
            let pauses = plan.machine_faults(server).filter(move |(what, ..)| is_pause(what));
            pauses.map(move |(_, from, until)| (server, from, until))
        });
        Self(pauses.collect())
    }

    /// Whether that of a server works for all of a span, its ends included.
    pub fn work(&self, server: ActorId, from: VirtualTime, to: VirtualTime) -> bool {
        !self.0.iter().any(|(of, start, end)| *of == server && *start <= to && from <= *end)
    }
}
