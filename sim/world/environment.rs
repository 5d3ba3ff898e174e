//! What a simulated actor gets from outside.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

use super::{clock::HostClock, connections::Connections, cpu::VirtualCpu, recorder::Recorder};
use crate::{
    actor::{Connection, Environment, Occupied},
    attack::{Direction, WireFilter, Wiretaps},
    event::{Event, EventKind},
    protocol::base64url,
    types::{ActorId, ClockModel, ConnectionId, Costs, Origin, UnixSeconds, VirtualTime, WallTime, Work},
};

/// The environment of one actor.
pub struct SimulatedEnvironment {
    /// Whose it is.
    pub actor: ActorId,
    /// The time of the host on which the actor lives.
    pub clock: Arc<HostClock>,
    /// How the actor's wall clock errs.
    pub wall: ClockModel,
    /// What a true clock shows at the start of the run.
    pub run_start: UnixSeconds,
    /// The actor's CPU; agents have no model of theirs.
    pub cpu: Option<VirtualCpu>,
    /// What operations cost.
    pub costs: Costs,
    /// The names of connections.
    pub connections: Arc<Connections>,
    /// Where events go.
    pub recorder: Arc<Recorder>,
    /// Who sits on the connections of others.
    pub wiretaps: Arc<Wiretaps>,
}

impl Environment for SimulatedEnvironment {
    type Stream = SimulatedStream;
    type Listener = SimulatedListener;

    fn actor(&self) -> ActorId {
        self.actor
    }

    async fn connect(&self, origin: &Origin) -> io::Result<Connection<SimulatedStream>> {
        let stream = TcpStream::connect((origin.host(), origin.port())).await?;
        let (client, server) = (stream.local_addr()?, stream.peer_addr()?);
        let id = self.connections.opened(client, server, self.actor);
        let server = origin.host().parse().ok();
        Ok(self.connection(id, stream, origin.is_secure(), server, Direction::Response))
    }

    async fn listen(&self, origin: &Origin) -> io::Result<SimulatedListener> {
        let listener = TcpListener::bind(("0.0.0.0", origin.port())).await?;
        Ok(SimulatedListener { listener, is_secure: origin.is_secure() })
    }

    async fn accept(&self, listener: &mut SimulatedListener) -> io::Result<Connection<SimulatedStream>> {
        let (stream, client) = listener.listener.accept().await?;
        let id = self.connections.accepted(client, stream.local_addr()?);
        Ok(self.connection(id, stream, listener.is_secure, Some(self.actor), Direction::Request))
    }

    fn source(&self, connection: ConnectionId) -> u64 {
        self.connections.source(connection)
    }

    fn now(&self) -> VirtualTime {
        self.clock.now()
    }

    fn wall(&self) -> WallTime {
        self.wall.wall_at(self.run_start, self.clock.now())
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // The host's own queue is first come, first served, whoever wakes a task. The runtime's queue is not: whether
        // a timer or a byte of the same instant comes first would depend on how often the runtime was idle before.
        tokio::task::spawn_local(task);
    }

    async fn occupy(&self, work: &Work) -> Occupied {
        let Some(cpu) = &self.cpu else { return Occupied::default() };
        let occupied = cpu.book(self.now(), self.costs.of(work));
        // The account is kept in nanoseconds and the clock in milliseconds, so what is below one is not waited for.
        let millis = (occupied.waited + occupied.busy).as_millis();
        self.clock.sleep(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))).await;
        occupied
    }

    fn record(&self, kind: EventKind) {
        if self.recorder.is_closed() {
            return;
        }
        self.clock.world().note_activity();
        self.recorder.record(&Event { at: self.now(), actor: self.actor, kind });
    }
}

impl SimulatedEnvironment {
    fn connection(
        &self,
        id: ConnectionId,
        stream: TcpStream,
        is_secure: bool,
        server: Option<ActorId>,
        direction: Direction,
    ) -> Connection<SimulatedStream> {
        self.clock.world().note_activity();
        let stream = SimulatedStream {
            stream,
            id,
            clock: Arc::clone(&self.clock),
            connections: Arc::clone(&self.connections),
            tapped: Tapped::NotYet { wiretaps: Arc::clone(&self.wiretaps), server, direction, is_secure },
            ready: Vec::new(),
        };
        Connection { id, stream, is_secure, channel_binding: is_secure.then(|| channel_binding(id)) }
    }
}

/// In the simulation TLS is a flag and this value: equal at both ends of a connection, and on no other (RFC 9266).
fn channel_binding(id: ConnectionId) -> String {
    let hash = Sha256::new().chain_update(b"channel binding").chain_update(id.0.to_be_bytes()).finalize();
    base64url::encode(&hash)
}

/// A server's open door in the simulation.
pub struct SimulatedListener {
    listener: TcpListener,
    is_secure: bool,
}

/// A byte stream in the simulation. It notes every byte that is taken off it: the task that takes it may do more.
pub struct SimulatedStream {
    stream: TcpStream,
    id: ConnectionId,
    clock: Arc<HostClock>,
    connections: Arc<Connections>,
    tapped: Tapped,
    /// What came through the filter and was not read yet.
    ready: Vec<u8>,
}

/// Whether somebody sits on a connection. Who opened it is known for sure only when its first byte arrives.
enum Tapped {
    NotYet { wiretaps: Arc<Wiretaps>, server: Option<ActorId>, direction: Direction, is_secure: bool },
    By(WireFilter),
    ByNobody,
}

impl SimulatedStream {
    fn filter(&mut self) -> Option<&mut WireFilter> {
        if let Tapped::NotYet { wiretaps, server, direction, is_secure } = &self.tapped {
            let client = self.connections.opener(self.id);
            let filter = client
                .zip(*server)
                .and_then(|(client, server)| wiretaps.filter(self.id, client, server, *direction, *is_secure));
            self.tapped = filter.map_or(Tapped::ByNobody, Tapped::By);
        }
        match &mut self.tapped {
            Tapped::By(filter) => Some(filter),
            _ => None,
        }
    }
}

impl Drop for SimulatedStream {
    fn drop(&mut self) {
        self.connections.ended(self.id);
    }
}

impl AsyncRead for SimulatedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.ready.is_empty() {
                let taken = this.ready.len().min(buffer.remaining());
                buffer.put_slice(&this.ready[..taken]);
                this.ready.drain(..taken);
                return Poll::Ready(Ok(()));
            }
            let before = buffer.filled().len();
            let poll = Pin::new(&mut this.stream).poll_read(context, buffer);
            if poll.is_pending() {
                return poll;
            }
            this.clock.world().note_activity();
            let now = this.clock.now();
            let Some(filter) = this.filter() else { return poll };
            let arrived = buffer.filled()[before..].to_vec();
            buffer.set_filled(before);
            let mut out = Vec::new();
            if arrived.is_empty() {
                filter.end(&mut out)
            } else {
                filter.pass(now, &arrived, &mut out)
            }
            if out.is_empty() && arrived.is_empty() {
                return poll;
            }
            this.ready = out;
        }
    }
}

impl AsyncWrite for SimulatedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.clock.world().note_activity();
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.clock.world().note_activity();
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
