//! Which profile each actor has, over time.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    plan::{FaultKind, Plan},
    types::{ActorId, Profile, VirtualTime},
};

/// The profiles of a plan. Most plans have one for everybody and for ever, which costs nothing to look up.
#[derive(Clone, Debug)]
pub struct Profiles {
    plan: Profile,
    /// Those who ever have another, or another than before: from when on which.
    others: BTreeMap<ActorId, Vec<(VirtualTime, Profile)>>,
}

impl Profiles {
    pub(super) fn of(plan: &Plan) -> Self {
        let servers = std::iter::once((ActorId::Smp, &plan.smp)).chain((1..).map(ActorId::Site).zip(&plan.sites));
        let servers = servers.filter(|(_, server)| server.profile.is_some()).map(|(actor, _)| actor);
        let agents = (1..).map(ActorId::Agent).zip(&plan.agents).filter(|(_, agent)| agent.profile.is_some());
        let upgraded = |actor| {
            plan.faults.iter().filter_map(move |fault| match fault.kind {
                FaultKind::Upgrade { actor: upgraded, .. } if upgraded == actor => Some(fault.at()),
                _ => None,
            })
        };
        let all_upgraded = plan.faults.iter().filter_map(|fault| match fault.kind {
            FaultKind::Upgrade { actor, .. } => Some(actor),
            _ => None,
        });
        let actors: BTreeSet<_> = servers.chain(agents.map(|(actor, _)| actor)).chain(all_upgraded).collect();
        let course = |actor| {
            let instants: BTreeSet<_> = std::iter::once(VirtualTime::ZERO).chain(upgraded(actor)).collect();
            instants.into_iter().map(|at| (at, plan.profile_of(actor, at))).collect()
        };
        Self { plan: plan.profile, others: actors.into_iter().map(|actor| (actor, course(actor))).collect() }
    }

    /// The profile that everybody has all the time, if there is such a one.
    pub fn uniform(&self) -> Option<Profile> {
        self.others.is_empty().then_some(self.plan)
    }

    /// The profile of an actor's software at an instant.
    pub fn at(&self, actor: ActorId, at: VirtualTime) -> Profile {
        let course = self.others.get(&actor).map(Vec::as_slice).unwrap_or_default();
        course.iter().rev().find(|(from, _)| *from <= at).map_or(self.plan, |(_, profile)| *profile)
    }

    /// Whether anybody ever has a profile for which `decision` holds.
    pub fn any(&self, decision: impl Fn(Profile) -> bool) -> bool {
        decision(self.plan) || self.others.values().flatten().any(|(_, profile)| decision(*profile))
    }
}
