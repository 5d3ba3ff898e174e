//! What the oracle takes for granted about a run: the symbols of SPEC section 6, computed from the plan.

mod hindrances;
mod identities;
mod kinds;
mod management_agents;
mod paths;
mod portal;
mod profiles;

pub use hindrances::Hindrances;
pub use identities::Identities;
pub use kinds::Kinds;
pub use management_agents::ManagementAgents;
pub use paths::Paths;
pub use portal::PortalAssumptions;
pub use profiles::Profiles;

use std::time::Duration;

use super::fairness::Fairness;
use crate::{
    plan::{AgentPlan, FaultKind, Plan, Visits},
    types::{ActorId, ClockModel, Parameters, Profile, Scheme, UnixSeconds, VirtualTime, WallTime},
};

/// The plan, as far as invariants speak of it. Everything here is recomputed and nothing is asked of a server.
#[derive(Clone, Debug)]
pub struct Assumptions {
    /// Which face of the protocol whose software shows.
    pub profiles: Profiles,
    /// Who may act in whose name.
    pub identities: Identities,
    /// When a site server may be unable to learn from the SMP.
    pub hindrances: Hindrances,
    /// When management agents do their work.
    pub management_agents: ManagementAgents,
    /// Which kinds of authentication are on, where and when.
    pub kinds: Kinds,
    /// By which path servers are reached.
    pub paths: Paths,
    /// What the plan says of its portal.
    pub portal: PortalAssumptions,
    /// When the network is fair.
    pub fairness: Fairness,
    /// Whether servers are reached over TLS.
    pub scheme: Scheme,
    /// The protocol's parameters, as the run starts.
    pub parameters: Parameters,
    /// σ: the largest difference between two clocks at any time of the run, true time being one of them.
    pub skew: Duration,
    /// σ as far as liveness presupposes it: the largest difference while the network is fair.
    pub fair_skew: Duration,
    /// λ: how long past its expiry a token is still accepted.
    pub leeway: Duration,
    /// L: how long a token lives; the most that policy ever says.
    pub lifetime: Duration,
    /// P: the validation period (rule 38); the longest that policy ever asks for.
    pub period: Duration,
    /// The shortest validation period that policy ever asks for.
    pub period_min: Duration,
    /// How coarse time is: expiries are whole seconds, and timers fire on ticks of the network.
    pub granularity: Duration,
    /// Which key of the key pool the SMP signs tokens with, as the run starts.
    pub server_key: u32,
    lifetime_min: Duration,
    run_start: UnixSeconds,
    smp_clock: ClockModel,
    site_clocks: Vec<ClockModel>,
    /// By how much the SMP's clock is wrong, at least and at most, in nanoseconds.
    issuer_error: (i128, i128),
    /// Which site's clock is at some time further from the SMP's than the leeway.
    far_from_issuer: Vec<bool>,
    agents: Vec<AgentAssumptions>,
    rotates_keys: bool,
}

#[derive(Clone, Copy, Debug)]
struct AgentAssumptions {
    connections: u32,
    leaves: Option<VirtualTime>,
    fetches_policy: bool,
    server: ActorId,
    visits_seldom: bool,
}

