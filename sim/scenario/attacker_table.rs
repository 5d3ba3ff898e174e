//! Attackers in a scenario file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Ranged,
    draws::{Draws, MILLISECOND},
    key_supply::KeySupply,
    problem::Problem,
};
use crate::{
    plan::{ATTACKERS_MAX, Attack, AttackerPlan, Plan},
    types::{ActorId, TimeSpan},
};

/// Attackers of one kind. Where a value is a range, each attacker draws its own; `count` is drawn once.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttackerTable {
    /// What they do.
    pub attack: Attack,
    /// The server that they attack, or on the way to which they sit. Default: the one that the victim visits, another one
    /// for tokens that are taken elsewhere, `smp` for what only the issuer does, `administration-server` in a portal.
    pub server: Option<ActorId>,
    /// In whose name or on whose connections they act. Default `agent-1`, `site-1` for attacks on site servers, or
    /// `browser-1` in a portal.
    pub victim: Option<ActorId>,
    /// When they start. Default: with the run.
    pub start: Option<Ranged<TimeSpan>>,
    /// When they stop. Default: with the run.
    pub until: Option<Ranged<TimeSpan>>,
    /// The time from one attempt to the next. Default `10s`.
    pub every: Option<Ranged<TimeSpan>>,
    /// How many requests each attempt makes, for those that flood. Default 1.
    #[schemars(range(min = 1, max = 10_000))]
    pub burst: Option<Ranged<u32>>,
    /// How many attackers. Default 1.
    #[schemars(range(min = 1, max = 1000))]
    pub count: Option<Ranged<u32>>,
}

const INTERVAL_MS: u64 = 10_000;

impl AttackerTable {
    /// Adds the attackers of the table at `index` to the plan.
    pub(super) fn add_to(
        &self,
        plan: &mut Plan,
        index: usize,
        draws: &Draws,
        keys: &mut KeySupply,
    ) -> Result<(), Problem> {
        let of_table = (index as u64) << 32;
        let count = self.count.map_or(Ok(1), |count| draws.count("attackers.count", of_table, count))?;
        if count == 0 || plan.attackers.len() + count as usize > ATTACKERS_MAX {
            let expected = format!("at least 1, and at most {ATTACKERS_MAX} attackers in all");
            return Err(Problem::new("attackers.count", count, expected));
        }
        let victim = self.victim.unwrap_or_else(|| usual_victim(self.attack));
        let server = self.server.unwrap_or_else(|| usual_server(plan, self.attack, victim));
        for user in (0..u64::from(count)).map(|number| of_table | number) {
            let time = |key: &str, given: Option<Ranged<TimeSpan>>, usual_ms: u64| {
                let key = format!("attackers.{key}");
                given.map_or(Ok(usual_ms), |range| draws.time(&key, user, range, MILLISECOND))
            };
            let attacker = AttackerPlan {
                attack: self.attack,
                server,
                victim,
                start_ms: time("start", self.start, 0)?,
                until_ms: time("until", self.until, plan.duration_ms)?,
                interval_ms: time("every", self.every, INTERVAL_MS)?,
                burst: self.burst.map_or(Ok(1), |burst| draws.count("attackers.burst", user, burst))?,
                key: keys.next(),
            };
            plan.attackers.push(attacker);
        }
        Ok(())
    }
}

/// The victim of an attack where nobody named one.
pub(super) fn usual_victim(attack: Attack) -> ActorId {
    match attack {
        Attack::RogueSite | Attack::TamperedBatch => ActorId::Site(1),
        attack if attack.is_on_a_portal() => ActorId::Browser(1),
        _ => ActorId::Agent(1),
    }
}

/// The server of an attack where nobody named one.
pub(super) fn usual_server(plan: &Plan, attack: Attack, victim: ActorId) -> ActorId {
    if attack.is_on_the_issuer() {
        return ActorId::Smp;
    }
    if attack.is_on_a_portal() {
        return ActorId::AdministrationServer;
    }
    if attack.is_on_a_peer() {
        return plan.peer_of(victim).unwrap_or(victim);
    }
    let visited = match victim {
        ActorId::Agent(number) => plan.agent(number).map_or(ActorId::Smp, |agent| agent.server),
        other => other,
    };
    match (attack, visited) {
        (Attack::CrossServerReplay, ActorId::Smp) if !plan.sites.is_empty() => ActorId::Site(1),
        (Attack::CrossServerReplay, _) => ActorId::Smp,
        _ => visited,
    }
}
