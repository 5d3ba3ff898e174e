//! From a scenario and a seed to a plan.

use super::{
    AgentGroup, ClockTable, Destination, PolicyInterval, Ranged, Scenario, ScenarioError,
    arrivals::arrival_times_ms,
    draws::{Draws, MILLISECOND, SECOND, whole},
    locate::key_of_place,
    problem::Problem,
};
use crate::{
    plan::{
        AgentPlan, Expectation, KEYS_MAX, Network, PLAN_VERSION, Plan, RUN_DAYS_MAX, ServerPlan, Visits,
        too_many_agents,
    },
    types::{ActorId, Bug, ClockModel, CryptoTier, Profile, TimeSpan, UnixSeconds},
};

/// Every run starts on Monday, 5 January 2026, at 08:00:00 UTC.
const RUN_START: UnixSeconds = UnixSeconds(1_767_600_000);

const SMP_CORES: u32 = 4;
const SITE_CORES: u32 = 2;

/// What the caller decides instead of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Overrides {
    /// Which face of the protocol.
    pub profile: Option<Profile>,
    /// Which signatures.
    pub crypto: Option<CryptoTier>,
}

impl Scenario {
    /// Settles everything that the scenario leaves open, by `seed` or else by the scenario's own.
    ///
    /// # Errors
    /// If the plan could not be run. The error has file, line and column.
    pub fn resolve(&self, seed: Option<u64>, overrides: Overrides) -> Result<Plan, ScenarioError> {
        let seed = seed.unwrap_or(self.document.seed);
        self.try_resolve(seed, overrides)
            .map_err(|problem| ScenarioError::from_problem(&self.file, &self.text, problem))
    }

    fn try_resolve(&self, seed: u64, overrides: Overrides) -> Result<Plan, Problem> {
        let document = &self.document;
        if document.description.trim().is_empty() {
            return Err(Problem::new("description", "no text", "one sentence on what the scenario shows"));
        }
        if let Some(bug) = document.plant
            && !Bug::CAN_BE_PLANTED
        {
            return Err(Problem::new("plant", format!("`{bug}`"), "no planted bug").help(Bug::BUILD_NEEDED));
        }
        let draws = Draws::new(seed);
        let profile = overrides.profile.unwrap_or(document.profile);
        let duration_ms = self.duration_ms()?;
        let (site_count, group_counts) = self.population(&draws)?;
        let mut plan = Plan {
            version: PLAN_VERSION,
            scenario: self.name.clone(),
            seed,
            profile,
            crypto: overrides.crypto.unwrap_or(document.crypto),
            duration_ms,
            run_start: RUN_START,
            network: self.network()?,
            parameters: document.parameters.resolve(profile, &draws)?,
            costs: document.costs.resolve(),
            scheme: document.scheme,
            smp: self.smp(&draws)?,
            sites: (1..=site_count).map(|number| self.site(&draws, number)).collect::<Result<_, _>>()?,
            branches: document.network.branches.unwrap_or(site_count.clamp(1, 4)),
            agents: Vec::new(),
            faults: Vec::new(),
            heal_ms: None,
            attackers: Vec::new(),
            bug: document.plant,
            expectation: Expectation {
                violations: document.expect.violations.clone(),
                reach: document.expect.reach.clone(),
                never: Vec::new(),
                thresholds: document.thresholds.clone(),
            },
        };
        let mut group_of_agent = Vec::new();
        for (group, (table, count)) in document.agents.iter().zip(&group_counts).enumerate() {
            let builder = GroupBuilder { group, table, count: *count, draws: &draws };
            builder.add_to(&mut plan)?;
            group_of_agent.resize(plan.agents.len(), group);
        }
        plan.check().map_err(|error| {
            let group_of = |agent: usize| group_of_agent.get(agent).copied().unwrap_or_default();
            Problem::new(key_of_place(&error.place, group_of), error.found, error.expected).help(error.help)
        })?;
        Ok(plan)
    }

