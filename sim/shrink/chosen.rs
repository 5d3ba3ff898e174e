//! A plan with some of its actors only.

use std::collections::BTreeMap;

use crate::{
    plan::{Fault, FaultKind, Group, Plan},
    types::ActorId,
};

/// Who keeps which number: those who are left count from 1 without a gap.
struct Numbers(BTreeMap<ActorId, ActorId>);

impl Numbers {
    fn actor(&self, actor: ActorId) -> Option<ActorId> {
        match actor {
            ActorId::Agent(_) | ActorId::Site(_) | ActorId::Browser(_) => self.0.get(&actor).copied(),
            other => Some(other),
        }
    }

    fn group(&self, group: Group) -> Option<Group> {
        match group {
            Group::Actor(actor) => self.actor(actor).map(Group::Actor),
            other => Some(other),
        }
    }

    /// The fault with the new numbers; none if it strikes nobody who is left.
    fn fault(&self, fault: &Fault) -> Option<Fault> {
        let mut fault = fault.clone();
        let is_left = |actor: &mut ActorId| self.actor(*actor).map(|found| *actor = found);
        let are_left = |group: &mut Group| self.group(*group).map(|found| *group = found);
        match &mut fault.kind {
            FaultKind::Partition { from, to, .. }
            | FaultKind::Delay { from, to, .. }
            | FaultKind::Loss { from, to, .. }
            | FaultKind::SlowLink { from, to, .. } => are_left(from).and(are_left(to)),
            FaultKind::Duplicate { clients, .. } | FaultKind::Reorder { clients, .. } => are_left(clients),
            FaultKind::Crash { who } | FaultKind::PowerLoss { who } | FaultKind::ClockStep { who, .. } => are_left(who),
            FaultKind::BlackHole { server }
            | FaultKind::Overload { server, .. }
            | FaultKind::Machine { server, .. }
            | FaultKind::ChangeAuthentication { server, .. } => is_left(server),
            FaultKind::Rollback { agent } | FaultKind::Revoke { agent } | FaultKind::ChangeAgentKey { agent, .. } => {
                is_left(agent)
            }
            FaultKind::Move { site, .. } | FaultKind::RemoveSite { site } => is_left(site),
            FaultKind::Upgrade { actor, .. } => is_left(actor),
            FaultKind::RotateServerKey { .. }
            | FaultKind::ChangePolicy { .. }
            | FaultKind::PortalUpdate {}
            | FaultKind::ChangeAccPassword {}
            | FaultKind::BearerToken { .. } => Some(()),
        }?;
        Some(fault)
    }

    fn apply(&self, mut plan: Plan) -> Plan {
        plan.faults = plan.faults.iter().filter_map(|fault| self.fault(fault)).collect();
        plan.attackers.retain_mut(|attacker| match (self.actor(attacker.server), self.actor(attacker.victim)) {
            (Some(server), Some(victim)) => {
                (attacker.server, attacker.victim) = (server, victim);
                true
            }
            _ => false,
        });
        let sites = plan.sites.iter_mut();
        for server in sites.chain([&mut plan.smp]) {
            server.redirect_to = server.redirect_to.and_then(|to| self.actor(to));
        }
        for agent in &mut plan.agents {
            agent.server = self.actor(agent.server).unwrap_or(ActorId::Smp);
            let number_of = |agent: u32| match self.actor(ActorId::Agent(agent)) {
                Some(ActorId::Agent(number)) => Some(number),
                _ => None,
            };
            agent.clone_of = agent.clone_of.and_then(number_of);
            agent.peer = agent.peer.and_then(number_of);
        }
        plan
    }
}

/// All of a kind, each with its own number.
fn all(of: fn(u32) -> ActorId, count: usize) -> impl Iterator<Item = (ActorId, ActorId)> {
    (1..).map(of).take(count).map(|actor| (actor, actor))
}

/// Some of a kind, with the numbers that they get.
fn some(of: fn(u32) -> ActorId, kept: &[u32]) -> impl Iterator<Item = (ActorId, ActorId)> {
    kept.iter().zip(1..).map(move |(old, new)| (of(*old), of(new)))
}

fn browsers(plan: &Plan) -> usize {
    plan.portal.as_ref().map_or(0, |portal| portal.browsers.len())
}

/// The plan with these of its agents only, by their numbers, in ascending order. Faults and attackers go with those whom
/// they concern.
pub fn with_agents(plan: &Plan, kept: &[u32]) -> Plan {
    let others = all(ActorId::Site, plan.sites.len()).chain(all(ActorId::Browser, browsers(plan)));
    let numbers = Numbers(some(ActorId::Agent, kept).chain(others).collect());
    let agents = kept.iter().filter_map(|number| plan.agent(*number).cloned()).collect();
    numbers.apply(Plan { agents, ..plan.clone() })
}

/// The plan with these of its sites only, by their numbers, in ascending order. Whoever visits another goes to the first
/// of them, or to the SMP if there is none.
pub fn with_sites(plan: &Plan, kept: &[u32]) -> Plan {
    let others = all(ActorId::Agent, plan.agents.len()).chain(all(ActorId::Browser, browsers(plan)));
    let numbers = Numbers(some(ActorId::Site, kept).chain(others).collect());
    let elsewhere = kept.first().map_or(ActorId::Smp, |first| ActorId::Site(*first));
    let sites = (1..).zip(&plan.sites).filter(|(number, _)| kept.contains(number)).map(|(_, site)| site.clone());
    let mut plan = Plan { sites: sites.collect(), ..plan.clone() };
    for agent in &mut plan.agents {
        if numbers.actor(agent.server).is_none() {
            agent.server = elsewhere;
        }
    }
    numbers.apply(plan)
}

/// The plan with these of its browsers only, by their numbers, in ascending order.
pub fn with_browsers(plan: &Plan, kept: &[u32]) -> Plan {
    let others = all(ActorId::Site, plan.sites.len()).chain(all(ActorId::Agent, plan.agents.len()));
    let numbers = Numbers(some(ActorId::Browser, kept).chain(others).collect());
    let mut plan = plan.clone();
    if let Some(portal) = &mut plan.portal {
        portal.browsers = kept.iter().filter_map(|number| portal.browser(*number).cloned()).collect();
    }
    numbers.apply(plan)
}