impl Assumptions {
    /// Computes the assumptions of a plan.
    pub fn of(plan: &Plan) -> Self {
        let parameters = plan.parameters.clone();
        let fairness = Fairness::of(plan);
        let end = VirtualTime::from_millis(plan.duration_ms);
        let fair_from = fairness.from().min(end);
        let (lifetimes, periods) = policies(plan);
        let error = |actor| plan.clock_of(actor).error_bounds_nanos(VirtualTime::ZERO, end);
        let issuer_error = error(ActorId::Smp);
        let is_far = |site: (i128, i128)| {
            let apart = (site.1 - issuer_error.0).max(issuer_error.1 - site.0);
            u128::try_from(apart).is_ok_and(|apart| apart > parameters.leeway().as_nanos())
        };
        let sites = || (1..).map(ActorId::Site).take(plan.sites.len());
        Self {
            profiles: Profiles::of(plan),
            identities: Identities::of(plan),
            hindrances: Hindrances::of(plan),
            management_agents: ManagementAgents::of(plan),
            kinds: Kinds::of(plan),
            paths: Paths::of(plan),
            portal: PortalAssumptions::of(plan),
            scheme: plan.scheme,
            skew: skew(plan, VirtualTime::ZERO, end),
            fair_skew: skew(plan, fair_from, end),
            leeway: parameters.leeway(),
            lifetime: Duration::from_secs(lifetimes.1),
            lifetime_min: Duration::from_secs(lifetimes.0),
            period: Duration::from_secs(periods.1),
            period_min: Duration::from_secs(periods.0),
            granularity: Duration::from_millis(plan.network.tick_ms.saturating_mul(2))
                .saturating_add(Duration::from_secs(1)),
            server_key: plan.smp.key,
            run_start: plan.run_start,
            smp_clock: plan.clock_of(ActorId::Smp),
            site_clocks: sites().map(|site| plan.clock_of(site)).collect(),
            issuer_error,
            far_from_issuer: sites().map(|site| is_far(error(site))).collect(),
            agents: plan
                .agents
                .iter()
                .map(|agent| AgentAssumptions {
                    connections: agent.connections,
                    leaves: agent.leave_ms.map(VirtualTime::from_millis),
                    fetches_policy: agent.policy_interval_s > 0,
                    server: agent.server,
                    visits_seldom: visits_seldom(agent),
                })
                .collect(),
            rotates_keys: plan.faults.iter().any(|fault| brings_news(&fault.kind)),
            fairness,
            parameters,
        }
    }

    /// The shortest time before its expiry at which a requested token is due for refresh (rule 37, hole 8).
    pub fn look_ahead_min(&self, profile: Profile) -> Duration {
        self.look_ahead(profile, self.period_min)
    }

    /// The longest such time.
    pub fn look_ahead_max(&self, profile: Profile) -> Duration {
        self.look_ahead(profile, self.period)
    }

    fn look_ahead(&self, profile: Profile, period: Duration) -> Duration {
        let look_ahead = Duration::from_secs(self.parameters.look_ahead_s);
        if profile.stretches_look_ahead() {
            look_ahead.max(period.saturating_add(Duration::from_secs(60)))
        } else {
            look_ahead
        }
    }

    /// How long a server may go without knowing what changed at the SMP while nothing keeps it from asking: it asks
    /// every policy interval, and the fetch before the change as well as the one after it may take all of their time-outs.
    pub fn policy_delay(&self) -> Duration {
        let fetch = self.parameters.connect_timeout().saturating_add(self.parameters.exchange_timeout());
        Duration::from_secs(self.parameters.policy_interval_s)
            .saturating_add(fetch.saturating_mul(2))
            .saturating_add(self.granularity)
    }

    /// Whether an agent can never learn of the server keys, kinds of authentication and passwords of the day: they change, and
    /// it fetches no policy.
    pub fn is_left_behind(&self, actor: ActorId) -> bool {
        self.rotates_keys && self.agent(actor).is_some_and(|agent| !agent.fetches_policy)
    }

    /// Whether an agent works on one connection, and its planned visits are a minute apart or more.
    pub fn visits_seldom(&self, actor: ActorId) -> bool {
        self.agent(actor).is_some_and(|agent| agent.visits_seldom)
    }

    /// The server that an agent visits.
    pub fn server_of(&self, actor: ActorId) -> Option<ActorId> {
        self.agent(actor).map(|agent| agent.server)
    }

    /// The true instant at which a token expires.
    pub fn instant_of(&self, expires: UnixSeconds) -> VirtualTime {
        VirtualTime(expires.wall().0.saturating_sub(self.run_start.wall().0))
    }

    /// The last whole second that lies before a true instant: what expires then or earlier has expired before it.
    /// The last one before the run if the instant is its start.
    pub fn second_before(&self, at: VirtualTime) -> UnixSeconds {
        match at.nanos().checked_sub(1) {
            Some(before) => UnixSeconds(self.run_start.0.saturating_add(before / 1_000_000_000)),
            None => UnixSeconds(self.run_start.0.saturating_sub(1)),
        }
    }