    /// Checked before anything else: all that follows is bounded by it.
    fn duration_ms(&self) -> Result<u64, Problem> {
        let duration_ms = whole("duration", self.document.duration, MILLISECOND)?;
        if (1..=RUN_DAYS_MAX * 86_400_000).contains(&duration_ms) {
            return Ok(duration_ms);
        }
        Err(Problem::new("duration", self.document.duration, format!("from 1ms to {RUN_DAYS_MAX}d")))
    }

    /// How many sites there are, and how many agents each group has. Checked before any of them is made.
    fn population(&self, draws: &Draws) -> Result<(u32, Vec<u64>), Problem> {
        let document = &self.document;
        let site_count = document.sites.count.map_or(Ok(0), |count| draws.count("sites.count", 0, count))?;
        let mut agents = 0_u64;
        let mut counts = Vec::new();
        for (group, table) in document.agents.iter().enumerate() {
            let key = format!("agents[{group}].count");
            let count = draws.number("agents.count", group as u64, table.count).map_err(|problem| at(problem, &key))?;
            if count == 0 {
                return Err(Problem::new(key, 0, "at least 1").help("remove the group if nobody is in it"));
            }
            agents = agents.saturating_add(count);
            if agents > u64::from(KEYS_MAX) {
                let error = too_many_agents(agents, site_count.into());
                return Err(Problem::new(key, error.found, error.expected).help(error.help));
            }
            if table.server == Destination::Sites && site_count == 0 {
                return Err(Problem::new(format!("agents[{group}].server"), "`sites` and no site", "a site to visit")
                    .help("give `[sites]` a `count`, or let these agents visit `server = \"smp\"`"));
            }
            counts.push(count);
        }
        Ok((site_count.min(KEYS_MAX), counts))
    }

    fn network(&self) -> Result<Network, Problem> {
        let table = &self.document.network;
        let tick = table.tick.unwrap_or(TimeSpan::from_millis(1));
        let tick_ms = whole("network.tick", tick, MILLISECOND)?;
        let latency = table.latency.unwrap_or(Ranged::exactly(tick));
        let Ranged { min, max } = latency.try_map(|latency| whole("network.latency", latency, MILLISECOND))?;
        Ok(Network { tick_ms, latency_ms_min: min, latency_ms_max: max })
    }

    fn smp(&self, draws: &Draws) -> Result<ServerPlan, Problem> {
        let table = &self.document.smp;
        Ok(ServerPlan {
            clock: clock(draws, "smp.clock", 0, &table.clock)?,
            cores: table.cores.map_or(Ok(SMP_CORES), |cores| draws.count("smp.cores", 0, cores))?,
            start_ms: table.start.map_or(Ok(0), |start| draws.time("smp.start", 0, start, MILLISECOND))?,
            key: 0,
            profile: None,
        })
    }

    fn site(&self, draws: &Draws, number: u32) -> Result<ServerPlan, Problem> {
        let table = &self.document.sites;
        let user = number.into();
        Ok(ServerPlan {
            clock: clock(draws, "sites.clock", user, &table.clock)?,
            cores: table.cores.map_or(Ok(SITE_CORES), |cores| draws.count("sites.cores", user, cores))?,
            start_ms: table.start.map_or(Ok(0), |start| draws.time("sites.start", user, start, MILLISECOND))?,
            key: number,
            profile: None,
        })
    }
}

/// Makes the agents of one group.
struct GroupBuilder<'a> {
    group: usize,
    table: &'a AgentGroup,
    count: u64,
    draws: &'a Draws,
}

