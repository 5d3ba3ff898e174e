//! What goes wrong.

use super::{DAY_S, Keys, clock::StepBudget, inside, millis, within};
use crate::{
    plan::{FAULTS_MAX, Fault, FaultKind, Group, Plan, PlanError},
    types::{ActorId, Authentication, BearerKind},
};

const ADDED_MS_MAX: u64 = 60_000;
const BYTES_PER_S_MAX: u64 = 1_000_000_000;

impl Plan {
    pub(super) fn check_faults(&self, keys: &mut Keys) -> Result<(), PlanError> {
        let count = self.faults.len();
        within("faults", count as u64, 0..=FAULTS_MAX as u64, "", "each costs time whenever bytes are sent")?;
        let mut steps = StepBudget::default();
        for (index, fault) in self.faults.iter().enumerate() {
            let at = |error| inside(&format!("faults[{index}]"), error);
            self.check_times(fault).map_err(at)?;
            let kind = format!("kind.{}", fault.kind.name());
            self.check_kind(&fault.kind, keys, &mut steps).map_err(|error| at(inside(&kind, error)))?;
        }
        // Afterwards: where a fault ends too late, that is what is wrong, and not when everything has healed.
        let heals = 0..=self.duration_ms;
        within("heal_ms", self.heal_ms.unwrap_or(0), heals, "ms", "what has not healed by the end never does")
    }

    fn check_times(&self, fault: &Fault) -> Result<(), PlanError> {
        let (at_ms, name) = (fault.at_ms, fault.kind.name());
        if at_ms >= self.duration_ms {
            let expected = format!("a time before the end of the run at {}", millis(self.duration_ms));
            return Err(PlanError::new("at_ms", millis(at_ms), expected));
        }
        let Some(until_ms) = fault.until_ms else {
            return if fault.kind.must_end() {
                let expected = "an end: what breaks must heal";
                Err(PlanError::new("until_ms", format!("`{name}` without an end"), expected))
            } else {
                Ok(())
            };
        };
        if !fault.kind.may_end() {
            let expected = format!("none: `{name}` is for good");
            return Err(PlanError::new("until_ms", format!("an end at {}", millis(until_ms)), expected));
        }
        if !(at_ms < until_ms && until_ms <= self.duration_ms) {
            let (at, end) = (millis(at_ms), millis(self.duration_ms));
            let expected = format!("a time after its start at {at} and within the run of {end}");
            return Err(PlanError::new("until_ms", format!("an end at {}", millis(until_ms)), expected));
        }
        match self.heal_ms {
            Some(heal_ms) if until_ms > heal_ms => {
                let expected = format!("at most {}, when everything has healed", millis(heal_ms));
                Err(PlanError::new("until_ms", format!("an end at {}", millis(until_ms)), expected))
            }
            Some(_) => Ok(()),
            None => Err(PlanError::new(
                "until_ms",
                format!("an end at {}", millis(until_ms)),
                "a plan with a `heal_ms`, since something heals",
            )),
        }
    }

