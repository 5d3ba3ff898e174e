//! The agents of a scenario's groups.

use super::draws::whole;
use super::{
    AgentGroup, Destination, PolicyInterval, Ranged,
    arrivals::arrival_times_us,
    draws::{Draws, MICROSECOND, MILLISECOND, SECOND},
    problem::Problem,
};
use crate::{
    plan::{AgentPlan, ConnectionUse, KEYS_MAX, Plan, Visits, too_many_agents},
    types::ActorId,
};

/// Makes the agents of one group.
pub(super) struct GroupBuilder<'a> {
    pub group: usize,
    pub table: &'a AgentGroup,
    /// How many agents, clones aside.
    pub count: u64,
    pub draws: &'a Draws,
}

impl GroupBuilder<'_> {
    /// Adds the agents of the group, and then clone by clone their clones.
    pub fn add_to(&self, plan: &mut Plan) -> Result<(), Problem> {
        let clones = self.clones()?;
        let first = plan.agents.len() as u64;
        // Before any of them is made.
        let agents = first + self.count * (1 + u64::from(clones));
        if agents > u64::from(KEYS_MAX) {
            let error = too_many_agents(agents, plan.sites.len() as u64);
            let key = format!("agents[{}].clones", self.group);
            return Err(Problem::new(key, error.found, error.expected).help("clones count as agents"));
        }
        let mut arrivals = self.arrivals(plan, clones)?.map(Vec::into_iter);
        for clone in 0..=clones {
            for index in 0..self.count {
                let user = Self::user(self.group, clone, index);
                let mut agent = self.agent(plan, index, user).map_err(|problem| self.in_group(problem))?;
                if let Some(arrivals) = &mut arrivals {
                    agent.visits = Visits::At { times_us: arrivals.next().unwrap_or_default() };
                }
                if clone > 0 {
                    let original = small(first + index + 1);
                    agent.clone_of = Some(original);
                    agent.key = plan.agent(original).map_or(agent.key, |original| original.key);
                }
                plan.agents.push(agent);
            }
        }
        Ok(())
    }

    fn clones(&self) -> Result<u32, Problem> {
        const CLONES_MAX: u32 = 1_000;
        let key = format!("agents[{}].clones", self.group);
        let drawn = |range| self.draws.count("agents.clones", self.group as u64, range);
        let clones = self.table.clones.map_or(Ok(0), drawn).map_err(|problem| at(problem, &key))?;
        if clones > CLONES_MAX {
            return Err(Problem::new(key, clones, format!("at most {CLONES_MAX} of each agent")));
        }
        Ok(clones)
    }

    /// For each agent of the group the instants of its visits, if the group has an open model.
    fn arrivals(&self, plan: &Plan, clones: u32) -> Result<Option<Vec<Vec<u64>>>, Problem> {
        let key = format!("agents[{}]", self.group);
        let table = match (&self.table.visits, &self.table.arrivals) {
            (Some(_), None) => return Ok(None),
            (None, Some(table)) => table,
            (Some(_), Some(_)) => {
                let expected = "one of them: at intervals of each agent, or at a rate of all";
                return Err(Problem::new(format!("{key}.arrivals"), "both `visits` and `arrivals`", expected));
            }
            (None, None) => {
                let expected = "one of them, such as visits = { every = \"1m\" }";
                return Err(Problem::new(key, "neither `visits` nor `arrivals`", expected));
            }
        };
        if self.table.start.is_some_and(|start| start.min != start.max) {
            let expected = "one time for all, since the arrivals of the group count from it";
            return Err(Problem::new(format!("{key}.start"), "a range", expected));
        }
        let start_ms = self.start_ms(Self::user(self.group, 0, 0)).map_err(|problem| self.in_group(problem))?;
        let mut rng = self.draws.stream("agents.arrivals", self.group as u64);
        let left_ms = plan.duration_ms.saturating_sub(start_ms);
        let times_us = arrival_times_us(&format!("{key}.arrivals"), table, left_ms, &mut rng)?;
        let mut of_agent = vec![Vec::new(); self.count as usize * (1 + clones as usize)];
        // By turns: nobody is called while others have rested longer.
        let turns = of_agent.len();
        for (turn, time_us) in times_us.into_iter().enumerate() {
            of_agent[turn % turns].push(start_ms.saturating_mul(1_000).saturating_add(time_us));
        }
        Ok(Some(of_agent))
    }

    fn agent(&self, plan: &Plan, index: u64, user: u64) -> Result<AgentPlan, Problem> {
        let (table, draws) = (self.table, self.draws);
        let site_count = plan.sites.len() as u64;
        let number = plan.agents.len() as u64;
        let start_ms = self.start_ms(user)?;
        let count = |key: &str, given: Option<Ranged<u32>>| given.map_or(Ok(1), |range| draws.count(key, user, range));
        Ok(AgentPlan {
            branch: small(number % u64::from(plan.branches.max(1)) + 1),
            server: match table.server {
                Destination::Sites => ActorId::Site(small(index % site_count.max(1) + 1)),
                Destination::Site(number) => ActorId::Site(number),
                Destination::Smp => ActorId::Smp,
            },
            clock: table.clock.resolve(draws, "agents.clock", user)?,
            start_ms,
            leave_ms: match table.leave {
                Some(leave) => Some(draws.time("agents.leave", user, leave, MILLISECOND)?),
                None => None,
            },
            bootstrap: table.bootstrap,
            policy_interval_s: match table.policy_interval {
                PolicyInterval::Never => 0,
                PolicyInterval::Every(interval) => match whole("agents.policy_interval", interval, SECOND)? {
                    0 => return Err(zero("agents.policy_interval").help("write \"never\" for no policy at all")),
                    interval_s => interval_s,
                },
            },
            visits: self.intervals(user, start_ms)?,
            requests: count("agents.requests", table.requests)?,
            public_requests: match table.public_requests {
                Some(range) => draws.count("agents.public_requests", user, range)?,
                None => 0,
            },
            connections: count("agents.connections", table.connections)?,
            connection_use: table.connection_use.unwrap_or(ConnectionUse::New),
            key: small(1 + site_count + number),
            profile: table.profile,
            clone_of: None,
            codebase: table.codebase.unwrap_or_default(),
            errand: table.errand.unwrap_or_default(),
            proxy: table.proxy,
            peer: table.peer,
        })
    }

    fn intervals(&self, user: u64, start_ms: u64) -> Result<Visits, Problem> {
        let Some(table) = &self.table.visits else { return Ok(Visits::At { times_us: Vec::new() }) };
        let every = match (table.every, &table.at) {
            (Some(every), None) => every,
            (None, Some(times)) if table.jitter.is_none() => {
                let times = times.iter().map(|time| whole("agents.visits.at", *time, MICROSECOND));
                return Ok(Visits::At { times_us: times.collect::<Result<_, _>>()? });
            }
            (None, Some(_)) => {
                return Err(Problem::new("agents.visits.jitter", "`jitter` beside `at`", "`jitter` with `every` only"));
            }
            (Some(_), Some(_)) => {
                return Err(Problem::new("agents.visits.at", "both `every` and `at`", "one of them"));
            }
            (None, None) => {
                let expected = "one of them, such as visits = { every = \"1m\" }";
                return Err(Problem::new("agents.visits", "neither `every` nor `at`", expected));
            }
        };
        let interval_ms = self.draws.time("agents.visits.every", user, every, MILLISECOND)?;
        let jitter_ms = table.jitter.map_or(Ok(0), |jitter| whole("agents.visits.jitter", jitter, MILLISECOND))?;
        // Even the earliest first visit is not before the start.
        Ok(Visits::Every { first_ms: start_ms.saturating_add(jitter_ms), interval_ms, jitter_ms })
    }

    fn start_ms(&self, user: u64) -> Result<u64, Problem> {
        self.table.start.map_or(Ok(0), |start| self.draws.time("agents.start", user, start, MILLISECOND))
    }

    /// The number under which an agent draws: it stays the same when another group grows, or gets clones. A group has
    /// fewer agents than 16 bits can tell, since the key pool has fewer keys.
    fn user(group: usize, clone: u32, index: u64) -> u64 {
        (group as u64) << 32 | u64::from(clone) << 16 | index
    }

    /// Streams are named without the group; errors name it.
    fn in_group(&self, problem: Problem) -> Problem {
        let key = problem.key.replacen("agents", &format!("agents[{}]", self.group), 1);
        at(problem, &key)
    }
}

pub(super) fn at(problem: Problem, key: &str) -> Problem {
    Problem { key: key.to_owned(), ..problem }
}

fn zero(key: &str) -> Problem {
    Problem::new(key, "0s", "at least 1s")
}

/// Numbers of nodes are below the size of the key pool, which was checked before.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
