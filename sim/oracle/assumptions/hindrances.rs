//! When a site server may be unable to learn from the SMP.

use std::time::Duration;

use crate::{
    plan::{FaultKind, Group, Plan, Power},
    types::{ActorId, VirtualTime},
};

/// The times at which a server may not get through, or may not be got through to. On the safe side: whatever touches
/// the server's machine or any of its ways counts, even if it leaves the way to the SMP alone. Who did not get through
/// tries again after its back-off, which may be at its longest when the way is free again.
#[derive(Clone, Debug)]
pub struct Hindrances(Vec<(ActorId, VirtualTime, VirtualTime)>);

impl Hindrances {
    pub(super) fn of(plan: &Plan) -> Self {
        let servers: Vec<_> =
            std::iter::once(ActorId::Smp).chain((1..).map(ActorId::Site).take(plan.sites.len())).collect();
        let back_off = Duration::from_millis(plan.parameters.retry_max_ms);
        let mut all = Vec::new();
        for fault in &plan.faults {
            let struck = |server: ActorId| groups(&fault.kind).iter().any(|group| group.contains(server, plan));
            let hindered = servers.iter().filter(|server| struck(**server));
            all.extend(hindered.map(|server| (*server, fault.at(), fault.until().after(back_off))));
        }
        for attacker in &plan.attackers {
            let (from, to) = (VirtualTime::from_millis(attacker.start_ms), VirtualTime::from_millis(attacker.until_ms));
            if matches!(attacker.attack.power(), Power::Outsider | Power::OnPath) {
                all.extend([attacker.server, attacker.victim].map(|server| (server, from, to.after(back_off))));
            }
        }
        Self(all)
    }

    /// Whether nothing keeps a site from the SMP from `from` to `to`.
    pub fn leave_alone(&self, site: ActorId, from: VirtualTime, to: VirtualTime) -> bool {
        let between = |server: ActorId| server == site || server == ActorId::Smp;
        !self.0.iter().any(|(server, start, end)| between(*server) && *start <= to && from <= *end)
    }
}

/// Whom a fault keeps from the network, or from being answered.
fn groups(kind: &FaultKind) -> Vec<Group> {
    match kind {
        FaultKind::Partition { from, to, .. }
        | FaultKind::Delay { from, to, .. }
        | FaultKind::Loss { from, to, .. }
        | FaultKind::SlowLink { from, to, .. } => vec![*from, *to],
        FaultKind::BlackHole { server } | FaultKind::Overload { server, .. } | FaultKind::Machine { server, .. } => {
            vec![Group::Actor(*server)]
        }
        FaultKind::Duplicate { clients, .. } | FaultKind::Reorder { clients, .. } => vec![*clients],
        FaultKind::Crash { who } | FaultKind::PowerLoss { who } => vec![*who],
        FaultKind::RemoveSite { site } => vec![Group::Actor(*site)],
        FaultKind::Upgrade { actor, .. } => vec![Group::Actor(*actor)],
        FaultKind::ClockStep { .. }
        | FaultKind::Rollback { .. }
        | FaultKind::RotateServerKey { .. }
        | FaultKind::ChangeAgentKey { .. }
        | FaultKind::ChangePolicy { .. }
        | FaultKind::Move { .. }
        | FaultKind::Revoke { .. }
        | FaultKind::PortalUpdate {}
        | FaultKind::ChangeAccPassword {}
        | FaultKind::ChangeAuthentication { .. }
        | FaultKind::BearerToken { .. } => Vec::new(),
    }
}
