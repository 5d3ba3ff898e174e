//! Attackers.

use super::{Keys, RUN_MS_MAX, inside, millis, within};
use crate::{
    plan::{ATTACKERS_MAX, Attack, AttackerPlan, Plan, PlanError},
    types::ActorId,
};

impl Plan {
    pub(super) fn check_attackers(&self, keys: &mut Keys) -> Result<(), PlanError> {
        let count = self.attackers.len() as u64;
        within("attackers", count, 0..=ATTACKERS_MAX as u64, "", "all of them share one host")?;
        for (index, attacker) in self.attackers.iter().enumerate() {
            self.check_attacker(attacker, keys).map_err(|error| inside(&format!("attackers[{index}]"), error))?;
        }
        Ok(())
    }

    fn check_attacker(&self, attacker: &AttackerPlan, keys: &mut Keys) -> Result<(), PlanError> {
        if attacker.attack.is_on_a_portal() {
            self.check_portal_attacker(attacker)?;
        } else if attacker.attack.is_on_a_peer() {
            self.check_peer_named("server", attacker)?;
        } else {
            self.check_server_named("server", attacker.server)?;
        }
        match attacker.attack {
            attack if attack.is_on_a_portal() => {}
            Attack::TamperedBatch => self.check_site_named("victim", attacker.victim)?,
            Attack::RogueSite | Attack::KeySwap => match attacker.victim {
                ActorId::Site(_) => self.check_site_named("victim", attacker.victim)?,
                _ => self.check_agent_named("victim", attacker.victim)?,
            },
            _ => self.check_agent_named("victim", attacker.victim)?,
        }
        if attacker.attack.is_on_the_issuer() && attacker.server != ActorId::Smp {
            let expected = "`smp`: only the issuer is attacked in this way";
            return Err(PlanError::new("server", format!("`{}`", attacker.server), expected));
        }
        if attacker.start_ms >= self.duration_ms {
            let expected = format!("a time before the end of the run at {}", millis(self.duration_ms));
            return Err(PlanError::new("start_ms", millis(attacker.start_ms), expected));
        }
        if !(attacker.start_ms < attacker.until_ms && attacker.until_ms <= self.duration_ms) {
            let (start, end) = (millis(attacker.start_ms), millis(self.duration_ms));
            let expected = format!("a time after its start at {start} and within the run of {end}");
            return Err(PlanError::new("until_ms", millis(attacker.until_ms), expected));
        }
        within("interval_ms", attacker.interval_ms, 1..=RUN_MS_MAX, "ms", "an interval of zero would never end")?;
        within("burst", attacker.burst.into(), 1..=10_000, "", "an attempt makes at least one request")?;
        keys.take("key", attacker.key)
    }

    /// A peer is attacked by whoever reads what somebody says to it.
    fn check_peer_named(&self, place: &str, attacker: &AttackerPlan) -> Result<(), PlanError> {
        if self.peer_of(attacker.victim) == Some(attacker.server) {
            return Ok(());
        }
        let expected = format!("the agent from which `{}` downloads", attacker.victim);
        Err(PlanError::new(place, format!("`{}`", attacker.server), expected))
    }

    /// What is attacked has a door, and the victim says something on its way there.
    fn check_portal_attacker(&self, attacker: &AttackerPlan) -> Result<(), PlanError> {
        self.check_portal_named("victim", attacker.victim)?;
        if attacker.attack == Attack::LoginDelimiter && !matches!(attacker.victim, ActorId::Browser(_)) {
            let expected = "a browser, such as `browser-1`, whose user is to be taken for somebody else";
            return Err(PlanError::new("victim", format!("`{}`", attacker.victim), expected));
        }
        match attacker.server {
            ActorId::FrontEnd | ActorId::AdministrationServer | ActorId::PortletServer => Ok(()),
            other => {
                let expected = "`front-end`, `administration-server` or `portlet-server`";
                Err(PlanError::new("server", format!("`{other}`"), expected))
            }
        }
    }
}
