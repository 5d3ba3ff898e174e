//! What a simulated actor gets from outside.

use std::{
    fmt, io,
    sync::{Arc, Mutex},
    time::Duration,
};

use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};
use turmoil::net::{TcpListener, TcpStream};

use super::{
    clock::HostClock, connections::Parties, cpu::VirtualCpu, life::Life, network::Way, recorder::Recorder,
    stream::SimulatedStream, surroundings::Surroundings,
};
use crate::{
    actor::{Connection, Disturbance, Environment, Occupied, SharedMachine},
    crypto::KeyUses,
    event::{Event, EventKind, Visit},
    plan::Plan,
    protocol::base64url,
    types::{ActorId, ClockModel, ConnectionId, Costs, Origin, UnixSeconds, VirtualTime, WallTime, Work, locked},
};

/// How long TCP waits for an answer before it asks again for a connection; it doubles each time (RFC 6298 section 2).
const CONNECT_AGAIN: Duration = Duration::from_secs(1);

/// The environment of one actor, from one start to the next.
pub struct SimulatedEnvironment {
    /// Whose it is.
    pub actor: ActorId,
    /// The time of the host on which the actor lives.
    pub clock: Arc<HostClock>,
    /// How the actor's wall clock errs.
    pub wall: Arc<ClockModel>,
    /// What a true clock shows at the start of the run.
    pub run_start: UnixSeconds,
    /// The actor's CPU; agents have none, unless everybody shares one.
    pub cpu: Option<Arc<VirtualCpu>>,
    /// What operations cost.
    pub costs: Costs,
    /// How often its key was used.
    pub key_uses: KeyUses,
    /// What lies between it and others.
    pub surroundings: Arc<Surroundings>,
    /// The draws of this actor; none in a network where nothing goes wrong.
    pub mishaps: Option<Mutex<ChaCha20Rng>>,
    /// The machine around it, if it is a server that has one.
    pub machine: Option<SharedMachine>,
    /// The actor's tasks.
    pub life: Life,
    /// Where events go.
    pub recorder: Arc<Recorder>,
}

impl Environment for SimulatedEnvironment {
    type Stream = SimulatedStream;
    type Listener = SimulatedListener;

    fn actor(&self) -> ActorId {
        self.actor
    }

    async fn connect(&self, origin: &Origin) -> io::Result<Connection<SimulatedStream>> {
        let opener = self.actor;
        let server = Plan::server_at(origin).unwrap_or(opener);
        let (forth, back) =
            (self.surroundings.network.way(opener, server), self.surroundings.network.way(server, opener));
        self.handshake(&[forth, back]).await;
        let opened_at = self.now();
        let stream = TcpStream::connect((origin.host(), origin.port())).await?;
        let ends = (stream.local_addr()?, stream.peer_addr()?);
        let id = self.surroundings.connections.opened(ends.0, ends.1, Parties { opener, server, opened_at });
        Ok(self.connection(id, stream, origin.is_secure()))
    }

    async fn listen(&self, origin: &Origin) -> io::Result<SimulatedListener> {
        let listener = TcpListener::bind(("0.0.0.0", origin.port())).await?;
        Ok(SimulatedListener { listener, is_secure: origin.is_secure() })
    }

    async fn accept(&self, listener: &mut SimulatedListener) -> io::Result<Connection<SimulatedStream>> {
        let (stream, client) = listener.listener.accept().await?;
        let id = self.surroundings.connections.accepted(client, stream.local_addr()?);
        Ok(self.connection(id, stream, listener.is_secure))
    }

    fn joined(&self, client: ConnectionId, server: ConnectionId) {
        self.surroundings.connections.joined(client, server);
    }

    fn far_end(&self, tunnel: ConnectionId, is_secure: bool) -> (ConnectionId, Option<String>) {
        let id = self.surroundings.connections.far_end(tunnel);
        (id, is_secure.then(|| channel_binding(id)))
    }

    fn source(&self, connection: ConnectionId) -> u64 {
        self.surroundings.connections.source(connection)
    }

    fn machine(&self) -> Option<&SharedMachine> {
        self.machine.as_ref()
    }

    fn disturbance(&self) -> Disturbance {
        let Some(mishaps) = &self.mishaps else { return Disturbance::default() };
        let rng = &mut *locked(mishaps);
        self.surroundings.network.disturbance(self.actor, self.now(), rng)
    }

