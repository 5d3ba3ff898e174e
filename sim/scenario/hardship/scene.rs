//! Where drawn faults strike: the plan as far as it is known, and the time that there is.

use rand_core::Rng;

use super::scope::Scope;
use crate::{
    plan::{ATTACKERS_MAX, AttackerPlan, FaultKind, Group, Plan, PortalPlan},
    scenario::{Document, draws::Draws, key_supply::KeySupply},
    types::{ActorId, Profile, Scheme, VirtualTime, Wander, draw_between, pick},
};

/// How far a drawn step may set a clock of a portal: past the lifetimes of links and jobs, and some more.
const PORTAL_STEP_MS_MAX: u64 = 900_000;

/// A plan to which faults are added.
pub(super) struct Scene<'a> {
    pub plan: &'a mut Plan,
    pub draws: &'a Draws,
    pub keys: &'a mut KeySupply,
    /// No drawn fault strikes earlier.
    pub from_ms: u64,
    /// All drawn faults are over by then.
    pub heal_ms: u64,
    /// How far a drawn step may set a clock.
    pub step_ms_max: Option<u64>,
    /// Whether kinds of authentication are drawn.
    pub draws_kinds: bool,
}

impl Scene<'_> {
    /// Draws whether servers are reached over TLS, if the file leaves that open: what is kept alive and what is overheard
    /// differ. A portal is reached over plain HTTP.
    pub fn settle_scheme(&mut self, document: &Document) {
        if document.scheme.is_none() && document.portal.is_none() {
            let mut rng = self.draws.stream("hardship scheme", 0);
            self.plan.scheme = if draw_between(&mut rng, 0, 1) == 1 { Scheme::Https } else { Scheme::Http };
        }
    }

    /// Lets every clock wander a little that does not wander already.
    pub fn let_clocks_wander(&mut self) {
        let draws = self.draws;
        let wander = |kind: u64, number: usize| {
            let mut rng = draws.stream("hardship wander", kind << 32 | number as u64);
            Wander { amplitude_ms: draw_between(&mut rng, 1, 300), period_ms: draw_between(&mut rng, 60_000, 600_000) }
        };
        self.plan.smp.clock.wander.get_or_insert_with(|| wander(0, 0));
        for (number, site) in self.plan.sites.iter_mut().enumerate() {
            site.clock.wander.get_or_insert_with(|| wander(1, number));
        }
        for (number, agent) in self.plan.agents.iter_mut().enumerate() {
            agent.clock.wander.get_or_insert_with(|| wander(2, number));
        }
        let portal = self.plan.portal.iter_mut().flat_map(PortalPlan::clocks_mut);
        for (number, clock) in portal.enumerate() {
            clock.wander.get_or_insert_with(|| wander(3, number));
        }
    }

    pub fn add_attacker(&mut self, attacker: AttackerPlan) {
        if self.plan.attackers.len() < ATTACKERS_MAX {
            self.plan.attackers.push(attacker);
        }
    }

    /// Whether nobody is or becomes literal.
    pub fn is_hardened_throughout(&self) -> bool {
        let own = self.plan.sites.iter().map(|site| site.profile).chain([self.plan.smp.profile]);
        let own = own.chain(self.plan.agents.iter().map(|agent| agent.profile)).flatten();
        let later = self.plan.faults.iter().filter_map(|fault| match fault.kind {
            FaultKind::Upgrade { profile, .. } => Some(profile),
            _ => None,
        });
        own.chain(later).chain([self.plan.profile]).all(|profile| profile == Profile::Hardened)
    }

    /// Whether everybody fetches policy, and once more between healing and the end of the run.
    pub fn policy_arrives(&self) -> bool {
        let left_s = (self.plan.duration_ms - self.heal_ms) / 1_000;
        let agents = self.plan.agents.iter().map(|agent| agent.policy_interval_s);
        agents.chain([self.plan.parameters.policy_interval_s]).all(|interval_s| (1..=left_s).contains(&interval_s))
    }

    /// The numbers of the agents that share their identity with nobody.
    pub fn agents_alone(&self) -> Vec<u32> {
        let originals: Vec<u32> = self.plan.agents.iter().filter_map(|agent| agent.clone_of).collect();
        let numbered = (1..).zip(&self.plan.agents);
        let alone = numbered.filter(|(number, agent)| agent.clone_of.is_none() && !originals.contains(number));
        alone.map(|(number, _)| number).collect()
    }

    /// How far a clock may be stepped so that all clocks of the run, stepped one at a time, stay less than half of the
    /// shortest token lifetime apart. None if they already are too far apart for that. In a portal each clock decides for
    /// itself, and may show what it likes.
    pub fn room_for_steps_ms(&self, scope: Scope) -> Option<u64> {
        if scope == Scope::Portal {
            return Some(PORTAL_STEP_MS_MAX);
        }
        let plan = &*self.plan;
        let changed_s = plan.faults.iter().filter_map(|fault| match fault.kind {
            FaultKind::ChangePolicy { token_lifetime_s, .. } => token_lifetime_s,
            _ => None,
        });
        let lifetime_ms = changed_s.chain([plan.parameters.token_lifetime_s]).min()? * 1_000;
        let end = VirtualTime::from_millis(plan.duration_ms);
        let sites = (1..).map(ActorId::Site).take(plan.sites.len());
        let agents = (1..).map(ActorId::Agent).take(plan.agents.len());
        let (least, most) = std::iter::once(ActorId::Smp)
            .chain(sites)
            .chain(agents)
            .map(|actor| plan.clock_of(actor).error_bounds_nanos(VirtualTime::ZERO, end))
            .fold((0, 0), |(least, most): (i128, i128), (low, high)| (least.min(low), most.max(high)));
        let apart_ms = u64::try_from((most - least) / 1_000_000 + 1).ok()?;
        // Both sides may be stepped, with a second to spare on each.
        let room_ms = (lifetime_ms / 2).checked_sub(apart_ms)? / 2;
        room_ms.checked_sub(1_000).filter(|most| *most >= 1_000)
    }

    /// From half of something to twice as much.
    pub fn multiple(&self, rng: &mut impl Rng, of: u64) -> u64 {
        (of * draw_between(rng, 50, 200) / 100).max(1)
    }

    pub fn agent(&self, rng: &mut impl Rng) -> ActorId {
        ActorId::Agent(number(pick(rng, self.plan.agents.len())))
    }

    pub fn site(&self, rng: &mut impl Rng) -> Option<ActorId> {
        let count = self.plan.sites.len();
        (count > 0).then(|| ActorId::Site(number(pick(rng, count))))
    }

    pub fn server(&self, rng: &mut impl Rng, scope: Scope) -> Option<ActorId> {
        match scope {
            Scope::Portal => None,
            Scope::Sites => self.site(rng),
            Scope::Smp => Some(ActorId::Smp),
            // The issuer as often as each of the sites.
            Scope::Clients | Scope::Anybody => Some(match pick(rng, 1 + self.plan.sites.len()) {
                0 => ActorId::Smp,
                site => ActorId::Site(u32::try_from(site).unwrap_or(1)),
            }),
        }
    }

    pub fn machine(&self, rng: &mut impl Rng, scope: Scope) -> Option<ActorId> {
        match scope {
            Scope::Portal => Some(self.of_portal(rng)),
            Scope::Clients => Some(self.agent(rng)),
            Scope::Sites | Scope::Smp => self.server(rng, scope),
            Scope::Anybody if draw_between(rng, 0, 1) == 0 => Some(self.agent(rng)),
            Scope::Anybody => self.server(rng, scope),
        }
    }

    /// Somebody whose software may become hardened: agents come first, since a hardened server turns literal ones away.
    pub fn upgradable(&self, rng: &mut impl Rng) -> Option<ActorId> {
        let machine = self.machine(rng, Scope::Anybody)?;
        let is_literal = |agent| self.plan.profile_of(ActorId::Agent(agent), VirtualTime::ZERO) != Profile::Hardened;
        let mut visitors = (1..).zip(&self.plan.agents).filter(|(_, agent)| agent.server == machine);
        Some(if visitors.any(|(agent, _)| is_literal(agent)) { self.agent(rng) } else { machine })
    }

    /// Somebody who makes requests.
    pub fn clients(&self, rng: &mut impl Rng, scope: Scope) -> Group {
        if scope == Scope::Portal {
            return Group::Actor(self.of_portal(rng));
        }
        match (scope, draw_between(rng, 0, 3)) {
            (Scope::Anybody | Scope::Sites, 0) if !self.plan.sites.is_empty() => Group::Sites,
            (_, 1) => Group::Actor(self.agent(rng)),
            (_, 2) => self.branch(rng),
            _ => Group::Agents,
        }
    }

    /// Two sides of the network.
    pub fn sides(&self, rng: &mut impl Rng, scope: Scope) -> (Group, Group) {
        if scope == Scope::Portal {
            return self.sides_of_portal(rng);
        }
        let some = |rng: &mut _| if pick(rng, 2) == 0 { Group::Actor(self.agent(rng)) } else { self.branch(rng) };
        let (from, to) = match (scope, draw_between(rng, 0, 3)) {
            (Scope::Anybody | Scope::Sites, 0) if !self.plan.sites.is_empty() => {
                (Group::Sites, Group::Actor(ActorId::Smp))
            }
            (Scope::Anybody, 1) => {
                (Group::Agents, self.server(rng, Scope::Anybody).map_or(Group::Servers, Group::Actor))
            }
            _ => (some(rng), Group::Servers),
        };
        // Of what has one direction, either.
        if pick(rng, 2) == 0 { (from, to) } else { (to, from) }
    }

    fn branch(&self, rng: &mut impl Rng) -> Group {
        Group::Branch(number(pick(rng, self.plan.branches as usize)))
    }
}

/// People count from 1.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(0).saturating_add(1)
}
