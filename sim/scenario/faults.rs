//! From the faults of a scenario file to those of a plan.

use super::{
    FaultTable, Ranged,
    draws::{Draws, MILLISECOND, SECOND},
    key_supply::KeySupply,
    problem::Problem,
};
use crate::{
    plan::{FAULTS_MAX, Fault, FaultKind, Group, Plan},
    types::{ActorId, TimeSpan},
};

impl FaultTable {
    /// Adds the faults of the table at `index` to the plan: one for each time that it strikes, and for each whom it
    /// upgrades.
    ///
    /// # Errors
    /// With keys that start at `faults`, without the index.
    pub(super) fn add_to(
        &self,
        plan: &mut Plan,
        index: usize,
        draws: &Draws,
        keys: &mut KeySupply,
    ) -> Result<(), Problem> {
        self.check_shape()?;
        let of_table = (index as u64) << 32;
        let times = self.times.map_or(Ok(1), |times| draws.count("faults.times", of_table, times))?;
        if times == 0 || times as usize > FAULTS_MAX {
            return Err(Problem::new("faults.times", times, format!("from 1 to {FAULTS_MAX}")));
        }
        let mut at_ms = draws.time("faults.at", of_table, self.at, MILLISECOND)?;
        for user in (0..u64::from(times)).map(|repetition| of_table | repetition) {
            let time = |key, given: Ranged<TimeSpan>| draws.time(key, user, given, MILLISECOND);
            let until_ms = match (self.length, self.until) {
                (Some(length), _) => match time("faults.for", length)? {
                    0 => return Err(Problem::new("faults.for", "0s", "at least 1ms")),
                    length_ms => Some(at_ms.saturating_add(length_ms)),
                },
                (None, Some(until)) => Some(time("faults.until", until)?),
                (None, None) => None,
            };
            let kinds = Settler { plan, draws, user }.kinds(self, keys)?;
            if plan.faults.len() + kinds.len() > FAULTS_MAX {
                return Err(Problem::new("faults", "too many faults", format!("at most {FAULTS_MAX} in all")));
            }
            plan.faults.extend(kinds.into_iter().map(|kind| Fault { at_ms, until_ms, kind }));
            if let Some(every) = self.every {
                at_ms = at_ms.saturating_add(time("faults.every", every)?);
            }
        }
        Ok(())
    }

    /// What can be said before anything is drawn.
    fn check_shape(&self) -> Result<(), Problem> {
        match self.kinds()[..] {
            [_] => {}
            [] => {
                let expected = "exactly one, such as crash = { who = \"site-1\" }";
                return Err(Problem::new("faults", "no key that says what goes wrong", expected)
                    .help("`countersign schema` prints all keys with their meaning"));
            }
            [first, second, ..] => {
                return Err(Problem::new(
                    format!("faults.{second}"),
                    format!("`{first}` and `{second}`"),
                    "one of them",
                )
                .help("faults at the same time are tables of their own"));
            }
        }
        if self.length.is_some() && self.until.is_some() {
            return Err(Problem::new("faults.until", "both `for` and `until`", "one of them"));
        }
        match (self.times, self.every) {
            (Some(_), None) => return Err(Problem::new("faults.times", "no `every`", "the time between two strikes")),
            (None, Some(_)) => return Err(Problem::new("faults.every", "no `times`", "how often it strikes")),
            (Some(_), Some(_)) if self.until.is_some() => {
                let expected = "`for`, which counts from each strike";
                return Err(Problem::new("faults.until", "`until` for a fault that strikes several times", expected));
            }
            _ => {}
        }
        Ok(())
    }

