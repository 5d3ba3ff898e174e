//! The doors of a process: the server's own, and those of its administrators and of monitoring.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use thiserror::Error;
use tokio::net::TcpListener;

use crate::{
    actor::{Service, serve},
    event::{Event, Listener},
    socket::{RealClock, Rendezvous, Server, ServerTls, SocketEnvironment, SocketRecorder, Stop},
    types::{ActorId, Origin, Parameters, Profile, Scheme},
};

/// A door that is bound and not yet opened.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    /// Where it is.
    pub address: SocketAddr,
}

/// A door that cannot be bound.
#[derive(Debug, Error)]
#[error("failed to listen at {address} for {what}: {error}")]
pub struct BindError {
    what: &'static str,
    address: SocketAddr,
    error: io::Error,
}

impl Door {
    /// Binds a door.
    ///
    /// # Errors
    /// If the address is taken, or is not this machine's.
    pub async fn bind(what: &'static str, address: SocketAddr) -> Result<Self, BindError> {
        let failed = |error| BindError { what, address, error };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// What an actor opens it with.
    pub fn for_actor(self, tls: Option<ServerTls>) -> Server {
        Server { listener: self.listener, tls }
    }
}

/// A door beside the protocol's, with the same time-outs and caps.
#[derive(Debug)]
pub struct SideDoor {
    environment: Arc<SocketEnvironment>,
    origin: Origin,
}

struct Nobody;

impl Listener for Nobody {
    fn hear(&mut self, _event: &Event) {}
}

impl SideDoor {
    /// Opens `door` until `stop`.
    pub fn new(door: Door, stop: Stop) -> Self {
        let origin = Origin::new(Scheme::Http, door.address.ip().to_string(), door.address.port());
        let environment = SocketEnvironment {
            actor: ActorId::Smp,
            recorder: SocketRecorder::new(Arc::new(Mutex::new(Nobody)), RealClock::start()),
            rendezvous: Rendezvous::default(),
            stop,
            trust: None,
            bind: None,
            server: Mutex::new(Some(door.for_actor(None))),
        };
        Self { environment: Arc::new(environment), origin }
    }

    /// Serves.
    ///
    /// # Errors
    /// If the door breaks.
    pub async fn serve(self, service: Arc<impl Service>) -> io::Result<()> {
        serve(self.environment, service, self.origin, Arc::new(Parameters::defaults(Profile::Hardened))).await
    }
}
