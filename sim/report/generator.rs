//! One of several processes that made a load together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Environment;
use crate::{metrics::Distribution, types::Shard};

/// One of several processes that made a load together, and its machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Which part of the agents were its own: `index` of `count`, dealt out in turn.
    pub shard: Shard,
    /// Its agents.
    pub agents: u64,
    /// Their visits that began.
    pub visits: u64,
    /// When it began by its machine's clock, in milliseconds since 1970; none if it never did.
    pub began_unix_ms: Option<u64>,
    /// How late its visits began, in nanoseconds.
    pub lag_ns: Option<Distribution>,
    /// Whether it was late: the whole load then is.
    pub is_late: bool,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Its machine, and what it took of it.
    pub environment: Environment,
}
