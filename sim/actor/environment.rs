//! The seam between an actor and its world.

use std::{
    future::{Future, pending},
    io,
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite};

use super::SharedMachine;
use crate::{
    event::{EventKind, Visit},
    types::{ActorId, ConnectionId, Origin, Thumbprint, VirtualTime, WallTime, Work},
};

/// Everything that one actor gets from outside: its network, its clocks, its CPU, and somebody to report to.
///
/// Every sleep, every task and every byte of an actor goes through here.
pub trait Environment: Send + Sync + 'static {
    /// A byte stream between two actors.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// A server's open door.
    type Listener: Send + 'static;

    /// Whose environment this is.
    fn actor(&self) -> ActorId;

    /// Opens a connection. Has no time-out of its own.
    fn connect(&self, origin: &Origin) -> impl Future<Output = io::Result<Connection<Self::Stream>>> + Send;

    /// Opens the actor's own door.
    fn listen(&self, origin: &Origin) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Waits for the next connection.
    fn accept(
        &self,
        listener: &mut Self::Listener,
    ) -> impl Future<Output = io::Result<Connection<Self::Stream>>> + Send;

    /// Learns that this actor has joined two connections to a tunnel: what comes over one goes on over the other.
    fn joined(&self, client: ConnectionId, server: ConnectionId) {
        let _ = (client, server);
    }

    /// What a connection through a tunnel is called at its far end, and its channel binding there if it uses TLS. Where
    /// nobody knows, it goes by the name of the tunnel.
    fn far_end(&self, tunnel: ConnectionId, is_secure: bool) -> (ConnectionId, Option<String>) {
        let _ = is_secure;
        (tunnel, None)
    }

    /// From where an accepted connection comes, as far as the network shows: a number per address (hole 18).
    fn source(&self, connection: ConnectionId) -> u64;

    /// Comes back when the actor is to stop: it takes on nothing new then, and finishes what it has begun. By itself a
    /// simulated actor never stops: its process is ended from outside.
    fn stopping(&self) -> impl Future<Output = ()> + Send {
        pending()
    }

    /// Learns that a visit of this actor begins.
    fn visit_begins(&self, visit: Visit) {
        let _ = visit;
    }

    /// Whether refusals have a body that tells a person what is wanted. In the simulation every byte costs time.
    fn explains_refusals(&self) -> bool {
        false
    }

    /// Learns that this actor has answered a request for this kind of path. It is no event: digests of simulated runs do not
    /// know of it.
    fn answered(&self, path: &'static str, status: u16, took: Duration) {
        let _ = (path, status, took);
    }

    /// Learns that a token came whose server key this actor does not know, from the SMP itself if `is_issued`, and when the
    /// actor fetches policy next. It is no event either.
    fn unknown_server_key(&self, kid: Thumbprint, is_issued: bool, policy_due: VirtualTime) {
        let _ = (kid, is_issued, policy_due);
    }

    /// Learns why the SMP gave this actor no tokens. It is no event either.
    fn upstream_failed(&self, why: &dyn std::fmt::Display) {
        let _ = why;
    }

    /// The machine around this actor, if it is a server that has one: nothing is on the way from the module to the
    /// management agent then.
    fn machine(&self) -> Option<&SharedMachine> {
        None
    }

    /// What becomes of the next request of this actor on its way.
    fn disturbance(&self) -> Disturbance {
        Disturbance::default()
    }

    /// True, monotonic time: for durations and time-outs. No decision about a token may use it.
    fn now(&self) -> VirtualTime;

    /// What the actor's own wall clock shows.
    fn wall(&self) -> WallTime;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Starts a task, in the order in which tasks are started.
    ///
    /// The order in which tasks run is the world's business as much as time is: a runtime's own scheduler serves
    /// wake-ups from outside now and then before its own, by a count of everything that it ever ran.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Occupies a core of the actor's CPU for as long as `work` takes; comes back when it is done.
    fn occupy(&self, work: &Work) -> impl Future<Output = Occupied> + Send;

    /// Comes back once an answer that has arrived is heard: at once, unless everybody shares the cores of one machine.
    fn heard(&self) -> impl Future<Output = ()> + Send;

    /// Reports a fact.
    fn record(&self, kind: EventKind);
}

/// One end of a connection.
#[derive(Debug)]
pub struct Connection<S> {
    /// Its name, the same at both ends.
    pub id: ConnectionId,
    /// Its bytes.
    pub stream: S,
    /// Whether it uses TLS.
    pub is_secure: bool,
    /// Over TLS, the channel binding (RFC 9266), base64url; the same at both ends of one connection only.
    pub channel_binding: Option<String>,
}

/// What happens to a request on its way, beside what happens to its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Disturbance {
    /// How long it is held up, so that later ones overtake it.
    pub held: Duration,
    /// Whether a copy of it arrives, too, on a connection of its own.
    pub is_duplicated: bool,
}

/// What a piece of work cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Occupied {
    /// How long it waited for a core, and while something else had the one that it was on.
    pub waited: Duration,
    /// How long it occupied one.
    pub busy: Duration,
}