    fn now(&self) -> VirtualTime {
        self.clock.now()
    }

    fn wall(&self) -> WallTime {
        self.wall.wall_at(self.run_start, self.clock.now())
    }

    async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            // It comes back at once, so that nobody else could notice a task that does nothing but this.
            self.surroundings.breakdown.rest(self.actor, self.clock.world()).await;
        }
        self.clock.sleep(duration).await;
        // Whoever is late already sets no timer.
        if let Some(cpu) = self.cpu.as_ref().filter(|_| !duration.is_zero()) {
            self.wait_for(cpu.rings_after(self.now())).await;
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let breakdown = Arc::clone(&self.surroundings.breakdown);
        self.life.spawn(breakdown.watch(self.actor, Arc::clone(&self.clock), task));
    }

    async fn occupy(&self, work: &Work) -> Occupied {
        let Some(cpu) = self.cpu.as_ref().filter(|_| !work.is_nothing()) else { return Occupied::default() };
        let now = self.now();
        let slowdown = self.surroundings.network.slowdown(self.actor, now);
        let until_done = self.costs.of(work) + self.costs.of_blindings(self.key_uses.count(work));
        // On a machine that everybody shares the answer is heard first.
        let closing = if cpu.is_shared() { Duration::ZERO } else { self.costs.closing_of(work) };
        let (until_done, closing) = (until_done * slowdown, closing * slowdown);
        let occupied = cpu.book(now, until_done, closing);
        self.wait_for((occupied.waited + occupied.busy).saturating_sub(closing)).await;
        occupied
    }

    async fn heard(&self) {
        let Some(cpu) = self.cpu.as_ref().filter(|cpu| cpu.is_shared()) else { return };
        let now = self.now();
        let closing = self.costs.closing_of(&Work { requests: 1, ..Work::default() });
        self.wait_for(cpu.hear(now, closing * self.surroundings.network.slowdown(self.actor, now))).await;
    }

    fn visit_begins(&self, visit: Visit) {
        if !self.life.is_over() {
            self.recorder.visit_begins(self.actor, &visit, self.now());
        }
    }

    fn record(&self, kind: EventKind) {
        if self.recorder.is_closed() || self.life.is_over() {
            return;
        }
        self.clock.world().note_activity();
        self.recorder.record(&Event { at: self.now(), actor: self.actor, kind });
    }
}

impl fmt::Debug for SimulatedEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedEnvironment").field("actor", &self.actor).finish_non_exhaustive()
    }
}

impl SimulatedEnvironment {
    /// Waits for a CPU. The account is kept in nanoseconds and the clock in milliseconds, so what is below one is not waited for.
    async fn wait_for(&self, cpu_time: Duration) {
        let millis = u64::try_from(cpu_time.as_millis()).unwrap_or(u64::MAX);
        self.clock.sleep(Duration::from_millis(millis)).await;
    }

    /// Asks for a connection until the answer can come back. Whoever asks gives up in time.
    async fn handshake(&self, ways: &[Option<Way>; 2]) {
        let (Some(mishaps), true) = (&self.mishaps, ways.iter().any(Option::is_some)) else { return };
        let ways = || ways.iter().flatten();
        let mut again = CONNECT_AGAIN;
        loop {
            let now = self.now();
            let gets_through = {
                let rng = &mut *locked(mishaps);
                let is_lost = ways().fold(false, |is_lost, way| is_lost | way.loses(now, rng));
                ways().all(|way| way.is_open(now)) && !is_lost
            };
            if gets_through {
                break;
            }
            self.sleep(again).await;
            again = again.saturating_mul(2);
        }
        let longer = {
            let rng = &mut *locked(mishaps);
            ways().map(|way| way.added(self.now(), rng)).sum()
        };
        self.sleep(longer).await;
    }

    fn connection(&self, id: ConnectionId, stream: TcpStream, is_secure: bool) -> Connection<SimulatedStream> {
        self.clock.world().note_activity();
        let (clock, surroundings) = (Arc::clone(&self.clock), Arc::clone(&self.surroundings));
        let stream = SimulatedStream::new(stream, id, self.actor, is_secure, clock, surroundings);
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