    fn check_kind(&self, kind: &FaultKind, keys: &mut Keys, steps: &mut StepBudget) -> Result<(), PlanError> {
        match kind {
            FaultKind::Partition { from, to, one_way: _ } => self.check_sides(*from, *to),
            FaultKind::Delay { from, to, added_ms_min, added_ms_max } => {
                self.check_sides(*from, *to)?;
                within("added_ms_max", *added_ms_max, 0..=ADDED_MS_MAX, "ms", "")?;
                within("added_ms_min", *added_ms_min, 0..=*added_ms_max, "ms", "the least is not above the greatest")
            }
            FaultKind::Loss { from, to, lost_ppm } => {
                self.check_sides(*from, *to)?;
                check_share("lost_ppm", *lost_ppm)
            }
            FaultKind::SlowLink { from, to, bytes_per_s } => {
                self.check_sides(*from, *to)?;
                within(
                    "bytes_per_s",
                    *bytes_per_s,
                    1..=BYTES_PER_S_MAX,
                    "",
                    "a line that carries nothing is a partition",
                )
            }
            FaultKind::BlackHole { server } => self.check_server_named("server", *server),
            FaultKind::Duplicate { clients, share_ppm } => {
                self.check_group("clients", *clients)?;
                check_share("share_ppm", *share_ppm)
            }
            FaultKind::Reorder { clients, share_ppm, held_ms_max } => {
                self.check_group("clients", *clients)?;
                check_share("share_ppm", *share_ppm)?;
                within(
                    "held_ms_max",
                    *held_ms_max,
                    1..=ADDED_MS_MAX,
                    "ms",
                    "what is held up for no time stays in order",
                )
            }
            FaultKind::Crash { who } | FaultKind::PowerLoss { who } => self.check_machines("who", *who),
            FaultKind::Overload { server, slowdown } => {
                self.check_server_named("server", *server)?;
                within("slowdown", (*slowdown).into(), 1..=1_000, "", "how many times as long work takes")
            }
            FaultKind::ClockStep { who, by_ms } => {
                self.check_machines("who", *who)?;
                steps.spend("by_ms", *by_ms)
            }
            FaultKind::Rollback { agent } | FaultKind::Revoke { agent } => self.check_agent_named("agent", *agent),
            FaultKind::RotateServerKey { key } => keys.take("key", *key),
            FaultKind::ChangeAgentKey { agent, key } => {
                self.check_agent_named("agent", *agent)?;
                self.check_is_alone(*agent)?;
                keys.take("key", *key)
            }
            FaultKind::ChangePolicy { token_lifetime_s, validation_period_s, authentication } => {
                check_policy(*token_lifetime_s, *validation_period_s, *authentication)
            }
            FaultKind::Move { site, port } => {
                self.check_site_named("site", *site)?;
                check_port(*port)
            }
            FaultKind::Machine { server, what } => self.check_machine_fault(*server, *what),
            FaultKind::RemoveSite { site } => self.check_site_named("site", *site),
            FaultKind::ChangeAccPassword {} => Ok(()),
            FaultKind::ChangeAuthentication { server, authentication: _ } => self.check_server_named("server", *server),
            FaultKind::BearerToken { kind, lifetime_s } => check_bearer(*kind, *lifetime_s),
            FaultKind::Upgrade { actor, profile: _ } => match actor {
                ActorId::Agent(_) => self.check_agent_named("actor", *actor),
                _ => self.check_server_named("actor", *actor),
            },
            FaultKind::PortalUpdate {} => self.check_portal_named("portal_update", ActorId::FrontEnd),
        }
    }

    fn check_sides(&self, from: Group, to: Group) -> Result<(), PlanError> {
        self.check_group("from", from)?;
        self.check_group("to", to)?;
        match from {
            Group::Actor(actor) if from == to => {
                Err(PlanError::new("to", format!("`{actor}` on both sides"), "two sides that differ"))
            }
            _ => Ok(()),
        }
    }

    /// Machines can fail: those of attackers are nobody's concern.
    fn check_machines(&self, place: &str, who: Group) -> Result<(), PlanError> {
        if let Group::Actor(attacker @ ActorId::Attacker(_)) = who {
            let expected = "an agent, a server or a group of them: attackers do not fail";
            return Err(PlanError::new(place, format!("`{attacker}`"), expected));
        }
        self.check_group(place, who)
    }

    fn check_group(&self, place: &str, group: Group) -> Result<(), PlanError> {
        match group {
            Group::Actor(attacker @ ActorId::Attacker(number)) => {
                self.check_number(place, attacker, number, self.attackers.len(), "attacker")
            }
            Group::Actor(agent @ ActorId::Agent(_)) => self.check_agent_named(place, agent),
            Group::Actor(actor) if actor.is_of_portal() => self.check_portal_named(place, actor),
            Group::Actor(server) => self.check_server_named(place, server),
            Group::Branch(number) if !(1..=self.branches).contains(&number) => {
                let expected = format!("`branch-1` to `branch-{}`, or another group", self.branches);
                Err(PlanError::new(place, format!("`{group}`"), expected))
            }
            Group::Sites if self.sites.is_empty() => {
                Err(PlanError::new(place, "`sites`", "somebody who exists: the plan has no site server"))
            }
            Group::Branch(_) | Group::Agents | Group::Sites | Group::Servers | Group::Everyone => Ok(()),
        }
    }

