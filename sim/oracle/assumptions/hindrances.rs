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
pub struct Hindrances(Vec<Hindrance>);

/// Something that touches a server.
#[derive(Clone, Copy, Debug)]
struct Hindrance {
    server: ActorId,
    from: VirtualTime,
    until: VirtualTime,
    /// Whether it is on the machine around the server, which leaves the way to the SMP alone.
    is_on_machine: bool,
}

impl Hindrances {
    pub(super) fn of(plan: &Plan) -> Self {
        let servers: Vec<_> =
            std::iter::once(ActorId::Smp).chain((1..).map(ActorId::Site).take(plan.sites.len())).collect();
        let back_off = Duration::from_millis(plan.parameters.retry_max_ms);
        let mut all = Vec::new();
        for fault in &plan.faults {
            let struck = |server: ActorId| groups(&fault.kind).iter().any(|group| group.contains(server, plan));
            let hindered = servers.iter().filter(|server| struck(**server));
            let is_on_machine = matches!(fault.kind, FaultKind::Machine { .. });
            let (from, until) = (fault.at(), fault.until().after(back_off));
            all.extend(hindered.map(|server| Hindrance { server: *server, from, until, is_on_machine }));
        }
        for attacker in &plan.attackers {
            let (from, to) = (VirtualTime::from_millis(attacker.start_ms), VirtualTime::from_millis(attacker.until_ms));
            if matches!(attacker.attack.power(), Power::Outsider | Power::OnPath) {
                let until = to.after(back_off);
                let touched = [attacker.server, attacker.victim].into_iter();
                all.extend(touched.map(|server| Hindrance { server, from, until, is_on_machine: false }));
            }
        }
        Self(all)
    }

    /// Whether nothing keeps a site from the SMP from `from` to `to`.
    pub fn leave_alone(&self, site: ActorId, from: VirtualTime, to: VirtualTime) -> bool {
        !self.touching(site, from, to).any(|_| true)
    }

    /// Whether nothing does, what happens on the site's own machine apart.
    pub fn leave_way_alone(&self, site: ActorId, from: VirtualTime, to: VirtualTime) -> bool {
        self.touching(site, from, to).all(|it| it.is_on_machine && it.server == site)
    }

    fn touching(&self, site: ActorId, from: VirtualTime, to: VirtualTime) -> impl Iterator<Item = &Hindrance> {
        let between = move |server: ActorId| server == site || server == ActorId::Smp;
        self.0.iter().filter(move |it| between(it.server) && it.from <= to && from <= it.until)
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