impl GroupBuilder<'_> {
    fn add_to(&self, plan: &mut Plan) -> Result<(), Problem> {
        let mut arrivals = self.arrivals(plan)?;
        for index in 0..self.count {
            let mut agent = self.agent(plan, index).map_err(|problem| self.in_group(problem))?;
            if let Some(arrivals) = &mut arrivals {
                agent.visits = Visits::At { times_ms: std::mem::take(&mut arrivals[index as usize]) };
            }
            plan.agents.push(agent);
        }
        Ok(())
    }

    /// For each agent of the group the instants of its visits, if the group has an open model.
    fn arrivals(&self, plan: &Plan) -> Result<Option<Vec<Vec<u64>>>, Problem> {
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
        let start_ms = self.start_ms(0).map_err(|problem| self.in_group(problem))?;
        let mut rng = self.draws.stream("agents.arrivals", self.group as u64);
        let left_ms = plan.duration_ms.saturating_sub(start_ms);
        let times_ms = arrival_times_ms(&format!("{key}.arrivals"), table, left_ms, &mut rng)?;
        let mut of_agent = vec![Vec::new(); self.count as usize];
        // By turns: nobody is called while others have rested longer.
        for (turn, time_ms) in times_ms.into_iter().enumerate() {
            of_agent[turn % self.count as usize].push(start_ms + time_ms);
        }
        Ok(Some(of_agent))
    }

    fn agent(&self, plan: &Plan, index: u64) -> Result<AgentPlan, Problem> {
        let (table, draws, user) = (self.table, self.draws, self.user(index));
        let site_count = plan.sites.len() as u64;
        let number = plan.agents.len() as u64;
        let start_ms = self.start_ms(index)?;
        let count = |key: &str, given: Option<Ranged<u32>>| given.map_or(Ok(1), |range| draws.count(key, user, range));
        Ok(AgentPlan {
            branch: small(number % u64::from(plan.branches.max(1)) + 1),
            server: match table.server {
                Destination::Sites => ActorId::Site(small(index % site_count.max(1) + 1)),
                Destination::Site(number) => ActorId::Site(number),
                Destination::Smp => ActorId::Smp,
            },
            clock: clock(draws, "agents.clock", user, &table.clock)?,
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
            visits: self.intervals(index, start_ms)?,
            requests: count("agents.requests", table.requests)?,
            public_requests: match table.public_requests {
                Some(range) => draws.count("agents.public_requests", user, range)?,
                None => 0,
            },
            connections: count("agents.connections", table.connections)?,
            connection_use: table.connection_use,
            key: small(1 + site_count + number),
            profile: None,
            clone_of: None,
        })
    }

    fn intervals(&self, index: u64, start_ms: u64) -> Result<Visits, Problem> {
        let Some(table) = &self.table.visits else { return Ok(Visits::At { times_ms: Vec::new() }) };
        let interval_ms = self.draws.time("agents.visits.every", self.user(index), table.every, MILLISECOND)?;
        let jitter_ms = table.jitter.map_or(Ok(0), |jitter| whole("agents.visits.jitter", jitter, MILLISECOND))?;
        // Even the earliest first visit is not before the start.
        Ok(Visits::Every { first_ms: start_ms.saturating_add(jitter_ms), interval_ms, jitter_ms })
    }

    fn start_ms(&self, index: u64) -> Result<u64, Problem> {
        let user = self.user(index);
        self.table.start.map_or(Ok(0), |start| self.draws.time("agents.start", user, start, MILLISECOND))
    }

    /// The number under which an agent draws: it stays the same when another group grows.
    fn user(&self, index: u64) -> u64 {
        (self.group as u64) << 32 | index
    }

    /// Streams are named without the group; errors name it.
    fn in_group(&self, problem: Problem) -> Problem {
        let key = problem.key.replacen("agents", &format!("agents[{}]", self.group), 1);
        at(problem, &key)
    }
}

fn clock(draws: &Draws, key: &str, user: u64, table: &ClockTable) -> Result<ClockModel, Problem> {
    let offset = |range| draws.offset_ms(&format!("{key}.offset"), user, range);
    let drift = |range| draws.signed(&format!("{key}.drift_ppm"), user, range);
    let (offset_ms, drift_ppm) = (table.offset.map_or(Ok(0), offset)?, table.drift_ppm.map_or(Ok(0), drift)?);
    Ok(ClockModel { offset_ms, drift_ppm, ..ClockModel::default() })
}

fn at(problem: Problem, key: &str) -> Problem {
    Problem { key: key.to_owned(), ..problem }
}

fn zero(key: &str) -> Problem {
    Problem::new(key, "0s", "at least 1s")
}

/// Numbers of nodes are below the size of the key pool, which was checked before.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
