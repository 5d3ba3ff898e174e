//! Whether a plan can be run at all. Nothing is built before this holds.

use std::collections::BTreeSet;

use super::{
    AgentPlan, HOSTS_MAX, KEYS_MAX, PLAN_VERSION, Plan, PlanError, RUN_DAYS_MAX, ServerPlan, VISITS_AT_MAX, Visits,
};
use crate::types::{ActorId, Bug, Caps, ClockModel, Costs, Parameters, TimeSpan};

const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 86_400;
const DAY_MS: u64 = 86_400_000;
/// Two years after 1970, so that no clock of a run goes below zero.
const RUN_START_S_MIN: u64 = 2 * 366 * DAY_S;
/// In the year 2500: no clock of a run comes to the last instant that can be told, in 2554.
const RUN_START_S_MAX: u64 = 530 * 366 * DAY_S;
/// The HTTP library's own minimum; it panics below.
const HEADER_SECTION_BYTES_MIN: u64 = 8_192;
const RUN_MS_MAX: u64 = RUN_DAYS_MAX * DAY_MS;

impl Plan {
    /// Checks that the plan can be run, whoever wrote it.
    ///
    /// # Errors
    /// The first thing in it that cannot be.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.version != PLAN_VERSION {
            return Err(PlanError::new("version", self.version, PLAN_VERSION)
                .help("another build wrote this plan; resolve its scenario again with `run SCENARIO --plan-only`"));
        }
        if let Some(bug) = self.bug
            && !Bug::CAN_BE_PLANTED
        {
            return Err(PlanError::new("bug", format!("`{bug}`"), "no planted bug").help(Bug::BUILD_NEEDED));
        }
        within("duration_ms", self.duration_ms, 1..=RUN_MS_MAX, "ms", "a run lasts at most 400 days")?;
        let starts = RUN_START_S_MIN..=RUN_START_S_MAX;
        within("run_start", self.run_start.0, starts, "", "clocks show nanoseconds since 1970 in 64 bits")?;
        self.check_network()?;
        check_parameters(&self.parameters)?;
        check_costs(&self.costs)?;
        self.check_population()?;
        let mut keys = BTreeSet::new();
        self.check_server("smp", &self.smp, &mut keys)?;
        for (index, site) in self.sites.iter().enumerate() {
            self.check_server(&format!("sites[{index}]"), site, &mut keys)?;
        }
        let mut instants = 0;
        for (index, agent) in self.agents.iter().enumerate() {
            self.check_agent(agent, &mut keys, &mut instants)
                .map_err(|error| PlanError { place: format!("agents[{index}].{}", error.place), ..error })?;
        }
        Ok(())
    }

    fn check_network(&self) -> Result<(), PlanError> {
        let network = &self.network;
        within("network.tick_ms", network.tick_ms, 1..=1_000, "ms", "host clocks would run fast at a finer tick")?;
        if network.latency_ms_min < network.tick_ms {
            return Err(PlanError::new(
                "network.latency_ms_min",
                millis(network.latency_ms_min),
                format!("at least one tick, which is {}", millis(network.tick_ms)),
            )
            .help(
                "bytes arrive on tick boundaries only: with a shorter latency they could arrive before they were sent",
            ));
        }
        if network.latency_ms_max < network.latency_ms_min {
            return Err(PlanError::new(
                "network.latency_ms_max",
                millis(network.latency_ms_max),
                format!("at least the minimum, which is {}", millis(network.latency_ms_min)),
            ));
        }
        within("network.latency_ms_max", network.latency_ms_max, 1..=60_000, "ms", "")
    }

    fn check_population(&self) -> Result<(), PlanError> {
        if self.agents.is_empty() {
            return Err(PlanError::new("agents", "no agent", "at least one: without agents nothing happens"));
        }
        let servers = 1 + self.sites.len();
        if servers + self.agents.len() > KEYS_MAX as usize {
            return Err(too_many_agents(self.agents.len() as u64, self.sites.len() as u64));
        }
        within("branches", self.branches.into(), 1..=u64::from(HOSTS_MAX), "", "agents live on client hosts")?;
        let hosts = servers as u64 + u64::from(self.branches);
        if hosts > u64::from(HOSTS_MAX) {
            return Err(PlanError::new(
                "sites",
                format!("{hosts} hosts: 1 SMP, {} sites and {} branches", self.sites.len(), self.branches),
                format!("at most {HOSTS_MAX} hosts"),
            )
            .help("the simulated network's cost per tick grows with the cube of its hosts; agents share branches"));
        }
        Ok(())
    }

    fn check_server(&self, place: &str, server: &ServerPlan, keys: &mut BTreeSet<u32>) -> Result<(), PlanError> {
        within(&format!("{place}.cores"), server.cores.into(), 1..=1_024, "", "a server without cores does no work")?;
        self.check_start(&format!("{place}.start_ms"), server.start_ms)?;
        check_clock(&format!("{place}.clock"), &server.clock)?;
        check_key(&format!("{place}.key"), server.key, keys)
    }

    fn check_start(&self, place: &str, start_ms: u64) -> Result<(), PlanError> {
        if start_ms < self.duration_ms {
            return Ok(());
        }
        let expected = format!("a start before the end of the run at {}", millis(self.duration_ms));
        Err(PlanError::new(place, millis(start_ms), expected))
    }

    fn check_agent(&self, agent: &AgentPlan, keys: &mut BTreeSet<u32>, instants: &mut u64) -> Result<(), PlanError> {
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
        check_key("key", agent.key, keys)?;
        match &agent.visits {
            Visits::Every { first_ms, interval_ms, jitter_ms } => {
                self.check_interval(agent, *first_ms, *interval_ms, *jitter_ms)
            }
            Visits::At { times_ms } => {
                *instants += times_ms.len() as u64;
                if *instants > VISITS_AT_MAX {
                    let expected = format!("at most {VISITS_AT_MAX} in the whole plan");
                    return Err(PlanError::new("visits.at", format!("{instants} instants so far"), expected));
                }
                self.check_instants(agent, times_ms)
            }
        }
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

    fn check_instants(&self, agent: &AgentPlan, times_ms: &[u64]) -> Result<(), PlanError> {
        let mut earliest_ms = agent.start_ms;
        for (index, time_ms) in times_ms.iter().enumerate() {
            if !(earliest_ms..self.duration_ms).contains(time_ms) {
                let expected = format!("{} or later, and before the end of the run", millis(earliest_ms));
                return Err(PlanError::new(format!("visits.at.times_ms[{index}]"), millis(*time_ms), expected)
                    .help("the instants ascend, from the agent's start on"));
            }
            earliest_ms = *time_ms;
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

fn check_parameters(parameters: &Parameters) -> Result<(), PlanError> {
    let parameter = |key: &str, found: u64, bounds: std::ops::RangeInclusive<u64>, unit: &str, why: &str| {
        within(&format!("parameters.{key}"), found, bounds, unit, why)
    };
    let p = parameters;
    parameter("token_lifetime_s", p.token_lifetime_s, 60..=DAY_S, "s", "tokens live from a minute to a day")?;
    if let Some(period_s) = p.validation_period_s {
        parameter("validation_period_s", period_s, 1..=DAY_S, "s", "a period of zero would never end")?;
    }
    parameter("look_ahead_s", p.look_ahead_s, 0..=DAY_S, "s", "")?;
    parameter("batch_size_max", p.batch_size_max.into(), 1..=4_096, "", "an empty batch asks for nothing")?;
    let tokens_max = p.validation_tokens_max.into();
    parameter("validation_tokens_max", tokens_max, 1..=1_000_000, "", "an empty validation refreshes nothing")?;
    parameter("upstream_slots", p.upstream_slots.into(), 1..=1_024, "", "without a slot a site never asks the SMP")?;
    parameter("registry_window", p.registry_window.into(), 1..=1_024, "", "1 accepts rising counters only")?;
    parameter("counter_jump_max", p.counter_jump_max, 1..=1 << 62, "", "0 would refuse every second use")?;
    parameter("leeway_s", p.leeway_s, 0..=HOUR_S, "s", "")?;
    for (key, period_s) in [
        ("registry_purge_period_s", p.registry_purge_period_s),
        ("agent_sweep_period_s", p.agent_sweep_period_s),
        ("agent_idle_s", p.agent_idle_s),
        ("keep_alive_idle_s", p.keep_alive_idle_s),
        ("connection_age_max_s", p.connection_age_max_s),
        ("policy_interval_s", p.policy_interval_s),
    ] {
        parameter(key, period_s, 1..=RUN_DAYS_MAX * DAY_S, "s", "a period of zero would never end")?;
    }
    for (key, timeout_ms) in [
        ("connect_timeout_ms", p.connect_timeout_ms),
        ("exchange_timeout_ms", p.exchange_timeout_ms),
        ("upstream_timeout_ms", p.upstream_timeout_ms),
        ("retry_first_ms", p.retry_first_ms),
    ] {
        parameter(key, timeout_ms, 1..=HOUR_S * 1_000, "ms", "nothing happens in no time")?;
    }
    let retries = p.retry_first_ms..=DAY_MS;
    parameter("retry_max_ms", p.retry_max_ms, retries, "ms", "the longest delay is not below the first")?;
    parameter("uids_per_agent_max", p.uids_per_agent_max.into(), 1..=1_024, "", "")?;
    parameter("first_requests_per_s", p.first_requests_per_s.into(), 1..=1_000_000, "", "0 would let nobody in")?;
    parameter("first_requests_burst", p.first_requests_burst.into(), 1..=1_000_000, "", "0 would let nobody in")?;
    check_caps(&p.caps, p.batch_size_max)
}

/// What an agent takes at most in a GetClientTokens request, and its token and key in the encrypted answer.
const REQUEST_ENTRY_BYTES: u64 = 128;
const RESPONSE_ENTRY_BYTES: u64 = 2_048;

fn check_caps(caps: &Caps, batch_size_max: u32) -> Result<(), PlanError> {
    let token = "a token alone takes more than a kilobyte";
    let batch = "a full batch must fit: lower batch_size_max, or raise this";
    // The entries of a full batch, and as much again as one of them for what is around them.
    let for_batch = |entry_bytes: u64| (u64::from(batch_size_max) + 1) * entry_bytes;
    for (key, bytes, bytes_min, why) in [
        ("header_section_bytes", caps.header_section_bytes, HEADER_SECTION_BYTES_MIN, "a header section holds a token"),
        ("token_bytes", caps.token_bytes, 2_048, token),
        ("request_body_bytes", caps.request_body_bytes, for_batch(REQUEST_ENTRY_BYTES), batch),
        ("batch_response_bytes", caps.batch_response_bytes, for_batch(RESPONSE_ENTRY_BYTES), batch),
    ] {
        let place = format!("parameters.caps.{key}");
        within(&place, bytes.into(), bytes_min..=64 << 20, "bytes", why)?;
    }
    Ok(())
}

fn check_costs(costs: &Costs) -> Result<(), PlanError> {
    for (key, cost_ns) in [
        ("sign_ns", costs.sign_ns),
        ("verify_ns", costs.verify_ns),
        ("parse_ns", costs.parse_ns),
        ("seal_ns", costs.seal_ns),
        ("open_ns", costs.open_ns),
        ("request_ns", costs.request_ns),
    ] {
        within(&format!("costs.{key}"), cost_ns, 0..=10_000_000_000, "ns", "one operation takes at most 10 s")?;
    }
    Ok(())
}

fn check_clock(place: &str, clock: &ClockModel) -> Result<(), PlanError> {
    let offset_max = DAY_MS * 400;
    if clock.offset_ms.unsigned_abs() > offset_max {
        let expected = "at most 400 days to either side";
        return Err(PlanError::new(format!("{place}.offset_ms"), format!("{} ms", clock.offset_ms), expected));
    }
    if clock.drift_ppm.unsigned_abs() > 100_000 {
        let expected = "from -100000 to 100000: a tenth of true time";
        return Err(PlanError::new(format!("{place}.drift_ppm"), clock.drift_ppm, expected));
    }
    Ok(())
}

fn check_key(place: &str, key: u32, keys: &mut BTreeSet<u32>) -> Result<(), PlanError> {
    within(place, key.into(), 0..=u64::from(KEYS_MAX - 1), "", "the key pool ends there")?;
    if keys.insert(key) {
        return Ok(());
    }
    Err(PlanError::new(place, key, "a key that no other node has").help("nodes with one key could pose as each other"))
}

/// Milliseconds as a scenario would write them; as a plain number where that is too many.
fn millis(number: u64) -> String {
    if number > RUN_MS_MAX { format!("{number} ms") } else { TimeSpan::from_millis(number).to_string() }
}

fn within(
    place: &str,
    found: u64,
    bounds: std::ops::RangeInclusive<u64>,
    unit: &str,
    why: &str,
) -> Result<(), PlanError> {
    if bounds.contains(&found) {
        return Ok(());
    }
    let readable = |number: u64| match unit {
        "ns" => TimeSpan::from_nanos(number).to_string(),
        "ms" => millis(number),
        "s" => number.checked_mul(1_000).map_or(format!("{number} s"), millis),
        "" => number.to_string(),
        unit => format!("{number} {unit}"),
    };
    let expected = format!("from {} to {}", readable(*bounds.start()), readable(*bounds.end()));
    Err(PlanError::new(place, readable(found), expected).help(why))
}