    /// What a server's own clock shows at a true instant.
    pub fn wall(&self, server: ActorId, at: VirtualTime) -> WallTime {
        let clock = match server {
            ActorId::Smp => Some(&self.smp_clock),
            ActorId::Site(number) => nth(&self.site_clocks, number),
            other => self.portal.clock(other),
        };
        match clock {
            Some(clock) => clock.wall_at(self.run_start, at),
            None => self.run_start.wall().after(at.since(VirtualTime::ZERO)),
        }
    }

    /// What a server may take for the time at a true instant, at least and at most. It is what its own clock shows. One
    /// that keeps the issuer's time (hole 17) may go by anything between that and what the issuer's clock told it, which
    /// may have been set since; unless the two clocks are never further apart than the leeway makes up for.
    pub fn reckoning(&self, server: ActorId, profile: Profile, at: VirtualTime) -> (WallTime, WallTime) {
        let own = self.wall(server, at);
        let is_far = matches!(server, ActorId::Site(number) if nth(&self.far_from_issuer, number) == Some(&true));
        if !is_far || !profile.keeps_issuer_time() {
            return (own, own);
        }
        let truth = i128::from(self.run_start.wall().after(at.since(VirtualTime::ZERO)).0);
        let shown = |error: i128| WallTime(u64::try_from((truth + error).max(0)).unwrap_or(u64::MAX));
        let (least, most) = self.issuer_error;
        (own.min(shown(least)), own.max(shown(most)))
    }

    /// Whether a server's clock or the SMP's was set anew within the time up to `at`.
    pub fn is_set_within(&self, server: ActorId, at: VirtualTime, time: Duration) -> bool {
        let site = match server {
            ActorId::Site(number) => nth(&self.site_clocks, number),
            _ => None,
        };
        let steps = site.into_iter().chain([&self.smp_clock]).flat_map(|clock| &clock.steps);
        steps.map(|step| VirtualTime::from_millis(step.at_ms)).any(|step| step <= at && at <= step.after(time))
    }

    /// On how many connections an agent works at the same time; 1 for whoever is no agent of the plan.
    pub fn parallel_connections(&self, actor: ActorId) -> u32 {
        self.agent(actor).map_or(1, |agent| agent.connections.max(1))
    }

    /// Whether an agent has left for good by then, and its memory with it.
    pub fn has_left(&self, actor: ActorId, by: VirtualTime) -> bool {
        self.agent(actor).and_then(|agent| agent.leaves).is_some_and(|leaves| leaves <= by)
    }

    /// Whether every request to a server of this profile carries a token of its own (hardened over plain HTTP, SPEC
    /// section 2).
    pub fn token_per_request(&self, profile: Profile) -> bool {
        profile.binds_request() && self.scheme == Scheme::Http
    }

    /// Why the liveness of exchanges cannot be judged, if so: L1 to L3 presuppose a fair network and σ < L/2.
    pub fn exchanges_not_judged(&self) -> Option<String> {
        if let Some(why) = self.fairness.why_never() {
            return Some(why.to_owned());
        }
        (self.fair_skew.saturating_mul(2) >= self.lifetime_min).then(|| {
            format!(
                "the clocks differ by up to {:?}, which is not less than half of the token lifetime of {:?}",
                self.fair_skew, self.lifetime_min
            )
        })
    }

    /// Whether a token that is used at `at` may expire before the answer, by somebody's clock.
    pub fn is_short(&self, expires: UnixSeconds, at: VirtualTime) -> bool {
        self.instant_of(expires) <= at.after(self.parameters.exchange_timeout()).after(self.fair_skew)
    }

    /// How long the oracle remembers a token: until every record of it must be gone, and an hour more.
    pub fn forget_token_at(&self, expires: UnixSeconds, now: VirtualTime) -> VirtualTime {
        // Whoever forges an expiry must not make us remember for ever.
        let latest = now.after(self.lifetime.saturating_mul(2));
        self.instant_of(expires)
            .min(latest)
            .after(self.leeway)
            .after(self.skew)
            .after(Duration::from_secs(self.parameters.registry_purge_period_s))
            .after(Duration::from_secs(3_600))
    }

