//! Which part of the work this process does.

use std::env;

use super::Failure;
use crate::types::{Shard, ShardSource};

/// The part that was told, or that the job's environment tells.
pub(super) fn settle(source: ShardSource) -> Result<Shard, Failure> {
    source.shard(|name| env::var(name).ok()).map_err(|error| Failure::Usage(error.to_string()))
}
