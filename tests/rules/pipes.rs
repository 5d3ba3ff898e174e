//! Real actors whose network is pipes in memory and whose clock is tokio's paused one.

use std::{
    collections::BTreeMap,
    future::pending,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use countersign::{
    actor::{
        Connection, Database, Environment, Occupied, SecureStorage, ServerSettings, SiteServer, SiteSettings, SmpServer,
    },
    crypto::{Backend, Engine, backend},
    event::{Event, EventKind},
    plan::Plan,
    protocol::ServerPath,
    types::{ActorId, ConnectionId, CryptoTier, NodeId, Origin, Parameters, Profile, VirtualTime, WallTime, Work},
};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use crate::stage::{AGENT, CHANNEL, NOW, key, origin, rng};

pub const SITE: ActorId = ActorId::Site(1);

/// Runs a test in a runtime whose time passes when nobody has anything to do.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
}

/// Everything that the actors of one test share.
pub struct Net {
    start: Instant,
    doors: Mutex<BTreeMap<String, Door>>,
    connections: AtomicU64,
    events: Mutex<Vec<Event>>,
    /// What servers compute with.
    backend: Arc<dyn Backend>,
}

enum Door {
    Open(UnboundedSender<Connection<DuplexStream>>),
    /// Nobody ever answers, nobody ever refuses.
    BlackHole,
}

/// One actor's view of it.
pub struct Pipes {
    actor: ActorId,
    net: Arc<Net>,
}

impl Net {
    pub fn new() -> Arc<Self> {
        Self::of(backend(CryptoTier::Modelled).expect("every build has it"))
    }

    /// The same with servers that compute with this backend.
    pub fn of(backend: Arc<dyn Backend>) -> Arc<Self> {
        let (doors, connections, events) = Default::default();
        Arc::new(Self { start: Instant::now(), doors, connections, events, backend })
    }

    fn engine(&self) -> Arc<Engine> {
        Arc::new(Engine::new(Arc::clone(&self.backend), Arc::default(), None))
    }

    fn environment(self: &Arc<Self>, actor: ActorId) -> Arc<Pipes> {
        Arc::new(Pipes { actor, net: Arc::clone(self) })
    }

    fn connection(&self, is_secure: bool) -> (Connection<DuplexStream>, Connection<DuplexStream>) {
        let id = ConnectionId(self.connections.fetch_add(1, Relaxed));
        let (client, server) = duplex(1 << 16);
        let end = |stream| Connection { id, stream, is_secure, channel_binding: is_secure.then(|| CHANNEL.to_owned()) };
        (end(client), end(server))
    }

    /// A client's end of a new connection, if there is somebody at the other.
    pub fn connect(&self, to: &Origin) -> Option<DuplexStream> {
        let (client, server) = self.connection(to.is_secure());
        match self.doors.lock().expect("no panic").get(&to.to_string())? {
            Door::Open(door) => door.send(server).ok().map(|()| client.stream),
            Door::BlackHole => None,
        }
    }

    /// From now on, connections to this server hang.
    pub fn black_hole(&self, server: &Origin) {
        self.doors.lock().expect("no panic").insert(server.to_string(), Door::BlackHole);
    }

    /// What has happened so far at one actor.
    pub fn events_of(&self, actor: ActorId) -> Vec<EventKind> {
        let events = self.events.lock().expect("no panic");
        events.iter().filter(|event| event.actor == actor).map(|event| event.kind.clone()).collect()
    }

    /// Starts an SMP that knows the agents of these numbers, whose keys have the same numbers. Its database comes back.
    pub fn start_smp(self: &Arc<Self>, profile: Profile, parameters: &Parameters, agents: u32) -> Database {
        let settings = settings(ActorId::Smp, profile, parameters, 0);
        let (node, key_of_smp) = (settings.node, settings.key.clone());
        let database = Database::new(node, settings.origin.clone(), key_of_smp, profile, parameters.clone());
        {
            let mut records = database.open();
            records.approve_site(Plan::node_of(SITE));
            (1..=agents).for_each(|number| records.install(agent(number), key(number).public().clone()));
        }
        let smp = SmpServer::start(self.environment(ActorId::Smp), self.engine(), settings, database.clone());
        tokio::spawn(smp.run());
        database
    }

    /// Starts a site server that belongs to the SMP of [`Net::start_smp`].
    pub fn start_site(self: &Arc<Self>, profile: Profile, parameters: &Parameters) -> ServerPath {
        let site = SiteSettings {
            smp: path_of(ActorId::Smp).origin,
            pinned: key(0).public().thumbprint(),
            secure_storage: SecureStorage::default(),
        };
        let settings = settings(SITE, profile, parameters, 10_000);
        tokio::spawn(SiteServer::start(self.environment(SITE), self.engine(), settings, site).run());
        path_of(SITE)
    }
}

/// The identity of an agent; the first is [`AGENT`].
pub fn agent(number: u32) -> NodeId {
    NodeId::from_bits(AGENT.bits() + u128::from(number) - 1)
}

pub fn path_of(server: ActorId) -> ServerPath {
    ServerPath { server: Plan::node_of(server), origin: origin(&format!("http://{server}")) }
}

fn settings(server: ActorId, profile: Profile, parameters: &Parameters, key_number: u32) -> ServerSettings {
    let ServerPath { server: node, origin } = path_of(server);
    let parameters = Arc::new(parameters.clone());
    ServerSettings {
        node,
        origin,
        key: key(key_number),
        profile,
        parameters,
        rng: rng(key_number.into()),
        domain: Default::default(),
        redirect_to: None,
    }
}

impl Environment for Pipes {
    type Stream = DuplexStream;
    type Listener = UnboundedReceiver<Connection<DuplexStream>>;

    fn actor(&self) -> ActorId {
        self.actor
    }

    async fn connect(&self, to: &Origin) -> io::Result<Connection<DuplexStream>> {
        let (client, server) = self.net.connection(to.is_secure());
        let sent = match self.net.doors.lock().expect("no panic").get(&to.to_string()) {
            Some(Door::Open(door)) => Some(door.send(server).is_ok()),
            Some(Door::BlackHole) => None,
            None => Some(false),
        };
        match sent {
            Some(true) => Ok(client),
            Some(false) => Err(io::ErrorKind::ConnectionRefused.into()),
            None => pending().await,
        }
    }

    async fn listen(&self, at: &Origin) -> io::Result<Self::Listener> {
        let (sender, receiver) = unbounded_channel();
        self.net.doors.lock().expect("no panic").insert(at.to_string(), Door::Open(sender));
        Ok(receiver)
    }

    async fn accept(&self, listener: &mut Self::Listener) -> io::Result<Connection<DuplexStream>> {
        match listener.recv().await {
            Some(connection) => Ok(connection),
            None => pending().await,
        }
    }

    fn source(&self, _: ConnectionId) -> u64 {
        0
    }

    fn now(&self) -> VirtualTime {
        VirtualTime::ZERO.after(self.net.start.elapsed())
    }

    fn wall(&self) -> WallTime {
        NOW.wall().after(self.net.start.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    async fn occupy(&self, _: &Work) -> Occupied {
        Occupied::default()
    }

    async fn heard(&self) {}

    fn record(&self, kind: EventKind) {
        let event = Event { at: self.now(), actor: self.actor, kind };
        self.net.events.lock().expect("no panic").push(event);
    }
}
