//! From when on, and for whom, the network is fair: what liveness presupposes.
//!
//! Reading:
//! - Without faults the network is fair all the time. With faults it is fair from R after everything has healed, that
//!   is after `heal_ms`, if the plan has one, and after the end of the last fault (the instant of one that has no end:
//!   what breaks must heal, and what an administrator does may be for good).
//! - R, the recovery time, is the longest policy interval (of servers and agents: by then everybody knows the keys),
//!   the idle time after which servers close what nobody uses (by then nobody believes in a dead connection), one
//!   time-out each for connecting, for an exchange and for the way upstream, and the granularity of time. Where clocks
//!   are set back and a purge's high-water mark is kept (hole 19), R is longer by what they are set back.
//! - An exchange is judged if it starts when the network is fair.
//! - Attackers on the path of an agent make the network unfair for that agent while they are active, and for what it
//!   began within the time-outs of connecting and of an exchange. Attackers on the path of a site make it so for the
//!   agents of that site. All others only open connections of their own: to withstand them, floods included, is what
//!   is asked for.
//! - When the network has become fair, an agent may know things that are no longer so: a token for a start, a key or a
//!   path of the past. It has *settled* with a server when it has got through with a token once since then.

use std::time::Duration;

use crate::{
    plan::{FaultKind, Plan, Power},
    types::{ActorId, VirtualTime},
};

/// When the network is fair.
#[derive(Clone, Debug)]
pub struct Fairness {
    healed: Option<VirtualTime>,
    from: Option<VirtualTime>,
    unfair: Vec<Unfair>,
    why_never: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Unfair {
    to: ActorId,
    from: VirtualTime,
    until: VirtualTime,
}

impl Fairness {
    /// What a plan says of it.
    pub fn of(plan: &Plan) -> Self {
        let end = VirtualTime::from_millis(plan.duration_ms);
        let last_fault = plan.faults.iter().map(|fault| fault.until_ms.unwrap_or(fault.at_ms)).max();
        let healed = last_fault.max(plan.heal_ms).filter(|_| last_fault.is_some()).map(VirtualTime::from_millis);
        let (from, why_never) = match healed {
            None => (Some(VirtualTime::ZERO), None),
            Some(healed) => {
                let from = healed.after(recovery(plan, healed));
                let late =
                    (from >= end).then(|| format!("the run ends at {end}, before the network is fair at {from}"));
                (Some(from), late)
            }
        };
        Self { healed, from, unfair: unfair(plan), why_never }
    }

    /// When everything has healed; none if nothing was wrong, or nothing heals.
    pub fn healed(&self) -> Option<VirtualTime> {
        self.healed
    }

    /// From when on the network is fair for all but the victims of attackers; the end of time if it never is.
    pub fn from(&self) -> VirtualTime {
        self.from.unwrap_or(VirtualTime(u64::MAX))
    }

    /// Why the liveness of exchanges cannot be judged at all, if so.
    pub fn why_never(&self) -> Option<&str> {
        self.why_never.as_deref()
    }

    /// Whether the network is fair for an agent from `started` to `ended`.
    pub fn includes(&self, agent: ActorId, started: VirtualTime, ended: VirtualTime) -> bool {
        self.from() <= started && !self.unfair_to(agent).any(|it| it.from <= ended && started <= it.until)
    }

    /// Since when the network has been fair for an agent, as of `now`, if it is.
    pub fn since(&self, agent: ActorId, now: VirtualTime) -> VirtualTime {
        self.unfair_to(agent).filter(|it| it.from <= now).map(|it| it.until).fold(self.from(), VirtualTime::max)
    }

    fn unfair_to(&self, agent: ActorId) -> impl Iterator<Item = &Unfair> {
        self.unfair.iter().filter(move |it| it.to == agent)
    }
}

fn recovery(plan: &Plan, healed: VirtualTime) -> Duration {
    let parameters = &plan.parameters;
    let policy_s = plan.agents.iter().map(|agent| agent.policy_interval_s).fold(parameters.policy_interval_s, u64::max);
    Duration::from_secs(policy_s)
        .saturating_add(parameters.keep_alive_idle())
        .saturating_add(parameters.connect_timeout())
        .saturating_add(parameters.exchange_timeout())
        .saturating_add(parameters.upstream_timeout())
        .saturating_add(Duration::from_millis(plan.network.tick_ms.saturating_mul(2)))
        .saturating_add(Duration::from_secs(1))
        .saturating_add(set_back(plan, healed))
}

/// By how much the clock of a server that keeps its purges' high-water mark goes back by the time that all has healed.
fn set_back(plan: &Plan, healed: VirtualTime) -> Duration {
    let end = VirtualTime::from_millis(plan.duration_ms).max(healed);
    let steps = plan.faults.iter().any(|fault| matches!(fault.kind, FaultKind::ClockStep { .. }));
    let servers = std::iter::once(ActorId::Smp).chain((1..).map(ActorId::Site).take(plan.sites.len()));
    let kept = servers.filter(|server| steps && plan.profile_of(*server, end).keeps_purge_high_water());
    let back = kept.map(|server| {
        let clock = plan.clock_of(server);
        let most_before = clock.error_bounds_nanos(VirtualTime::ZERO, healed).1;
        most_before - clock.error_bounds_nanos(healed, end).0
    });
    Duration::from_nanos(u64::try_from(back.max().unwrap_or(0).max(0)).unwrap_or(u64::MAX))
}

fn unfair(plan: &Plan) -> Vec<Unfair> {
    let patience = plan.parameters.connect_timeout().saturating_add(plan.parameters.exchange_timeout());
    let on_path = plan.attackers.iter().filter(|attacker| attacker.attack.power() == Power::OnPath);
    let mut unfair = Vec::new();
    for attacker in on_path {
        let from = VirtualTime::from_millis(attacker.start_ms);
        let until = VirtualTime::from_millis(attacker.until_ms).after(patience);
        let agents = (1..).map(ActorId::Agent).zip(&plan.agents);
        let of_site = agents.filter(|(_, agent)| agent.server == attacker.victim).map(|(actor, _)| actor);
        unfair.extend(of_site.chain([attacker.victim]).map(|to| Unfair { to, from, until }));
    }
    unfair
}
