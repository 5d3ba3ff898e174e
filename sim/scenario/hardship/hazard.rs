//! The kinds of faults that are drawn, and how each is drawn.

use rand_core::Rng;

use super::{kinds, machine::draw_machine_fault, scene::Scene, scope::Scope};
use crate::{
    plan::{FaultKind, Group, MachineFaultKind},
    types::{ActorId, Profile, draw_between, pick},
};

/// A kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hazard {
    Partition,
    Delay,
    Loss,
    SlowLink,
    BlackHole,
    Duplicate,
    Reorder,
    Crash,
    PowerLoss,
    Overload,
    Rollback,
    RotateServerKey,
    ChangeAgentKey,
    ChangePolicy,
    Move,
    Revoke,
    RemoveSite,
    Upgrade,
    ClockStep,
    /// Something on the machine around a server.
    Machine(MachineFaultKind),
    /// Policy offers other kinds of authentication.
    PolicyKinds,
    /// One server offers other kinds than policy says for all.
    ServerKinds,
    AccPassword,
    BearerToken,
    PortalUpdate,
}

impl Hazard {
    /// All of them. Clock steps come last: how far they may go depends on the policy changes before.
    pub const ALL: [Self; 32] = [
        Self::Partition,
        Self::Delay,
        Self::Loss,
        Self::SlowLink,
        Self::BlackHole,
        Self::Duplicate,
        Self::Reorder,
        Self::Crash,
        Self::PowerLoss,
        Self::Overload,
        Self::Rollback,
        Self::RotateServerKey,
        Self::ChangeAgentKey,
        Self::ChangePolicy,
        Self::Move,
        Self::Revoke,
        Self::RemoveSite,
        Self::Upgrade,
        Self::Machine(MachineFaultKind::SlowManagementAgent),
        Self::Machine(MachineFaultKind::HungManagementAgent),
        Self::Machine(MachineFaultKind::StoppedManagementAgent),
        Self::Machine(MachineFaultKind::SwappedModule),
        Self::Machine(MachineFaultKind::UnregisteredModule),
        Self::Machine(MachineFaultKind::DeletedGroup),
        Self::Machine(MachineFaultKind::MisreadPasswordPolicy),
        Self::Machine(MachineFaultKind::RefusedPasswords),
        Self::PolicyKinds,
        Self::ServerKinds,
        Self::AccPassword,
        Self::BearerToken,
        Self::PortalUpdate,
        Self::ClockStep,
    ];

    /// Whether there is somebody whom it can strike, and an honest fleet recovers from it.
    pub fn is_possible(self, scene: &Scene<'_>, scope: Scope) -> bool {
        let plan = &*scene.plan;
        if scope == Scope::Portal {
            return plan.portal.is_some() && self.strikes_portals();
        }
        if plan.agents.is_empty() {
            return false;
        }
        match self {
            Self::Machine(_) => plan.machine.is_some(),
            Self::PolicyKinds | Self::ServerKinds | Self::AccPassword | Self::BearerToken => {
                scene.draws_kinds && scene.policy_arrives()
            }
            Self::PortalUpdate => false,
            Self::Rollback => scene.is_hardened_throughout(),
            Self::ChangeAgentKey => scene.is_hardened_throughout() && !scene.agents_alone().is_empty(),
            Self::RotateServerKey | Self::Revoke => scene.policy_arrives(),
            Self::Move | Self::RemoveSite => !plan.sites.is_empty() && scene.policy_arrives(),
            Self::ClockStep => scene.room_for_steps_ms(scope).is_some(),
            _ => true,
        }
    }

    /// Whether it can strike the servers and browsers of a portal.
    const fn strikes_portals(self) -> bool {
        matches!(
            self,
            Self::Partition
                | Self::Delay
                | Self::Loss
                | Self::SlowLink
                | Self::Duplicate
                | Self::Reorder
                | Self::Crash
                | Self::PowerLoss
                | Self::PortalUpdate
                | Self::ClockStep
        )
    }

