//! What an actor on real sockets gets from outside.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::{
    ClientTls, Observer, Rendezvous, ServerTls, SocketListener, SocketRecorder, SocketStream, Stop, fine_sleep,
    tls::{channel_binding, explained},
};
use crate::{
    actor::{Connection, Environment, Occupied},
    event::{EventKind, Visit},
    types::{ActorId, ClockModel, ConnectionId, Origin, Thumbprint, UnixSeconds, VirtualTime, WallTime, Work, locked},
};

/// The environment of one actor on this machine's sockets and clocks.
#[derive(Debug)]
pub struct SocketEnvironment {
    /// Whose it is.
    pub actor: ActorId,
    /// Where events go, with whose clock.
    pub recorder: SocketRecorder,
    /// The connections of this process.
    pub rendezvous: Rendezvous,
    /// When to stop.
    pub stop: Stop,
    /// Whom it trusts over TLS; without it, it opens plain connections only.
    pub trust: Option<ClientTls>,
    /// The address from which it opens connections, with any port; the system's choice if it has none.
    pub bind: Option<SocketAddr>,
    /// Whether it connects to this machine alone, wherever it is told to go.
    pub stays_here: bool,
    /// How its wall clock shows another time than the machine's, if it does.
    pub wall: Option<ModelledWall>,
    /// Where hosts are that have no name in the network.
    pub hosts: Hosts,
    /// What it serves with, if it is a server: taken when its door opens.
    pub server: Mutex<Option<Server>>,
    /// Who is told what is no event.
    pub observer: Option<Arc<dyn Observer>>,
}

/// Addresses of hosts by their names. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Arc<BTreeMap<String, SocketAddr>>);

impl Hosts {
    /// Where a host is, if it is known here.
    pub fn address(&self, host: &str) -> Option<SocketAddr> {
        self.0.get(host).copied()
    }
}

impl FromIterator<(String, SocketAddr)> for Hosts {
    fn from_iter<T: IntoIterator<Item = (String, SocketAddr)>>(hosts: T) -> Self {
        Self(Arc::new(hosts.into_iter().collect()))
    }
}

/// A wall clock that showed `run_start` when the actor's clock started, but for its own errors.
#[derive(Clone, Debug)]
pub struct ModelledWall {
    /// What a true clock showed.
    pub run_start: UnixSeconds,
    /// How this one errs.
    pub clock: ClockModel,
}

/// What a server has to open its door with.
#[derive(Debug)]
pub struct Server {
    /// Bound, so that an address that is taken is noticed before anything else starts.
    pub listener: TcpListener,
    /// Its certificate and key; without them it serves plain connections.
    pub tls: Option<ServerTls>,
}

impl Environment for SocketEnvironment {
    type Stream = SocketStream;
    type Listener = SocketListener;

    fn actor(&self) -> ActorId {
        self.actor
    }

    async fn connect(&self, origin: &Origin) -> io::Result<Connection<SocketStream>> {
        let stream = self.open(origin).await?;
        stream.set_nodelay(true)?;
        let named = self.rendezvous.opened(stream.local_addr()?, stream.peer_addr()?);
        let id = named.id;
        if !origin.is_secure() {
            let stream = SocketStream::plain(stream, named);
            return Ok(Connection { id, stream, is_secure: false, channel_binding: None });
        }
        let unprepared =
            || io::Error::other("no certificate to trust is configured, so no server can be trusted over TLS");
        let trust = self.trust.as_ref().ok_or_else(unprepared)?;
        let name = ServerName::try_from(origin.host().to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(trust.config.clone()).connect(name, stream).await.map_err(explained)?;
        let channel_binding = channel_binding(stream.get_ref().1).map_err(io::Error::other)?;
        let stream = SocketStream::tls(stream.into(), named);
        Ok(Connection { id, stream, is_secure: true, channel_binding: Some(channel_binding) })
    }

    /// Opens the door that it was given. The origin is what others call it, not where it stands.
    async fn listen(&self, _origin: &Origin) -> io::Result<SocketListener> {
        let server = locked(&self.server).take();
        let Server { listener, tls } = server.ok_or_else(|| io::Error::other("this actor has no door to open"))?;
        Ok(SocketListener::open(listener, tls, self.rendezvous.clone(), self.stop.clone(), self.observer.clone()))
    }

    async fn accept(&self, listener: &mut SocketListener) -> io::Result<Connection<SocketStream>> {
        listener.accept().await
    }

    fn source(&self, connection: ConnectionId) -> u64 {
        self.rendezvous.source(connection)
    }

    fn now(&self) -> VirtualTime {
        self.recorder.clock().now()
    }

    fn wall(&self) -> WallTime {
        match &self.wall {
            None => self.recorder.clock().wall(),
            Some(wall) => wall.clock.wall_at(wall.run_start, self.now()),
        }
    }

    async fn sleep(&self, duration: Duration) {
        fine_sleep::sleep(duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    fn visit_begins(&self, visit: Visit) {
        self.recorder.visit_begins(self.actor, &visit);
    }

    fn answered(&self, path: &'static str, status: u16, took: Duration) {
        if let Some(observer) = &self.observer {
            observer.answered(path, status, took);
        }
    }

    fn unknown_server_key(&self, kid: Thumbprint, is_issued: bool, policy_due: VirtualTime) {
        if let Some(observer) = &self.observer {
            observer.unknown_server_key(kid, is_issued, policy_due);
        }
    }

    fn upstream_failed(&self, why: &dyn fmt::Display) {
        if let Some(observer) = &self.observer {
            observer.upstream_failed(why);
        }
    }

    async fn stopping(&self) {
        self.stop.stopped().await;
    }

    fn explains_refusals(&self) -> bool {
        true
    }

    /// Real work takes its time by itself.
    async fn occupy(&self, _work: &Work) -> Occupied {
        Occupied::default()
    }

    /// What arrives is heard by itself.
    async fn heard(&self) {}

    fn record(&self, kind: EventKind) {
        self.recorder.record(self.actor, kind);
    }
}

impl SocketEnvironment {
    /// An actor of the machine's own clocks and names, without TLS and without a door: what it has beside that is set by
    /// whoever makes it (`..SocketEnvironment::new(actor, recorder, stop)`).
    pub fn new(actor: ActorId, recorder: SocketRecorder, stop: Stop) -> Self {
        Self {
            actor,
            recorder,
            rendezvous: Rendezvous::default(),
            stop,
            trust: None,
            bind: None,
            stays_here: false,
            wall: None,
            hosts: Hosts::default(),
            server: Mutex::default(),
            observer: None,
        }
    }

    /// Opens a TCP connection to the first address of a host that takes it.
    async fn open(&self, origin: &Origin) -> io::Result<TcpStream> {
        let addresses: Vec<_> = match self.hosts.address(origin.host()) {
            Some(address) => vec![address],
            None => lookup_host((origin.host(), origin.port())).await?.collect(),
        };
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            if self.stays_here && !address.ip().to_canonical().is_loopback() {
                let why = format!("{address} is not on this machine, and nobody said that it is a server of one's own");
                failed = io::Error::new(io::ErrorKind::PermissionDenied, why);
                continue;
            }
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // From an address of this machine alone no other can be reached.
            if let Some(bind) = self.bind.filter(|_| address.is_ipv4() && address.ip().is_loopback()) {
                socket.bind(bind)?;
            }
            match socket.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}
