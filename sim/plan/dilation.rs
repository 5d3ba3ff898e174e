//! A plan in slow motion.

use super::{Plan, SharedCores, Visits};
use crate::types::{Costs, Interruption, Interruptions, Parameters, Quantiles};

/// A token lives at most so long, in seconds: it cannot be stretched further.
const TOKEN_LIFETIME_S_MAX: u64 = 86_400;
/// When a site validates for the first time if nobody has said how often, in seconds (rule 38).
const VALIDATION_FIRST_S: u64 = 300;
/// A time-out is at most so long, in milliseconds.
const TIMEOUT_MS_MAX: u64 = 3_600_000;
const RETRY_MS_MAX: u64 = 86_400_000;

impl Plan {
    /// The same plan with everything slower by a factor but the network, whose least step is a millisecond: what takes a
    /// fraction of that can be told apart in it.
    ///
    /// What cannot be stretched as far as that, such as the life of a token, is stretched as far as it can be: tokens of an hour
    /// in a plan a hundred times slower live for fourteen minutes of it. For plans without faults and attackers, of a few minutes.
    pub fn slower(&self, times: u64) -> Self {
        let mut plan = self.clone();
        let stretch = |value: &mut u64| *value = value.saturating_mul(times);
        stretch(&mut plan.duration_ms);
        let Costs {
            sign_ns,
            verify_ns,
            parse_ns,
            seal_ns,
            open_ns,
            blinding_ns,
            request_ns,
            closing_ns,
            wake_min_ns,
            wake_ns,
            rest_ns,
        } = &mut plan.costs;
        [sign_ns, verify_ns, parse_ns, seal_ns, open_ns, blinding_ns].into_iter().for_each(stretch);
        [request_ns, closing_ns, wake_min_ns, wake_ns, rest_ns].into_iter().for_each(stretch);
        if let Some(SharedCores { interruptions, scatter, count: _ }) = &mut plan.shared_cores {
            let Interruptions { watched_ns, cores } = interruptions;
            stretch(watched_ns);
            for Interruption { at_ns, length_ns } in cores.iter_mut().flatten() {
                [at_ns, length_ns].into_iter().for_each(stretch);
            }
            let Quantiles { p50_ns, p90_ns, p99_ns, p999_ns } = scatter;
            [p50_ns, p90_ns, p99_ns, p999_ns].into_iter().for_each(stretch);
        }
        for server in plan.sites.iter_mut().chain([&mut plan.smp]) {
            stretch(&mut server.start_ms);
        }
        for agent in &mut plan.agents {
            stretch(&mut agent.start_ms);
            stretch(&mut agent.policy_interval_s);
            agent.leave_ms.iter_mut().for_each(stretch);
            match &mut agent.visits {
                Visits::Every { first_ms, interval_ms, jitter_ms } => {
                    [first_ms, interval_ms, jitter_ms].into_iter().for_each(stretch);
                }
                Visits::At { times_us } => times_us.iter_mut().for_each(stretch),
            }
        }
        stretch_parameters(&mut plan.parameters, times);
        plan
    }
}

fn stretch_parameters(parameters: &mut Parameters, times: u64) {
    let stretch = |value: &mut u64, most: u64| *value = value.saturating_mul(times).min(most);
    let p = parameters;
    // As far ahead of its end as in the plan, or every token would be due at once.
    let token_times = (TOKEN_LIFETIME_S_MAX / p.token_lifetime_s.max(1)).min(times).max(1);
    for value in [&mut p.token_lifetime_s, &mut p.look_ahead_s] {
        *value = value.saturating_mul(token_times).min(TOKEN_LIFETIME_S_MAX);
    }
    stretch(p.validation_period_s.get_or_insert(VALIDATION_FIRST_S), TOKEN_LIFETIME_S_MAX);
    for timeout_ms in [&mut p.connect_timeout_ms, &mut p.exchange_timeout_ms, &mut p.upstream_timeout_ms] {
        stretch(timeout_ms, TIMEOUT_MS_MAX);
    }
    stretch(&mut p.retry_first_ms, TIMEOUT_MS_MAX);
    stretch(&mut p.retry_max_ms, RETRY_MS_MAX);
    for period_s in [
        &mut p.registry_purge_period_s,
        &mut p.agent_sweep_period_s,
        &mut p.agent_idle_s,
        &mut p.keep_alive_idle_s,
        &mut p.connection_age_max_s,
        &mut p.policy_interval_s,
    ] {
        stretch(period_s, TOKEN_LIFETIME_S_MAX * 365);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        scenario::{self, Overrides},
        types::Profile,
    };

    #[test]
    fn what_a_machine_does_besides_is_as_slow_as_everything_else() {
        let mut plan = scenario::find("smoke/first_contact").unwrap().resolve(None, Overrides::default()).unwrap();
        let cores = |times: u64| SharedCores {
            count: 2,
            interruptions: Interruptions {
                watched_ns: 9_000_000 * times,
                cores: vec![Vec::new(), vec![Interruption { at_ns: 7 * times, length_ns: 5 * times }]],
            },
            scatter: Quantiles { p50_ns: times, p90_ns: 2 * times, p99_ns: 3 * times, p999_ns: 4 * times },
        };
        plan.shared_cores = Some(cores(1));
        let slower = plan.slower(100);
        slower.check().unwrap();
        assert_eq!(slower.shared_cores, Some(cores(100)));
    }

    #[test]
    fn what_tokens_and_validations_do_in_minutes_they_do_not_in_the_seconds_of_a_slow_load() {
        for profile in [Profile::Literal, Profile::Hardened] {
            let mut parameters = Parameters::defaults(profile);
            stretch_parameters(&mut parameters, 100);
            let Parameters { token_lifetime_s, look_ahead_s, validation_period_s, .. } = parameters;
            assert_eq!(
                (token_lifetime_s, look_ahead_s),
                (86_400, 900 * 24),
                "no more than a day, and a quarter of it by policy"
            );
            assert_eq!(validation_period_s, Some(30_000));
        }
    }
}
