//! Why a plan could not be run on real sockets.

use std::io;

use http::StatusCode;
use thiserror::Error;

use crate::{
    actor::{EnrolmentError, ExchangeError},
    crypto::{KeyError, KeyPoolError},
    types::{ActorId, Origin, Profile, Shard},
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
    /// The target does not let itself be reached.
    #[error("{server} cannot be reached: {source}: is it started, {} of --target right?", what_of(server))]
    Unreachable {
        /// The server that was to be visited.
        server: Origin,
        /// Why.
        source: ExchangeError,
    },
    /// An agent cannot register with the target's SMP.
    #[error("{agent} cannot register at {smp}: {source}: {}", hint(smp, source))]
    Registration {
        /// Which agent.
        agent: ActorId,
        /// Where.
        smp: Origin,
        /// Why.
        source: Box<EnrolmentError>,
    },
    /// The target is no server of the SMP.
    #[error(
        "the SMP at {smp} knows no server at {server}: name it as the SMP's policy does, and approve it if it is a site \
         server that waits"
    )]
    NoServer {
        /// The server that was to be visited.
        server: Origin,
        /// Whose policy does not have it.
        smp: Origin,
    },
    /// The target shows another face of the protocol than the agents.
    #[error("{server} is {found}, the agents of this scenario are {expected}: add `--profile {found}`")]
    OtherProfile {
        /// The server.
        server: Origin,
        /// What policy says of it.
        found: Profile,
        /// What the plan says of the agents.
        expected: Profile,
    },
}

fn what_of(server: &Origin) -> &'static str {
    match server.is_secure() {
        true => "does it do TLS by a certificate of --trust, and are host and port",
        false => "and are scheme, host and port",
    }
}

/// What to look at when an agent cannot register.
fn hint(smp: &Origin, error: &EnrolmentError) -> &'static str {
    match error {
        EnrolmentError::Exchange(_) if smp.is_secure() => {
            "is that the SMP (--smp), started, with TLS, and does --trust have its certificate?"
        }
        EnrolmentError::Exchange(_) => "is that the SMP (--smp), started, and without TLS, as http:// says?",
        EnrolmentError::Status(StatusCode::CONFLICT) => {
            "it knows an agent of that name by another key: agents of another scenario, or of this one with another number \
             of sites, have registered there; give that SMP a state folder of its own for this scenario"
        }
        EnrolmentError::Status(StatusCode::SERVICE_UNAVAILABLE) => {
            "it takes no more agents than its `registered_max` says, or is busy"
        }
        _ => "is that the SMP (--smp), and is --pin its key's?",
    }
}

impl LoadError {
    /// Whether what was asked for cannot be had: nothing is wrong here.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::OnlySimulated(_)
                | Self::NoAgents { .. }
                | Self::NotReady { .. }
                | Self::Key(KeyError::NotBuilt(_))
                | Self::Unreachable { .. }
                | Self::Registration { .. }
                | Self::NoServer { .. }
                | Self::OtherProfile { .. }
        )
    }
}
