//! Servers and agents.

use super::{DAY_S, Keys, RUN_MS_MAX, check_clock, inside, micros, millis, within};
use crate::{
    plan::{
        AgentPlan, BRANCHES_MAX, KEYS_MAX, Plan, PlanError, RUN_DAYS_MAX, SERVERS_MAX, ServerPlan, VISITS_AT_MAX,
        Visits,
    },
    types::ActorId,
};

impl Plan {
    pub(super) fn check_population(&self, keys: &mut Keys) -> Result<(), PlanError> {
        if self.agents.is_empty() && self.portal.is_none() {
            return Err(PlanError::new("agents", "no agent", "at least one: without agents nothing happens"));
        }
        let servers = 1 + self.sites.len();
        if servers + self.agents.len() > KEYS_MAX as usize {
            return Err(too_many_agents(self.agents.len() as u64, self.sites.len() as u64));
        }
        within("branches", self.branches.into(), 1..=u64::from(BRANCHES_MAX), "", "every agent is on a branch")?;
        if servers > SERVERS_MAX as usize {
            return Err(PlanError::new(
                "sites",
                format!("{} sites and the SMP", self.sites.len()),
                format!("at most {SERVERS_MAX} servers"),
            )
            .help("the simulated network's cost per tick grows with the cube of its servers"));
        }
        self.check_server("smp", &self.smp, keys)?;
        for (index, site) in self.sites.iter().enumerate() {
            self.check_server(&format!("sites[{index}]"), site, keys)?;
        }
        let mut instants = 0;
        for (index, agent) in self.agents.iter().enumerate() {
            self.check_agent(agent, keys, &mut instants).map_err(|error| inside(&format!("agents[{index}]"), error))?;
        }
        Ok(())
    }

    fn check_server(&self, place: &str, server: &ServerPlan, keys: &mut Keys) -> Result<(), PlanError> {
        within(&format!("{place}.cores"), server.cores.into(), 1..=1_024, "", "a server without cores does no work")?;
        self.check_start(&format!("{place}.start_ms"), server.start_ms)?;
        check_clock(&format!("{place}.clock"), &server.clock)?;
        if let Some(to) = server.redirect_to {
            let place = format!("{place}.redirect_to");
            self.check_server_named(&place, to)?;
            if self.server(to).is_some_and(|to| to.redirect_to.is_some()) {
                let expected = "a server that sends nobody on: agents follow one redirect";
                return Err(PlanError::new(place, format!("`{to}`, which redirects too"), expected));
            }
        }
        keys.take(&format!("{place}.key"), server.key)
    }

    fn check_start(&self, place: &str, start_ms: u64) -> Result<(), PlanError> {
        if start_ms < self.duration_ms {
            return Ok(());
        }
        let expected = format!("a start before the end of the run at {}", millis(self.duration_ms));
        Err(PlanError::new(place, millis(start_ms), expected))
    }

    fn check_agent(&self, agent: &AgentPlan, keys: &mut Keys, instants: &mut u64) -> Result<(), PlanError> {
        let branches = 1..=u64::from(self.branches);
        within("branch", agent.branch.into(), branches, "", "branches count from 1")?;
        self.check_destination(agent.server)?;
        check_clock("clock", &agent.clock)?;
        self.check_start("start_ms", agent.start_ms)?;
        if let Some(leave_ms) = agent.leave_ms
            && !(agent.start_ms < leave_ms && leave_ms <= self.duration_ms)
        {
            let expected = format!(
                "a time after its start at {} and within the run of {}",
                millis(agent.start_ms),
                millis(self.duration_ms)
            );
            return Err(PlanError::new("leave_ms", millis(leave_ms), expected));
        }
        within("policy_interval_s", agent.policy_interval_s, 0..=RUN_DAYS_MAX * DAY_S, "s", "0 is never")?;
        within("requests", agent.requests.into(), 1..=10_000, "", "a visit makes at least one request")?;
        within("connections", agent.connections.into(), 1..=1_000, "", "a visit needs a connection")?;
        match agent.clone_of {
            Some(number) => self.check_clone(agent, number)?,
            None => keys.take("key", agent.key)?,
        }
        match &agent.visits {
            Visits::Every { first_ms, interval_ms, jitter_ms } => {
                self.check_interval(agent, *first_ms, *interval_ms, *jitter_ms)
            }
            Visits::At { times_us } => {
                *instants += times_us.len() as u64;
                if *instants > VISITS_AT_MAX {
                    let expected = format!("at most {VISITS_AT_MAX} in the whole plan");
                    return Err(PlanError::new("visits.at", format!("{instants} instants so far"), expected));
                }
                self.check_instants(agent, times_us)
            }
        }
    }

