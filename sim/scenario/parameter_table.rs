//! The protocol's parameters in a scenario file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Ranged,
    draws::{Draws, MILLISECOND, SECOND},
    problem::Problem,
};
use crate::types::{AuthenticationKind, Parameters, TimeSpan};

/// The protocol's parameters, where they differ from the profile's defaults. A range is drawn once per run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ParameterTable {
    /// Which kinds of authentication servers offer. Default `["token"]`.
    pub authentication: Option<Vec<AuthenticationKind>>,
    /// Whether agents may fall back to ACC where tokens fail. Default `true`.
    pub acc_fallback: Option<bool>,
    /// Whether servers offer `Basic` beside ACC, for people with a browser. Default `false`.
    pub basic: Option<bool>,
    /// Whether site servers hand out packages without authentication. Default `false`.
    pub anonymous_codebases: Option<bool>,
    /// How long an issued token lives, from `1m` to `24h`. Default `60m`.
    pub token_lifetime: Option<Ranged<TimeSpan>>,
    /// The period of a site's cache validation. Default: `5m`, `10m` or `30m` by token lifetime.
    pub validation_period: Option<Ranged<TimeSpan>>,
    /// How long before its expiry a requested token is refreshed. Default `15m`.
    pub look_ahead: Option<Ranged<TimeSpan>>,
    /// Most agents in one GetClientTokens request. Default 128.
    #[schemars(range(min = 1, max = 4096))]
    pub batch_size_max: Option<Ranged<u32>>,
    /// Most tokens in one validation. Default 4096.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub validation_tokens_max: Option<Ranged<u32>>,
    /// Most GetClientTokens requests in flight. Default 32.
    #[schemars(range(min = 1, max = 1024))]
    pub upstream_slots: Option<Ranged<u32>>,
    /// Width of the registry's window in counters; 1 accepts rising counters only. Default 64.
    #[schemars(range(min = 1, max = 1024))]
    pub registry_window: Option<Ranged<u32>>,
    /// How far a counter may jump ahead. Default 1048576.
    #[schemars(range(min = 1))]
    pub counter_jump_max: Option<Ranged<u64>>,
    /// How long past its expiry a token is still accepted. Default `0s` (literal), `60s` (hardened).
    pub leeway: Option<Ranged<TimeSpan>>,
    /// Period of the registry's purge. Default `3h`.
    pub registry_purge_period: Option<Ranged<TimeSpan>>,
    /// Period of the agent's token sweep. Default `6h`.
    pub agent_sweep_period: Option<Ranged<TimeSpan>>,
    /// After how long without use the sweep removes an agent's token. Default `24h`.
    pub agent_idle: Option<Ranged<TimeSpan>>,
    /// Time-out of opening a connection. Default `5s`.
    pub connect_timeout: Option<Ranged<TimeSpan>>,
    /// Time-out of one exchange on a connection. Default `10s`.
    pub exchange_timeout: Option<Ranged<TimeSpan>>,
    /// Time-out of one upstream exchange, connecting included. Default `10s`.
    pub upstream_timeout: Option<Ranged<TimeSpan>>,
    /// First delay before a failed exchange is tried again; it doubles each time. Default `1s`.
    pub retry_first: Option<Ranged<TimeSpan>>,
    /// Longest delay before a failed exchange is tried again. Default `5m`.
    pub retry_max: Option<Ranged<TimeSpan>>,
    /// After how long without a request a server closes a connection. Default `120s`.
    pub keep_alive_idle: Option<Ranged<TimeSpan>>,
    /// Greatest age of an authentication on a connection (hardened). Default `1h`.
    pub connection_age_max: Option<Ranged<TimeSpan>>,
    /// How often servers fetch policy. Default `15m`.
    pub policy_interval: Option<Ranged<TimeSpan>>,
    /// Most uids of one agent in a site's cache. Default 16.
    #[schemars(range(min = 1, max = 1024))]
    pub uids_per_agent_max: Option<Ranged<u32>>,
    /// How many verified three-part prefixes a server remembers, so as not to verify their server signature again.
    /// Default 0: none.
    #[schemars(range(max = 1_000_000))]
    pub remembered_prefixes: Option<Ranged<u32>>,
    /// First requests per second from one source, on average (hardened). Default 20.
    #[schemars(range(min = 1))]
    pub first_requests_per_s: Option<Ranged<u32>>,
    /// First requests from one source at once (hardened). Default 40.
    #[schemars(range(min = 1))]
    pub first_requests_burst: Option<Ranged<u32>>,
    /// Caps on sizes, checked before anything is parsed.
    pub caps: CapTable,
}

