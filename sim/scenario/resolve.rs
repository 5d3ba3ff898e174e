//! From a scenario and a seed to a plan.

use super::{
    Destination, Ranged, Scenario, ScenarioError,
    draws::{Draws, MILLISECOND, whole},
    key_supply::KeySupply,
    locate::{Origins, has_key, key_of_place},
    population::{GroupBuilder, at},
    problem::Problem,
};
use crate::{
    plan::{Expectation, KEYS_MAX, Network, PLAN_VERSION, Plan, PlanError, RUN_DAYS_MAX, ServerPlan, too_many_agents},
    types::{ActorId, Bug, CryptoTier, Parameters, Profile, Scheme, TimeSpan, UnixSeconds},
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
            parameters: self.parameters(profile, &draws)?,
            costs: document.costs.resolve(),
            scheme: document.scheme.unwrap_or(Scheme::Http),
            smp: self.smp(&draws)?,
            sites: (1..=site_count).map(|number| self.site(&draws, number)).collect::<Result<_, _>>()?,
            shared_cores: None,
            branches: document.network.branches.unwrap_or(site_count.clamp(1, 4)),
            agents: Vec::new(),
            faults: Vec::new(),
            heal_ms: None,
            attackers: Vec::new(),
            machine: document.machine.as_ref().map(|table| table.resolve(&draws)).transpose()?,
            portal: document.portal.as_ref().map(|portal| portal.resolve(&draws)).transpose()?,
            proxies: document.proxies.clone(),
            bug: document.plant,
            expectation: self.expectation(profile)?,
        };
        let mut origins = Origins::default();
        for (group, (table, count)) in document.agents.iter().zip(&group_counts).enumerate() {
            GroupBuilder { group, table, count: *count, draws: &draws }.add_to(&mut plan)?;
            origins.groups.resize(plan.agents.len(), group);
        }
        // What hardship strikes must be sound before.
        plan.check().map_err(|error| self.problem(error, profile, &origins))?;
        self.add_hardship(&mut plan, &draws, &mut origins)?;
        plan.check().map_err(|error| self.problem(error, profile, &origins))?;
        Ok(plan)
    }

    /// Faults and attackers: first those that the file tells of, then those that the seed draws.
    fn add_hardship(&self, plan: &mut Plan, draws: &Draws, origins: &mut Origins) -> Result<(), Problem> {
        let document = &self.document;
        let mut keys = KeySupply::behind(plan);
        for (index, table) in document.faults.iter().enumerate() {
            let in_table = |problem| in_table(problem, "faults", index);
            table.add_to(plan, index, draws, &mut keys).map_err(in_table)?;
            origins.faults.resize(plan.faults.len(), (index, table.length.is_some()));
        }
        for (index, table) in document.attackers.iter().enumerate() {
            let in_table = |problem| in_table(problem, "attackers", index);
            table.add_to(plan, index, draws, &mut keys).map_err(in_table)?;
            origins.attackers.resize(plan.attackers.len(), index);
        }
        document.hardship.add_to(plan, document, &origins.groups, draws, &mut keys)
    }

    /// What cannot be in the plan, at the key that it comes from.
    fn problem(&self, error: PlanError, profile: Profile, origins: &Origins) -> Problem {
        let common = key_of_place(&error.place, origins);
        let own = format!("{}.{common}", name_of(profile));
        // Parameters may stand in the table of the profile.
        let key = if has_key(&self.text, &own) { own } else { common };
        // Instants are told by a group's arrivals, or one by one.
        let told = key.strip_suffix("arrivals").map(|group| format!("{group}visits.at"));
        let key = told.filter(|told| has_key(&self.text, told)).unwrap_or(key);
        Problem::new(key, error.found, error.expected).help(error.help)
    }

    fn parameters(&self, profile: Profile, draws: &Draws) -> Result<Parameters, Problem> {
        let mut parameters = Parameters::defaults(profile);
        self.document.parameters.apply(&mut parameters, "parameters", draws)?;
        if let Some(own) = self.document.of(profile) {
            own.parameters.apply(&mut parameters, &format!("{}.parameters", name_of(profile)), draws)?;
        }
        Ok(parameters)
    }

    fn expectation(&self, profile: Profile) -> Result<Expectation, Problem> {
        let document = &self.document;
        let mut expectation = document.expect.resolve(document.thresholds.clone());
        if let Some(own) = document.of(profile) {
            own.extend(&mut expectation);
        }
        if let Some(both) = expectation.never.iter().find(|milestone| expectation.reach.contains(milestone)) {
            let name = serde_json::to_string(both).unwrap_or_default();
            let found = format!("{name}, which the run must reach");
            let is_common = document.expect.never.contains(both);
            let key = if is_common { "expect.never".to_owned() } else { format!("{}.expect.never", name_of(profile)) };
            return Err(Problem::new(key, found, "what is not in `reach`"));
        }
        Ok(expectation)
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
            clock: table.clock.resolve(draws, "smp.clock", 0)?,
            cores: table.cores.map_or(Ok(SMP_CORES), |cores| draws.count("smp.cores", 0, cores))?,
            start_ms: table.start.map_or(Ok(0), |start| draws.time("smp.start", 0, start, MILLISECOND))?,
            key: 0,
            profile: table.profile,
            authentication: table.authentication.as_ref().map(|kinds| kinds.iter().copied().collect()),
            redirect_to: self.redirect_of(ActorId::Smp),
        })
    }

    fn site(&self, draws: &Draws, number: u32) -> Result<ServerPlan, Problem> {
        let table = &self.document.sites;
        let user = number.into();
        Ok(ServerPlan {
            clock: table.clock.resolve(draws, "sites.clock", user)?,
            cores: table.cores.map_or(Ok(SITE_CORES), |cores| draws.count("sites.cores", user, cores))?,
            start_ms: table.start.map_or(Ok(0), |start| draws.time("sites.start", user, start, MILLISECOND))?,
            key: number,
            profile: table.profile,
            authentication: table.authentication.as_ref().filter(|lists| !lists.is_empty()).map(|lists| {
                let turn = (number.max(1) - 1) as usize % lists.len();
                lists.get(turn).into_iter().flatten().copied().collect()
            }),
            redirect_to: self.redirect_of(ActorId::Site(number)),
        })
    }

    fn redirect_of(&self, server: ActorId) -> Option<ActorId> {
        self.document.redirects.iter().find(|redirect| redirect.from == server).map(|redirect| redirect.to)
    }
}

/// Streams are named without the index of the table; errors name it.
fn in_table(problem: Problem, tables: &str, index: usize) -> Problem {
    let key = problem.key.replacen(tables, &format!("{tables}[{index}]"), 1);
    at(problem, &key)
}

const fn name_of(profile: Profile) -> &'static str {
    match profile {
        Profile::Literal => "literal",
        Profile::Hardened => "hardened",
    }
}