    /// A clone has the identity of an agent, hence its key too: everything else may differ.
    fn check_clone(&self, agent: &AgentPlan, number: u32) -> Result<(), PlanError> {
        let found = format!("{number}");
        let Some(original) = self.agent(number) else {
            return Err(PlanError::new(
                "clone_of",
                found,
                format!("from 1 to {}: agents count from 1", self.agents.len()),
            ));
        };
        if original.clone_of.is_some() {
            return Err(PlanError::new("clone_of", found, "an agent that is no clone itself"));
        }
        if original.key != agent.key {
            let expected = format!("{}, the key of agent-{number}, of which it is a clone", original.key);
            return Err(PlanError::new("key", agent.key, expected));
        }
        Ok(())
    }

    fn check_destination(&self, server: ActorId) -> Result<(), PlanError> {
        let expected = match (server, self.sites.len()) {
            (ActorId::Smp, _) => return Ok(()),
            (ActorId::Site(number), count) if number >= 1 && u64::from(number) <= count as u64 => return Ok(()),
            (_, 0) => "`smp`: the plan has no site server".to_owned(),
            (_, 1) => "`smp` or `site-1`".to_owned(),
            (_, count) => format!("`smp` or one of `site-1` to `site-{count}`"),
        };
        Err(PlanError::new("server", format!("`{server}`"), expected))
    }

    fn check_interval(
        &self,
        agent: &AgentPlan,
        first_ms: u64,
        interval_ms: u64,
        jitter_ms: u64,
    ) -> Result<(), PlanError> {
        within("visits.every.interval_ms", interval_ms, 1..=RUN_MS_MAX, "ms", "a period of zero would never end")?;
        if jitter_ms >= interval_ms.div_ceil(2) {
            let expected = format!("less than half the interval of {}", millis(interval_ms));
            return Err(PlanError::new("visits.every.jitter_ms", millis(jitter_ms), expected)
                .help("visits keep their order only while each moves by less than half an interval"));
        }
        if first_ms < agent.start_ms.saturating_add(jitter_ms) {
            let expected =
                format!("at least its start at {} and the jitter of {}", millis(agent.start_ms), millis(jitter_ms));
            return Err(PlanError::new("visits.every.first_ms", millis(first_ms), expected));
        }
        self.check_start("visits.every.first_ms", first_ms)
    }

    fn check_instants(&self, agent: &AgentPlan, times_us: &[u64]) -> Result<(), PlanError> {
        let mut earliest_us = agent.start_ms.saturating_mul(1_000);
        let end_us = self.duration_ms.saturating_mul(1_000);
        for (index, time_us) in times_us.iter().enumerate() {
            if !(earliest_us..end_us).contains(time_us) {
                let expected = format!("{} or later, and before the end of the run", micros(earliest_us));
                return Err(PlanError::new(format!("visits.at.times_us[{index}]"), micros(*time_us), expected)
                    .help("the instants ascend, from the agent's start on"));
            }
            earliest_us = *time_us;
        }
        Ok(())
    }
}

/// What to say when there are more nodes than keys.
pub(crate) fn too_many_agents(agents: u64, sites: u64) -> PlanError {
    let room = u64::from(KEYS_MAX).saturating_sub(1).saturating_sub(sites);
    let expected = format!("at most {room} beside 1 SMP and {sites} sites");
    PlanError::new("agents", format!("{agents} agents"), expected)
        .help(format!("each node has an RSA key of its own, and the key pool holds {KEYS_MAX}"))
}
