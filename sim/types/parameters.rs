//! Every number of the protocol that an operator can set (SPEC section 8).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Authentication, Profile};

/// The protocol's parameters, resolved: no default is left open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Which kinds of authentication servers offer (rules 30, 58).
    #[serde(default, skip_serializing_if = "Authentication::is_tokens_only")]
    pub authentication: Authentication,
    /// Whether agents may fall back to ACC where tokens fail (rule 56).
    #[serde(default = "on", skip_serializing_if = "is_on")]
    pub acc_fallback: bool,
    /// Whether servers offer `Basic` beside ACC, for people with a browser (rule 50).
    #[serde(default, skip_serializing_if = "is_off")]
    pub basic: bool,
    /// Whether site servers hand out packages without authentication (rule 62).
    #[serde(default, skip_serializing_if = "is_off")]
    pub anonymous_codebases: bool,
    /// How long an issued token lives, in seconds.
    pub token_lifetime_s: u64,
    /// The period of a site's cache validation, in seconds; by token lifetime where it is not set (rule 38).
    pub validation_period_s: Option<u64>,
    /// How long before its expiry a requested token is refreshed, in seconds (rule 37).
    pub look_ahead_s: u64,
    /// Most agents in one GetClientTokens request (rule 40).
    pub batch_size_max: u32,
    /// Most tokens in one validation (rule 39).
    pub validation_tokens_max: u32,
    /// Most GetClientTokens requests in flight (rule 42).
    pub upstream_slots: u32,
    /// Width of the registry's window in counters; 1 accepts rising counters only (hole 3).
    pub registry_window: u32,
    /// How far a counter may jump ahead (hole 5).
    pub counter_jump_max: u64,
    /// How long past its expiry a token is still accepted, in seconds (hole 16).
    pub leeway_s: u64,
    /// Period of the registry's purge, in seconds (rule 48).
    pub registry_purge_period_s: u64,
    /// Period of the agent's token sweep, in seconds (rule 13).
    pub agent_sweep_period_s: u64,
    /// After how long without use the sweep removes an agent's token, in seconds (rule 13).
    pub agent_idle_s: u64,
    /// Time-out of opening a connection, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Time-out of one exchange on a connection, in milliseconds.
    pub exchange_timeout_ms: u64,
    /// Time-out of one upstream exchange, connecting included, in milliseconds.
    pub upstream_timeout_ms: u64,
    /// First delay before a failed exchange is tried again, in milliseconds; it doubles each time.
    pub retry_first_ms: u64,
    /// Longest delay before a failed exchange is tried again, in milliseconds.
    pub retry_max_ms: u64,
    /// After how long without a request a server closes a connection, in seconds.
    pub keep_alive_idle_s: u64,
    /// Greatest age of an authentication on a connection, in seconds (hardened, hole 13).
    pub connection_age_max_s: u64,
    /// How often servers fetch policy, in seconds.
    pub policy_interval_s: u64,
    /// Most uids of one agent in a site's cache (attack 24).
    pub uids_per_agent_max: u32,
    /// How many verified three-part prefixes a server remembers, so as not to verify their server signature again; 0 for
    /// none. No decision depends on it, but the work that is charged does.
    #[serde(default)]
    pub remembered_prefixes: u32,
    /// First requests per second from one source, on average (hardened, hole 18).
    pub first_requests_per_s: u32,
    /// First requests from one source at once (hardened, hole 18).
    pub first_requests_burst: u32,
    /// Caps on sizes, checked before anything is parsed.
    pub caps: Caps,
}

/// Greatest sizes in bytes, checked before parsing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// The header section of a request or response.
    pub header_section_bytes: u32,
    /// A token.
    pub token_bytes: u32,
    /// The body of a request.
    pub request_body_bytes: u32,
    /// The body of a batch response.
    pub batch_response_bytes: u32,
}

const fn on() -> bool {
    true
}

// Serde hands over references.
fn is_on(value: &bool) -> bool {
    *value
}

fn is_off(value: &bool) -> bool {
    !value
}

impl Parameters {
    /// The defaults of SPEC section 8.
    pub const fn defaults(profile: Profile) -> Self {
        Self {
            authentication: Authentication::TOKENS,
            acc_fallback: true,
            basic: false,
            anonymous_codebases: false,
            token_lifetime_s: 3_600,
            validation_period_s: None,
            look_ahead_s: 900,
            batch_size_max: 128,
            validation_tokens_max: 4_096,
            upstream_slots: 32,
            registry_window: 64,
            counter_jump_max: 1 << 20,
            leeway_s: match profile {
                Profile::Literal => 0,
                Profile::Hardened => 60,
            },
            registry_purge_period_s: 3 * 3_600,
            agent_sweep_period_s: 6 * 3_600,
            agent_idle_s: 24 * 3_600,
            connect_timeout_ms: 5_000,
            exchange_timeout_ms: 10_000,
            upstream_timeout_ms: 10_000,
            retry_first_ms: 1_000,
            retry_max_ms: 300_000,
            keep_alive_idle_s: 120,
            connection_age_max_s: 3_600,
            policy_interval_s: 900,
            uids_per_agent_max: 16,
            remembered_prefixes: 0,
            first_requests_per_s: 20,
            first_requests_burst: 40,
            caps: Caps {
                header_section_bytes: 16 << 10,
                token_bytes: 8 << 10,
                request_body_bytes: 1 << 20,
                batch_response_bytes: 1 << 20,
            },
        }
    }

    /// How long an issued token lives.
    pub const fn token_lifetime(&self) -> Duration {
        Duration::from_secs(self.token_lifetime_s)
    }

    /// How long past its expiry a token is still accepted.
    pub const fn leeway(&self) -> Duration {
        Duration::from_secs(self.leeway_s)
    }

    /// Time-out of opening a connection.
    pub const fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// Time-out of one exchange on a connection.
    pub const fn exchange_timeout(&self) -> Duration {
        Duration::from_millis(self.exchange_timeout_ms)
    }

    /// After how long without a request a server closes a connection.
    pub const fn keep_alive_idle(&self) -> Duration {
        Duration::from_secs(self.keep_alive_idle_s)
    }

    /// Time-out of one upstream exchange, connecting included.
    pub const fn upstream_timeout(&self) -> Duration {
        Duration::from_millis(self.upstream_timeout_ms)
    }
}
