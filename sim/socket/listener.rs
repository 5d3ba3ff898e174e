//! A server's open door.

use std::{future::pending, io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time,
};
use tokio_rustls::TlsAcceptor;

use super::{
    rendezvous::Rendezvous,
    stop::Stop,
    stream::SocketStream,
    tls::{ServerTls, channel_binding},
};
use crate::actor::Connection;

/// Handshakes that may be under way at the same time. Whoever comes then waits in the kernel's queue.
const HANDSHAKES_MAX: usize = 1_024;
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait when the process has no more files, or the network fails: the next try may do better.
const AGAIN: Duration = Duration::from_millis(50);

/// Connections that are ready to be served.
#[derive(Debug)]
pub struct SocketListener {
    ready: mpsc::Receiver<Connection<SocketStream>>,
    stop: Stop,
}

impl SocketListener {
    /// Accepts connections from now on, until it is dropped or `stop` says so. Handshakes are in nobody's way: each has
    /// a task of its own.
    pub(super) fn open(listener: TcpListener, tls: Option<ServerTls>, rendezvous: Rendezvous, stop: Stop) -> Self {
        let (sender, ready) = mpsc::channel(1);
        let until = stop.clone();
        let doorkeeper = Doorkeeper { tls: tls.map(|tls| TlsAcceptor::from(tls.config)), rendezvous, sender };
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = until.stopped() => {}
                () = doorkeeper.sender.closed() => {}
                () = doorkeeper.work(listener) => {}
            }
        });
        Self { ready, stop }
    }

    /// Waits for the next connection.
    pub(super) async fn accept(&mut self) -> io::Result<Connection<SocketStream>> {
        match self.ready.recv().await {
            Some(connection) => Ok(connection),
            // The doorkeeper may hear of it first. Whoever waits here is about to hear of it, too.
            None if self.stop.is_stopped() => pending().await,
            None => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the door is closed")),
        }
    }
}

#[derive(Clone)]
struct Doorkeeper {
    tls: Option<TlsAcceptor>,
    rendezvous: Rendezvous,
    sender: mpsc::Sender<Connection<SocketStream>>,
}

impl Doorkeeper {
    async fn work(&self, listener: TcpListener) {
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        loop {
            // Nobody closes the semaphore.
            let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => {
                    time::sleep(AGAIN).await;
                    continue;
                }
            };
            let keeper = self.clone();
            match &self.tls {
                None => keeper.hand_over(stream).await,
                Some(acceptor) => {
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        keeper.greet(acceptor, stream).await;
                        drop(permit);
                    });
                }
            }
        }
    }

    async fn hand_over(&self, stream: TcpStream) {
        // Whoever is gone already is nobody's loss.
        let (Ok(client), Ok(server)) = (stream.peer_addr(), stream.local_addr()) else { return };
        let _ = stream.set_nodelay(true);
        let named = self.rendezvous.accepted(client, server);
        let id = named.id;
        let stream = SocketStream::plain(stream, named);
        let _ = self.sender.send(Connection { id, stream, is_secure: false, channel_binding: None }).await;
    }

    /// A handshake that fails or takes too long ends its connection and nothing else.
    async fn greet(&self, acceptor: TlsAcceptor, stream: TcpStream) {
        let (Ok(client), Ok(server)) = (stream.peer_addr(), stream.local_addr()) else { return };
        let _ = stream.set_nodelay(true);
        let named = self.rendezvous.accepted(client, server);
        let Ok(Ok(stream)) = time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await else { return };
        let Ok(channel_binding) = channel_binding(stream.get_ref().1) else { return };
        let id = named.id;
        let stream = SocketStream::tls(stream.into(), named);
        let connection = Connection { id, stream, is_secure: true, channel_binding: Some(channel_binding) };
        let _ = self.sender.send(connection).await;
    }
}