    /// Draws one. `strength` is how strong it may be, in per cent of the strongest.
    ///
    /// None if there is nobody whom it could strike, or no key left.
    pub fn draw(self, rng: &mut impl Rng, scene: &mut Scene<'_>, scope: Scope, strength: u64) -> Option<FaultKind> {
        // A magnitude between the least and as much of the rest as the strength allows.
        let strong = |rng: &mut _, least: u64, most: u64| {
            draw_between(rng, least, least + (most - least) * strength.min(100) / 100)
        };
        let strong_ppm = |rng: &mut _, most| u32::try_from(strong(rng, 10_000, most)).unwrap_or(10_000);
        Some(match self {
            Self::Partition => {
                let (from, to) = scene.sides(rng, scope);
                FaultKind::Partition { from, to, one_way: draw_between(rng, 0, 2) == 0 }
            }
            Self::Delay => {
                let (from, to) = scene.sides(rng, scope);
                let added_ms_max = strong(rng, 5, 2_000);
                FaultKind::Delay { from, to, added_ms_min: draw_between(rng, 0, added_ms_max), added_ms_max }
            }
            Self::Loss => {
                let (from, to) = scene.sides(rng, scope);
                FaultKind::Loss { from, to, lost_ppm: strong_ppm(rng, 400_000) }
            }
            Self::SlowLink => {
                let (from, to) = scene.sides(rng, scope);
                // The stronger, the narrower.
                FaultKind::SlowLink { from, to, bytes_per_s: 100_000 - strong(rng, 0, 98_000) }
            }
            Self::BlackHole => FaultKind::BlackHole { server: scene.server(rng, scope)? },
            Self::Duplicate => {
                FaultKind::Duplicate { clients: scene.clients(rng, scope), share_ppm: strong_ppm(rng, 500_000) }
            }
            Self::Reorder => FaultKind::Reorder {
                clients: scene.clients(rng, scope),
                share_ppm: strong_ppm(rng, 500_000),
                held_ms_max: strong(rng, 100, 5_000),
            },
            Self::Crash => FaultKind::Crash { who: Group::Actor(scene.machine(rng, scope)?) },
            Self::PowerLoss => FaultKind::PowerLoss { who: Group::Actor(scene.machine(rng, scope)?) },
            Self::Overload => {
                let slowdown = u32::try_from(strong(rng, 2, 100)).unwrap_or(2);
                FaultKind::Overload { server: scene.server(rng, scope)?, slowdown }
            }
            Self::Rollback => FaultKind::Rollback { agent: scene.agent(rng) },
            Self::RotateServerKey => FaultKind::RotateServerKey { key: scene.keys.next_of_pool()? },
            Self::ChangeAgentKey => {
                let alone = scene.agents_alone();
                let agent = ActorId::Agent(*alone.get(pick(rng, alone.len()))?);
                FaultKind::ChangeAgentKey { agent, key: scene.keys.next_of_pool()? }
            }
            Self::ChangePolicy => FaultKind::ChangePolicy {
                // Shorter, if anything: what is bounded by it still shows within the run.
                token_lifetime_s: Some({
                    let lifetime_s = scene.plan.parameters.token_lifetime_s;
                    scene.multiple(rng, lifetime_s).min(lifetime_s).max(60)
                }),
                validation_period_s: match scene.plan.parameters.validation_period_s {
                    Some(period_s) => Some(scene.multiple(rng, period_s)),
                    None => (draw_between(rng, 0, 1) == 0).then(|| draw_between(rng, 1, 15) * 60),
                },
                authentication: None,
            },
            Self::Move => FaultKind::Move {
                site: scene.site(rng)?,
                // Between the ports of the two schemes, below those that connections have.
                port: u16::try_from(draw_between(rng, 81, 442)).unwrap_or(81),
            },
            Self::Revoke => FaultKind::Revoke { agent: scene.agent(rng) },
            Self::RemoveSite => FaultKind::RemoveSite { site: scene.site(rng)? },
            Self::Upgrade => FaultKind::Upgrade { actor: scene.upgradable(rng)?, profile: Profile::Hardened },
            Self::ClockStep => {
                let most = scene.step_ms_max?;
                let by_ms = i64::try_from(strong(rng, 1, most)).ok()?;
                let who = Group::Actor(scene.machine(rng, scope)?);
                FaultKind::ClockStep { who, by_ms: if draw_between(rng, 0, 1) == 0 { by_ms } else { -by_ms } }
            }
            Self::Machine(what) => {
                let server = scene.server(rng, scope)?;
                FaultKind::Machine { server, what: draw_machine_fault(what, rng, strength) }
            }
            Self::PolicyKinds => FaultKind::ChangePolicy {
                token_lifetime_s: None,
                validation_period_s: None,
                authentication: Some(kinds::some_kinds(rng)),
            },
            Self::ServerKinds => FaultKind::ChangeAuthentication {
                server: scene.server(rng, scope)?,
                authentication: kinds::some_kinds(rng),
            },
            Self::AccPassword => FaultKind::ChangeAccPassword {},
            Self::BearerToken => kinds::bearer_token(rng),
            Self::PortalUpdate => FaultKind::PortalUpdate {},
        })
    }

    /// Its name, as that of the stream that it is drawn from.
    pub fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Delay => "delay",
            Self::Loss => "loss",
            Self::SlowLink => "slow_link",
            Self::BlackHole => "black_hole",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Crash => "crash",
            Self::PowerLoss => "power_loss",
            Self::Overload => "overload",
            Self::Rollback => "rollback",
            Self::RotateServerKey => "rotate_server_key",
            Self::ChangeAgentKey => "change_agent_key",
            Self::ChangePolicy => "change_policy",
            Self::Move => "move",
            Self::Revoke => "revoke",
            Self::RemoveSite => "remove_site",
            Self::Upgrade => "upgrade",
            Self::ClockStep => "clock_step",
            Self::Machine(what) => what.name(),
            Self::PolicyKinds => "policy_kinds",
            Self::ServerKinds => "server_kinds",
            Self::AccPassword => "change_acc_password",
            Self::BearerToken => "bearer_token",
            Self::PortalUpdate => "portal_update",
        }
    }
}