    /// How long past its expiry the oracle remembers a login token: longer than any clock is wrong.
    pub fn login_memory(&self) -> Duration {
        self.skew.saturating_add(self.portal.skew()).saturating_add(Duration::from_secs(3_600))
    }

    /// How long the oracle remembers a connection on which nothing happens: longer than a server keeps it.
    pub fn forget_connection_at(&self, now: VirtualTime) -> VirtualTime {
        now.after(Duration::from_secs(self.parameters.keep_alive_idle_s))
            .after(self.parameters.exchange_timeout())
            .after(Duration::from_secs(1_800))
    }

    fn agent(&self, actor: ActorId) -> Option<&AgentAssumptions> {
        match actor {
            ActorId::Agent(number) => nth(&self.agents, number),
            _ => None,
        }
    }
}

/// Whether whoever fetches no policy is left behind by it.
fn brings_news(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::RotateServerKey { .. }
            | FaultKind::ChangeAccPassword {}
            | FaultKind::ChangeAuthentication { .. }
            | FaultKind::ChangePolicy { authentication: Some(_), .. }
    )
}

fn visits_seldom(agent: &AgentPlan) -> bool {
    const SELDOM_MS: u64 = 60_000;
    let is_seldom = match &agent.visits {
        Visits::Every { interval_ms, jitter_ms, .. } => {
            interval_ms.saturating_sub(jitter_ms.saturating_mul(2)) >= SELDOM_MS
        }
        Visits::At { times_us } => times_us.windows(2).all(|pair| pair[1].saturating_sub(pair[0]) >= SELDOM_MS * 1_000),
    };
    is_seldom && agent.connections == 1
}

/// The validation period by token lifetime (rule 38).
const fn period_s(token_lifetime_s: u64) -> u64 {
    match token_lifetime_s {
        0..3_900 => 300,
        3_900..29_400 => 600,
        _ => 1_800,
    }
}

/// The shortest and the longest token lifetime that policy ever says, and the same for the validation period.
fn policies(plan: &Plan) -> ((u64, u64), (u64, u64)) {
    let parameters = &plan.parameters;
    let (mut lifetimes, mut set_periods) = (vec![parameters.token_lifetime_s], vec![parameters.validation_period_s]);
    for fault in &plan.faults {
        if let FaultKind::ChangePolicy { token_lifetime_s, validation_period_s, .. } = fault.kind {
            lifetimes.extend(token_lifetime_s);
            set_periods.extend(validation_period_s.map(Some));
        }
    }
    // Changes may overlap: any lifetime may meet any period.
    let periods =
        set_periods.iter().flat_map(|set| lifetimes.iter().map(|lifetime_s| set.unwrap_or(period_s(*lifetime_s))));
    (bounds(lifetimes.iter().copied()), bounds(periods))
}

fn bounds(values: impl Iterator<Item = u64>) -> (u64, u64) {
    let (least, most) = values.fold((u64::MAX, 0), |(least, most), value| (least.min(value), most.max(value)));
    (least.min(most), most)
}

/// σ, at any two times from one instant to another: who compares may have been told earlier.
fn skew(plan: &Plan, from: VirtualTime, to: VirtualTime) -> Duration {
    let sites = (1..).map(ActorId::Site).take(plan.sites.len());
    let agents = (1..).map(ActorId::Agent).take(plan.agents.len());
    let actors = std::iter::once(ActorId::Smp).chain(sites).chain(agents);
    // True time is one of the clocks, hence the zeroes.
    let (least, most) = actors
        .map(|actor| plan.clock_of(actor).error_bounds_nanos(from, to))
        .fold((0, 0), |(least, most): (i128, i128), (low, high)| (least.min(low), most.max(high)));
    Duration::from_nanos(u64::try_from(most - least).unwrap_or(u64::MAX))
}

/// The element that people call the `number`th, counted from 1.
fn nth<T>(of: &[T], number: u32) -> Option<&T> {
    usize::try_from(number).ok().and_then(|number| of.get(number.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_period_follows_the_token_lifetime() {
        assert_eq!([60, 3_899, 3_900, 29_399, 29_400, 86_400].map(period_s), [300, 300, 600, 600, 1_800, 1_800]);
    }
}