    /// The keys that say what goes wrong.
    fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            ("partition", self.partition.is_some()),
            ("delay", self.delay.is_some()),
            ("loss", self.loss.is_some()),
            ("slow_link", self.slow_link.is_some()),
            ("black_hole", self.black_hole.is_some()),
            ("duplicate", self.duplicate.is_some()),
            ("reorder", self.reorder.is_some()),
            ("crash", self.crash.is_some()),
            ("power_loss", self.power_loss.is_some()),
            ("overload", self.overload.is_some()),
            ("clock_step", self.clock_step.is_some()),
            ("rollback", self.rollback.is_some()),
            ("rotate_server_key", self.rotate_server_key.is_some()),
            ("change_agent_key", self.change_agent_key.is_some()),
            ("change_policy", self.change_policy.is_some()),
            ("move", self.relocation.is_some()),
            ("revoke", self.revoke.is_some()),
            ("remove_site", self.remove_site.is_some()),
            ("upgrade", self.upgrade.is_some()),
            ("machine", self.machine.is_some()),
            ("portal_update", self.portal_update.is_some()),
            ("change_acc_password", self.change_acc_password.is_some()),
            ("change_authentication", self.change_authentication.is_some()),
            ("bearer_token", self.bearer_token.is_some()),
        ];
        kinds.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)).collect()
    }
}

/// Settles what one strike of a fault leaves open.
struct Settler<'a> {
    plan: &'a Plan,
    draws: &'a Draws,
    user: u64,
}

