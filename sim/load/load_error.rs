//! Why a plan could not be run on real sockets.

use std::io;

use thiserror::Error;

use crate::{
    crypto::{KeyError, KeyPoolError},
    types::{ActorId, Shard},
};

/// Why a plan could not be run on real sockets.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The plan has something that only the simulated world can do.
    #[error("the scenario has {0}, which only the simulation can make: leave it out, or use `countersign run`")]
    OnlySimulated(&'static str),
    /// Nobody would come.
    #[error(
        "shard {shard} has no agents: the scenario has {agents}, which are dealt out to the shards in turn; make at most \
         {agents} shards"
    )]
    NoAgents {
        /// The part of the agents that is none.
        shard: Shard,
        /// How many there are in all.
        agents: usize,
    },
    /// The load was to begin before.
    #[error("the load was to begin {late_ms} ms before all its agents were ready; name a later time with --start-at")]
    NotReady {
        /// How much before.
        late_ms: u64,
    },
    /// The tier cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The plan names a key that the pool does not have.
    #[error(transparent)]
    KeyPool(#[from] KeyPoolError),
    /// The certificates of the servers could not be made.
    #[error("failed to make the servers' certificates: {0}")]
    Certificate(String),
    /// The machine gives no threads or no clock.
    #[error("failed to start the runtime: {0}")]
    Runtime(#[source] io::Error),
    /// A server could not open its door, or it broke.
    #[error("{server} cannot serve: {source}")]
    Server {
        /// Which one.
        server: ActorId,
        /// Why.
        source: io::Error,
    },
}
