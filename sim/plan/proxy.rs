//! The proxies of a plan, and who is behind them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{AccountScheme, ActorId};

/// How many proxies a plan can have: each has a host of its own.
pub const PROXIES_MAX: usize = 16;

/// An HTTP proxy. It lets whoever authenticates by one of its schemes reach all servers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyPlan {
    /// By which schemes it takes accounts. With none it lets everybody through, unless it wants a token.
    #[serde(default)]
    pub schemes: Vec<AccountScheme>,
    /// Whether it asks for tokens, too, before anything else: it is up to no good.
    #[serde(default)]
    pub asks_for_token: bool,
    /// Whether agents may send it an account by `Basic`: the password goes over the line as it is.
    #[serde(default)]
    pub allow_basic: bool,
}

/// The proxy that is in an agent's way to its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentProxy {
    /// Which proxy, counted from 1.
    pub number: u32,
    /// How requests go through it: `forward` or `tunnel`. Default `forward`.
    #[serde(default)]
    pub passage: Passage,
}

/// How requests go through a proxy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Passage {
    /// Each names its server, and the proxy sends it on (RFC 9112 section 3.2.2).
    #[default]
    Forward,
    /// The proxy opens a tunnel on `CONNECT` (RFC 9110 section 9.3.6), as for TLS and for WebSockets.
    Tunnel,
}

impl AgentProxy {
    /// Which actor it is.
    pub const fn actor(self) -> ActorId {
        ActorId::Proxy(self.number)
    }
}
