//! What the oracle takes for granted about a run: the symbols of SPEC section 6, computed from the plan.

use std::time::Duration;

use crate::{
    plan::Plan,
    types::{ActorId, ClockModel, Parameters, Profile, Scheme, UnixSeconds, VirtualTime, WallTime},
};

/// The plan, as far as invariants speak of it. Everything here is recomputed and nothing is asked of a server.
#[derive(Clone, Debug)]
pub struct Assumptions {
    /// Which face of the protocol.
    pub profile: Profile,
    /// Whether servers are reached over TLS.
    pub scheme: Scheme,
    /// The protocol's parameters.
    pub parameters: Parameters,
    /// σ: the largest difference between two clocks at any time of the run, true time being one of them.
    pub skew: Duration,
    /// λ: how long past its expiry a token is still accepted.
    pub leeway: Duration,
    /// L: how long a token lives.
    pub lifetime: Duration,
    /// P: the validation period (rule 38).
    pub period: Duration,
    /// How long before its expiry a requested token is due for refresh (rule 37, hole 8).
    pub look_ahead: Duration,
    /// How coarse time is: expiries are whole seconds, and timers fire on ticks of the network.
    pub granularity: Duration,
    run_start: UnixSeconds,
    smp_clock: ClockModel,
    site_clocks: Vec<ClockModel>,
    agents: Vec<AgentAssumptions>,
}

#[derive(Clone, Copy, Debug)]
struct AgentAssumptions {
    connections: u32,
    leaves: Option<VirtualTime>,
}

impl Assumptions {
    /// Computes the assumptions of a plan.
    pub fn of(plan: &Plan) -> Self {
        let parameters = plan.parameters.clone();
        let period =
            Duration::from_secs(parameters.validation_period_s.unwrap_or(period_s(parameters.token_lifetime_s)));
        let look_ahead = Duration::from_secs(parameters.look_ahead_s);
        Self {
            profile: plan.profile,
            scheme: plan.scheme,
            skew: skew(plan),
            leeway: parameters.leeway(),
            lifetime: parameters.token_lifetime(),
            period,
            look_ahead: if plan.profile.stretches_look_ahead() {
                look_ahead.max(period.saturating_add(Duration::from_secs(60)))
            } else {
                look_ahead
            },
            granularity: Duration::from_millis(plan.network.tick_ms.saturating_mul(2))
                .saturating_add(Duration::from_secs(1)),
            run_start: plan.run_start,
            smp_clock: plan.clock_of(ActorId::Smp),
            site_clocks: (1..).map(ActorId::Site).map(|site| plan.clock_of(site)).take(plan.sites.len()).collect(),
            agents: plan
                .agents
                .iter()
                .map(|agent| AgentAssumptions {
                    connections: agent.connections,
                    leaves: agent.leave_ms.map(|leave_ms| VirtualTime(leave_ms.saturating_mul(1_000_000))),
                })
                .collect(),
            parameters,
        }
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
            ActorId::Agent(_) | ActorId::Attacker(_) => None,
        };
        match clock {
            Some(clock) => clock.wall_at(self.run_start, at),
            None => self.run_start.wall().after(at.since(VirtualTime::ZERO)),
        }
    }

    /// On how many connections an agent works at the same time; 1 for whoever is no agent of the plan.
    pub fn parallel_connections(&self, actor: ActorId) -> u32 {
        self.agent(actor).map_or(1, |agent| agent.connections.max(1))
    }

    /// Whether an agent has left for good by then, and its memory with it.
    pub fn has_left(&self, actor: ActorId, by: VirtualTime) -> bool {
        self.agent(actor).and_then(|agent| agent.leaves).is_some_and(|leaves| leaves <= by)
    }

    /// Whether every request carries a token of its own (hardened over plain HTTP, SPEC section 2).
    pub fn token_per_request(&self) -> bool {
        self.profile.binds_request() && self.scheme == Scheme::Http
    }

    /// Why the liveness of exchanges cannot be judged, if so: L1 to L3 presuppose σ < L/2.
    pub fn clocks_too_far_apart(&self) -> Option<String> {
        (self.skew.saturating_mul(2) >= self.lifetime).then(|| {
            format!(
                "the clocks differ by up to {:?}, which is not less than half of the token lifetime of {:?}",
                self.skew, self.lifetime
            )
        })
    }

    /// Whether a token that is used at `at` may expire before the answer, by somebody's clock.
    pub fn is_short(&self, expires: UnixSeconds, at: VirtualTime) -> bool {
        self.instant_of(expires) <= at.after(self.parameters.exchange_timeout()).after(self.skew)
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

    /// How long the oracle remembers a connection on which nothing happens: longer than a server keeps it.
    pub fn forget_connection_at(&self, now: VirtualTime) -> VirtualTime {
        now.after(Duration::from_secs(self.parameters.keep_alive_idle_s))
            .after(self.parameters.exchange_timeout())
            .after(Duration::from_secs(1_800))
    }

    fn agent(&self, actor: ActorId) -> Option<&AgentAssumptions> {
        match actor {
            ActorId::Agent(number) => nth(&self.agents, number),
            ActorId::Smp | ActorId::Site(_) | ActorId::Attacker(_) => None,
        }
    }
}

/// The validation period by token lifetime (rule 38).
const fn period_s(token_lifetime_s: u64) -> u64 {
    match token_lifetime_s {
        0..3_900 => 300,
        3_900..29_400 => 600,
        _ => 1_800,
    }
}

/// σ, at any two times of the run: who compares may have been told earlier.
fn skew(plan: &Plan) -> Duration {
    let end = VirtualTime(plan.duration_ms.saturating_mul(1_000_000));
    let sites = (1..).map(ActorId::Site).take(plan.sites.len());
    let agents = (1..).map(ActorId::Agent).take(plan.agents.len());
    let actors = std::iter::once(ActorId::Smp).chain(sites).chain(agents);
    // True time is one of the clocks, hence the zeroes.
    let (least, most) = actors
        .map(|actor| plan.clock_of(actor).error_bounds_nanos(end))
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