/// Greatest sizes in bytes, checked before anything is parsed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CapTable {
    /// The header section of a request or response. Default 16384.
    #[schemars(range(min = 1024, max = 67_108_864))]
    pub header_section_bytes: Option<Ranged<u32>>,
    /// A token. Default 8192.
    #[schemars(range(min = 1024, max = 67_108_864))]
    pub token_bytes: Option<Ranged<u32>>,
    /// The body of a request. Default 1048576.
    #[schemars(range(min = 1024, max = 67_108_864))]
    pub request_body_bytes: Option<Ranged<u32>>,
    /// The body of a batch response. Default 1048576.
    #[schemars(range(min = 1024, max = 67_108_864))]
    pub batch_response_bytes: Option<Ranged<u32>>,
}

impl ParameterTable {
    /// Sets what the file sets. `key` is the table's own, such as `parameters` or `literal.parameters`.
    ///
    /// # Errors
    /// If a range is empty, or a duration is no whole number of its unit.
    pub(super) fn apply(&self, resolved: &mut Parameters, key: &str, draws: &Draws) -> Result<(), Problem> {
        let within = |name: &str| format!("{key}.{name}");
        if let Some(kinds) = &self.authentication {
            if let Some(place) = (1..kinds.len()).find(|place| kinds[..*place].contains(&kinds[*place])) {
                let found = format!("`{}` once more", kinds[place].name());
                return Err(Problem::new(format!("{key}.authentication[{place}]"), found, "each kind once"));
            }
            resolved.authentication = kinds.iter().copied().collect();
        }
        resolved.acc_fallback = self.acc_fallback.unwrap_or(resolved.acc_fallback);
        resolved.basic = self.basic.unwrap_or(resolved.basic);
        resolved.anonymous_codebases = self.anonymous_codebases.unwrap_or(resolved.anonymous_codebases);
        if let Some(period) = self.validation_period {
            resolved.validation_period_s = Some(draws.time(&within("validation_period"), 0, period, SECOND)?);
        }

        let times = [
            ("token_lifetime", self.token_lifetime, SECOND, &mut resolved.token_lifetime_s),
            ("look_ahead", self.look_ahead, SECOND, &mut resolved.look_ahead_s),
            ("leeway", self.leeway, SECOND, &mut resolved.leeway_s),
            ("registry_purge_period", self.registry_purge_period, SECOND, &mut resolved.registry_purge_period_s),
            ("agent_sweep_period", self.agent_sweep_period, SECOND, &mut resolved.agent_sweep_period_s),
            ("agent_idle", self.agent_idle, SECOND, &mut resolved.agent_idle_s),
            ("connect_timeout", self.connect_timeout, MILLISECOND, &mut resolved.connect_timeout_ms),
            ("exchange_timeout", self.exchange_timeout, MILLISECOND, &mut resolved.exchange_timeout_ms),
            ("upstream_timeout", self.upstream_timeout, MILLISECOND, &mut resolved.upstream_timeout_ms),
            ("retry_first", self.retry_first, MILLISECOND, &mut resolved.retry_first_ms),
            ("retry_max", self.retry_max, MILLISECOND, &mut resolved.retry_max_ms),
            ("keep_alive_idle", self.keep_alive_idle, SECOND, &mut resolved.keep_alive_idle_s),
            ("connection_age_max", self.connection_age_max, SECOND, &mut resolved.connection_age_max_s),
            ("policy_interval", self.policy_interval, SECOND, &mut resolved.policy_interval_s),
        ];
        for (name, given, unit, target) in times {
            if let Some(given) = given {
                *target = draws.time(&within(name), 0, given, unit)?;
            }
        }

        let numbers = [
            ("batch_size_max", self.batch_size_max, &mut resolved.batch_size_max),
            ("validation_tokens_max", self.validation_tokens_max, &mut resolved.validation_tokens_max),
            ("upstream_slots", self.upstream_slots, &mut resolved.upstream_slots),
            ("registry_window", self.registry_window, &mut resolved.registry_window),
            ("uids_per_agent_max", self.uids_per_agent_max, &mut resolved.uids_per_agent_max),
            ("remembered_prefixes", self.remembered_prefixes, &mut resolved.remembered_prefixes),
            ("first_requests_per_s", self.first_requests_per_s, &mut resolved.first_requests_per_s),
            ("first_requests_burst", self.first_requests_burst, &mut resolved.first_requests_burst),
            ("caps.header_section_bytes", self.caps.header_section_bytes, &mut resolved.caps.header_section_bytes),
            ("caps.token_bytes", self.caps.token_bytes, &mut resolved.caps.token_bytes),
            ("caps.request_body_bytes", self.caps.request_body_bytes, &mut resolved.caps.request_body_bytes),
            ("caps.batch_response_bytes", self.caps.batch_response_bytes, &mut resolved.caps.batch_response_bytes),
        ];
        for (name, given, target) in numbers {
            if let Some(given) = given {
                *target = draws.count(&within(name), 0, given)?;
            }
        }
        if let Some(jump) = self.counter_jump_max {
            resolved.counter_jump_max = draws.number(&within("counter_jump_max"), 0, jump)?;
        }
        Ok(())
    }
}
