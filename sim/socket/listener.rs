//! A server's open door.

use std::{fmt, future::pending, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time,
};
use tokio_rustls::TlsAcceptor;

use super::{
    observer::{HandshakeFailure, Observer},
    rendezvous::{Named, Rendezvous},
    stop::Stop,
    stream::SocketStream,
    tls::{ServerTls, channel_binding},
};
use crate::actor::Connection;

/// Connections that the system may hold until they are accepted: as many as Linux admits unless it is told otherwise
/// (`net.core.somaxconn`). Whoever comes when it holds no more is not answered, and tries again after a second.
pub const BACKLOG: u32 = 4_096;
/// Handshakes that may be under way at the same time. Whoever comes then waits in the kernel's queue.
const HANDSHAKES_MAX: usize = 1_024;
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take while half of those that may be under way are: whoever says nothing must not keep others out.
const HANDSHAKE_TIMEOUT_CROWDED: Duration = Duration::from_secs(1);
/// How long to wait when the process has no more files, or the network fails: the next try may do better.
const AGAIN: Duration = Duration::from_millis(50);

/// Connections that are ready to be served.
#[derive(Debug)]
pub struct SocketListener(Door);

#[derive(Debug)]
enum Door {
    /// A connection is ready as soon as it is there.
    Plain { listener: TcpListener, rendezvous: Rendezvous, observer: Option<Arc<dyn Observer>> },
    /// Handshakes are in nobody's way: each has a task of its own.
    Tls { ready: mpsc::Receiver<Connection<SocketStream>>, stop: Stop },
}

impl SocketListener {
    /// Accepts connections from now on, until it is dropped or `stop` says so.
    pub(super) fn open(
        listener: TcpListener,
        tls: Option<ServerTls>,
        rendezvous: Rendezvous,
        stop: Stop,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        let Some(tls) = tls else { return Self(Door::Plain { listener, rendezvous, observer }) };
        let (sender, ready) = mpsc::channel(1);
        let doorkeeper = Doorkeeper { acceptor: TlsAcceptor::from(tls.config), rendezvous, observer, sender };
        Self(Door::with_tls(listener, doorkeeper, ready, stop))
    }

    /// Waits for the next connection.
    pub(super) async fn accept(&mut self) -> io::Result<Connection<SocketStream>> {
        match &mut self.0 {
            Door::Plain { listener, rendezvous, observer } => loop {
                if let Some((stream, named)) = greeted(accepted(listener, observer.as_deref()).await, rendezvous) {
                    let (id, stream) = (named.id, SocketStream::plain(stream, named));
                    return Ok(Connection { id, stream, is_secure: false, channel_binding: None });
                }
            },
            Door::Tls { ready, stop } => match ready.recv().await {
                Some(connection) => Ok(connection),
                // The doorkeeper may hear of it first. Whoever waits here is about to hear of it, too.
                None if stop.is_stopped() => pending().await,
                None => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the door is closed")),
            },
        }
    }
}

/// The next connection, as soon as the system can give one.
async fn accepted(listener: &TcpListener, observer: Option<&dyn Observer>) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                if let Some(observer) = observer {
                    observer.accept_failed(&error);
                }
                time::sleep(AGAIN).await;
            }
        }
    }
}

/// A connection with its name. Whoever is gone already is nobody's loss.
fn greeted(stream: TcpStream, rendezvous: &Rendezvous) -> Option<(TcpStream, Named)> {
    let (client, server) = (stream.peer_addr().ok()?, stream.local_addr().ok()?);
    let _ = stream.set_nodelay(true);
    Some((stream, rendezvous.accepted(client, server)))
}

impl Door {
    fn with_tls(
        listener: TcpListener,
        doorkeeper: Doorkeeper,
        ready: mpsc::Receiver<Connection<SocketStream>>,
        stop: Stop,
    ) -> Self {
        let until = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = until.stopped() => {}
                () = doorkeeper.sender.closed() => {}
                () = doorkeeper.work(listener) => {}
            }
        });
        Self::Tls { ready, stop }
    }
}

#[derive(Clone)]
struct Doorkeeper {
    acceptor: TlsAcceptor,
    rendezvous: Rendezvous,
    observer: Option<Arc<dyn Observer>>,
    sender: mpsc::Sender<Connection<SocketStream>>,
}

impl Doorkeeper {
    async fn work(&self, listener: TcpListener) {
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        loop {
            // Nobody closes the semaphore.
            let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
            let stream = accepted(&listener, self.observer.as_deref()).await;
            let is_crowded = handshakes.available_permits() < HANDSHAKES_MAX / 2;
            let patience = if is_crowded { HANDSHAKE_TIMEOUT_CROWDED } else { HANDSHAKE_TIMEOUT };
            let keeper = self.clone();
            tokio::spawn(async move {
                keeper.greet(stream, patience).await;
                drop(permit);
            });
        }
    }

    /// A handshake that fails or takes too long ends its connection and nothing else.
    async fn greet(&self, stream: TcpStream, patience: Duration) {
        let Some((stream, named)) = greeted(stream, &self.rendezvous) else { return };
        let client = stream.peer_addr().ok();
        let stream = match time::timeout(patience, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.tell(client, how_failed(&error), &error),
            Err(error) => return self.tell(client, HandshakeFailure::TimedOut, &error),
        };
        let Ok(channel_binding) = channel_binding(stream.get_ref().1) else { return };
        let id = named.id;
        let stream = SocketStream::tls(stream.into(), named);
        let connection = Connection { id, stream, is_secure: true, channel_binding: Some(channel_binding) };
        let _ = self.sender.send(connection).await;
    }

    fn tell(&self, client: Option<SocketAddr>, how: HandshakeFailure, why: &dyn fmt::Display) {
        if let (Some(observer), Some(client)) = (&self.observer, client) {
            observer.handshake_failed(client, how, why);
        }
    }
}

fn how_failed(error: &io::Error) -> HandshakeFailure {
    match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        // The first bytes are no record of TLS.
        Some(rustls::Error::InvalidMessage(_)) => HandshakeFailure::NotTls,
        Some(_) => HandshakeFailure::Refused,
        None => HandshakeFailure::Closed,
    }
}
