//! The doors of a process: the server's own, and those of its administrators and of monitoring.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use thiserror::Error;
use tokio::net::TcpSocket;

use crate::{
    actor::{Service, serve},
    event::{Event, Listener},
    socket::{BACKLOG, RealClock, Server, ServerTls, SocketEnvironment, SocketRecorder, Stop},
    types::{ActorId, Origin, Parameters, Profile, Scheme},
};

/// A door that is bound and not yet open: whoever connects is refused, and does not wait for a server that may never
/// come.
#[derive(Debug)]
pub struct Door {
    socket: TcpSocket,
    /// Whom it is for.
    what: &'static str,
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
    pub fn bind(what: &'static str, address: SocketAddr) -> Result<Self, BindError> {
        let failed = |error| BindError { what, address, error };
        let bind = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // Else a server could not start again while connections of its last life linger. On Windows it would let two
            // servers share the door.
            #[cfg(not(windows))]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let address = socket.local_addr()?;
            Ok(Self { socket, what, address })
        };
        bind().map_err(failed)
    }

    /// Opens it, for an actor that serves there.
    ///
    /// # Errors
    /// If another socket has opened the same address meanwhile.
    pub fn open(self, tls: Option<ServerTls>) -> Result<Server, BindError> {
        let Self { socket, what, address } = self;
        // Two doors of one process may be bound to the same address, and only one of them opened.
        let listener = socket.listen(BACKLOG).map_err(|error| BindError { what, address, error })?;
        Ok(Server { listener, tls })
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
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn new(door: Door, stop: Stop) -> Result<Self, BindError> {
        let origin = Origin::new(Scheme::Http, door.address.ip().to_string(), door.address.port());
        let environment = SocketEnvironment {
            server: Mutex::new(Some(door.open(None)?)),
            ..SocketEnvironment::new(
                ActorId::Smp,
                SocketRecorder::new(Arc::new(Mutex::new(Nobody)), RealClock::start()),
                stop,
            )
        };
        Ok(Self { environment: Arc::new(environment), origin })
    }

    /// Serves.
    ///
    /// # Errors
    /// If the door breaks.
    pub async fn serve(self, service: Arc<impl Service>) -> io::Result<()> {
        serve(self.environment, service, self.origin, Arc::new(Parameters::defaults(Profile::Hardened))).await
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{
        net::TcpStream,
        time::{Duration, timeout},
    };

    use super::*;
    use crate::socket::{Workers, runtime};

    #[test]
    fn a_fleet_that_comes_at_once_waits_in_the_systems_queue_and_is_not_turned_away() {
        const CONNECTIONS: u32 = 2_000;
        // Elsewhere the system has another bound, and maybe a lower one.
        let allowed =
            std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok().and_then(|text| text.trim().parse().ok());
        let connections = CONNECTIONS.min(allowed.unwrap_or(100));
        runtime(Workers::Count(1)).unwrap().block_on(async {
            let server = Door::bind("agents", (Ipv4Addr::LOCALHOST, 0).into()).unwrap().open(None).unwrap();
            let address = server.listener.local_addr().unwrap();
            let mut waiting = Vec::new();
            for number in 0..connections {
                // Who is not answered tries again after a second.
                let connected = timeout(Duration::from_millis(900), TcpStream::connect(address)).await;
                match connected.unwrap_or_else(|_| panic!("{number} wait, and the next is turned away")) {
                    Ok(connection) => waiting.push(connection),
                    // Where a process may have fewer files, fewer can wait.
                    Err(_) => break,
                }
            }
        });
    }
}