    pub(super) fn check_server_named(&self, place: &str, server: ActorId) -> Result<(), PlanError> {
        match server {
            ActorId::Smp => Ok(()),
            ActorId::Site(_) => self.check_site_named(place, server),
            _ => Err(PlanError::new(place, format!("`{server}`"), "a server: `smp` or a site such as `site-1`")),
        }
    }

    pub(super) fn check_site_named(&self, place: &str, site: ActorId) -> Result<(), PlanError> {
        match site {
            ActorId::Site(number) => self.check_number(place, site, number, self.sites.len(), "site"),
            _ => Err(PlanError::new(place, format!("`{site}`"), "a site server such as `site-1`")),
        }
    }

    pub(super) fn check_agent_named(&self, place: &str, agent: ActorId) -> Result<(), PlanError> {
        match agent {
            ActorId::Agent(number) => self.check_number(place, agent, number, self.agents.len(), "agent"),
            _ => Err(PlanError::new(place, format!("`{agent}`"), "an agent such as `agent-1`")),
        }
    }

    /// A machine that changes its key locks out whoever else goes by its identity, for good.
    fn check_is_alone(&self, agent: ActorId) -> Result<(), PlanError> {
        let identity = self.identity_of(agent);
        let mut others = (1..).map(ActorId::Agent).take(self.agents.len());
        match others.find(|other| *other != agent && self.identity_of(*other) == identity) {
            None => Ok(()),
            Some(other) => Err(PlanError::new(
                "agent",
                format!("`{agent}`, which has the same identity as `{other}`"),
                "an agent without clones: the others would be locked out",
            )),
        }
    }

    fn check_number(
        &self,
        place: &str,
        actor: ActorId,
        number: u32,
        count: usize,
        kind: &str,
    ) -> Result<(), PlanError> {
        if number >= 1 && u64::from(number) <= count as u64 {
            return Ok(());
        }
        let expected = match count {
            0 => format!("somebody who exists: the plan has no {kind}"),
            1 => format!("`{kind}-1`: there is no other"),
            count => format!("one of `{kind}-1` to `{kind}-{count}`"),
        };
        Err(PlanError::new(place, format!("`{actor}`"), expected))
    }
}

/// Whatever the scheme, so that a site that moves has another origin for certain.
fn check_port(port: u16) -> Result<(), PlanError> {
    if matches!(port, 0 | 80 | 443) {
        return Err(PlanError::new("port", port, "from 1 to 65535, and neither 80 nor 443, where sites are at first"));
    }
    Ok(())
}

fn check_bearer(kind: BearerKind, lifetime_s: Option<u64>) -> Result<(), PlanError> {
    let Some(lifetime_s) = lifetime_s else { return Ok(()) };
    if kind == BearerKind::PushInstall {
        let expected = "none: a push-install token never expires";
        return Err(PlanError::new("lifetime_s", format!("a lifetime of {lifetime_s} s"), expected));
    }
    within("lifetime_s", lifetime_s, 1..=366 * DAY_S, "s", "a token lives for a second at least")
}

fn check_share(place: &str, share_ppm: u32) -> Result<(), PlanError> {
    within(place, share_ppm.into(), 0..=1_000_000, "", "in parts per million: 1000000 is all of it")
}

fn check_policy(
    token_lifetime_s: Option<u64>,
    validation_period_s: Option<u64>,
    authentication: Option<Authentication>,
) -> Result<(), PlanError> {
    if token_lifetime_s.is_none() && validation_period_s.is_none() && authentication.is_none() {
        return Err(PlanError::new(
            "",
            "no change",
            "a token lifetime, a validation period or kinds of authentication",
        ));
    }
    if let Some(lifetime_s) = token_lifetime_s {
        within("token_lifetime_s", lifetime_s, 60..=DAY_S, "s", "tokens live from a minute to a day")?;
    }
    if let Some(period_s) = validation_period_s {
        within("validation_period_s", period_s, 1..=DAY_S, "s", "a period of zero would never end")?;
    }
    Ok(())
}