impl Settler<'_> {
    fn kinds(&self, table: &FaultTable, keys: &mut KeySupply) -> Result<Vec<FaultKind>, Problem> {
        if let Some(upgrade) = &table.upgrade {
            let profile = upgrade.profile;
            let actors = self.members(upgrade.actor)?;
            return Ok(actors.into_iter().map(|actor| FaultKind::Upgrade { actor, profile }).collect());
        }
        let network = self.network(table)?;
        let machine = self.machine(table)?;
        Ok(network.or(machine).or(self.administration(table, keys)?).into_iter().collect())
    }

    fn network(&self, table: &FaultTable) -> Result<Option<FaultKind>, Problem> {
        if let Some(it) = &table.partition {
            return Ok(Some(FaultKind::Partition { from: it.from, to: it.to, one_way: it.one_way }));
        }
        if let Some(it) = &table.delay {
            let added = it.added.try_map(|added| super::draws::whole("faults.delay.added", added, MILLISECOND))?;
            let (added_ms_min, added_ms_max) = (added.min, added.max);
            return Ok(Some(FaultKind::Delay { from: it.from, to: it.to, added_ms_min, added_ms_max }));
        }
        if let Some(it) = &table.loss {
            let lost_ppm = self.count("faults.loss.lost_ppm", it.lost_ppm)?;
            return Ok(Some(FaultKind::Loss { from: it.from, to: it.to, lost_ppm }));
        }
        if let Some(it) = &table.slow_link {
            let bytes_per_s = self.draws.number("faults.slow_link.bytes_per_s", self.user, it.bytes_per_s)?;
            return Ok(Some(FaultKind::SlowLink { from: it.from, to: it.to, bytes_per_s }));
        }
        if let Some(it) = &table.duplicate {
            let share_ppm = self.count("faults.duplicate.share_ppm", it.share_ppm)?;
            return Ok(Some(FaultKind::Duplicate { clients: it.clients, share_ppm }));
        }
        if let Some(it) = &table.reorder {
            let share_ppm = self.count("faults.reorder.share_ppm", it.share_ppm)?;
            let held_ms_max = self.time("faults.reorder.held_max", it.held_max, MILLISECOND)?;
            return Ok(Some(FaultKind::Reorder { clients: it.clients, share_ppm, held_ms_max }));
        }
        Ok(table.black_hole.as_ref().map(|it| FaultKind::BlackHole { server: it.server }))
    }

    fn machine(&self, table: &FaultTable) -> Result<Option<FaultKind>, Problem> {
        if let Some(it) = &table.crash {
            return Ok(Some(FaultKind::Crash { who: it.who }));
        }
        if let Some(it) = &table.power_loss {
            return Ok(Some(FaultKind::PowerLoss { who: it.who }));
        }
        if let Some(it) = &table.overload {
            let slowdown = self.count("faults.overload.slowdown", it.slowdown)?;
            return Ok(Some(FaultKind::Overload { server: it.server, slowdown }));
        }
        if let Some(it) = &table.clock_step {
            let by_ms = self.draws.offset_ms("faults.clock_step.by", self.user, it.by)?;
            return Ok(Some(FaultKind::ClockStep { who: it.who, by_ms }));
        }
        Ok(table.rollback.as_ref().map(|it| FaultKind::Rollback { agent: it.agent }))
    }

    fn administration(&self, table: &FaultTable, keys: &mut KeySupply) -> Result<Option<FaultKind>, Problem> {
        if table.portal_update.is_some() {
            return Ok(Some(FaultKind::PortalUpdate {}));
        }
        if table.rotate_server_key.is_some() {
            return Ok(Some(FaultKind::RotateServerKey { key: keys.next() }));
        }
        if let Some(it) = &table.change_agent_key {
            return Ok(Some(FaultKind::ChangeAgentKey { agent: it.agent, key: keys.next() }));
        }
        if let Some(it) = &table.change_policy {
            let seconds = |key: &str, given: Option<Ranged<TimeSpan>>| {
                let key = format!("faults.change_policy.{key}");
                given.map(|range| self.time(&key, range, SECOND)).transpose()
            };
            return Ok(Some(FaultKind::ChangePolicy {
                token_lifetime_s: seconds("token_lifetime", it.token_lifetime)?,
                validation_period_s: seconds("validation_period", it.validation_period)?,
                authentication: it.authentication.as_ref().map(|kinds| kinds.iter().copied().collect()),
            }));
        }
        if let Some(it) = &table.bearer_token {
            let lifetime = |range| self.time("faults.bearer_token.lifetime", range, SECOND);
            let lifetime_s = it.lifetime.map(lifetime).transpose()?;
            return Ok(Some(FaultKind::BearerToken { kind: it.kind, lifetime_s }));
        }
        if let Some(it) = &table.relocation {
            return Ok(Some(FaultKind::Move { site: it.site, port: it.port }));
        }
        if table.change_acc_password.is_some() {
            return Ok(Some(FaultKind::ChangeAccPassword {}));
        }
        if let Some(it) = &table.change_authentication {
            let authentication = it.authentication.iter().copied().collect();
            return Ok(Some(FaultKind::ChangeAuthentication { server: it.server, authentication }));
        }
        if let Some(it) = &table.revoke {
            return Ok(Some(FaultKind::Revoke { agent: it.agent }));
        }
        if let Some(it) = &table.machine {
            let what = it.resolve(self.draws, self.user)?;
            return Ok(Some(FaultKind::Machine { server: it.server, what }));
        }
        Ok(table.remove_site.as_ref().map(|it| FaultKind::RemoveSite { site: it.site }))
    }

    /// Whom a group names. One actor is taken at its word: whether it exists is the plan's check to say.
    fn members(&self, group: Group) -> Result<Vec<ActorId>, Problem> {
        if let Group::Actor(actor) = group {
            return Ok(vec![actor]);
        }
        let servers = std::iter::once(ActorId::Smp).chain((1..).map(ActorId::Site).take(self.plan.sites.len()));
        let actors = servers.chain((1..).map(ActorId::Agent).take(self.plan.agents.len()));
        let members: Vec<ActorId> = actors.filter(|actor| group.contains(*actor, self.plan)).collect();
        if members.is_empty() {
            let expected = "somebody who exists in this scenario";
            return Err(Problem::new("faults.upgrade.actor", format!("`{group}`, which is nobody"), expected));
        }
        Ok(members)
    }

    fn count(&self, key: &str, range: Ranged<u32>) -> Result<u32, Problem> {
        self.draws.count(key, self.user, range)
    }

    fn time(&self, key: &str, range: Ranged<TimeSpan>, unit_ns: u64) -> Result<u64, Problem> {
        self.draws.time(key, self.user, range, unit_ns)
    }
}
