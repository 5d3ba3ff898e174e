//! All actors of a plan on the sockets of this machine.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    time,
};

use super::{LOOK_EVERY, LoadError, Target, enrol::enrol};
use crate::{
    actor::{AgentActor, AgentSettings, SecureStorage, SiteServer, SmpServer, Visits},
    cast::Cast,
    crypto::{Backend, Engine, Stopwatch, WallTotals, backend},
    event::Listener,
    plan::Plan,
    socket::{
        BACKLOG, ClientTls, Hosts, ModelledWall, RealClock, Rendezvous, Server, ServerTls, SocketEnvironment,
        SocketRecorder, Stop,
    },
    types::{ActorId, Scheme, Shard, VirtualTime, WallTime},
};

/// How long servers may take to answer before agents come all the same.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
const ASK_TIMEOUT: Duration = Duration::from_secs(1);
const ASK_EVERY: Duration = Duration::from_millis(10);

/// A door of this machine that nobody else reaches.
fn door() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(BACKLOG)
}

/// The actors of a plan, from their gathering to their end.
pub(super) struct Fleet<'a> {
    cast: &'a Cast,
    backend: Arc<dyn Backend>,
    totals: Arc<WallTotals>,
    stopwatch: Option<Stopwatch>,
    recorder: SocketRecorder,
    rendezvous: Rendezvous,
    stop: Stop,
    trust: Option<ClientTls>,
    hosts: Hosts,
    /// Whether wall clocks show the machine's time, as those of servers from elsewhere do, and not the plan's.
    wall_is_real: bool,
    /// Whether nobody connects to another machine, wherever policy sends them.
    stays_here: bool,
    servers: Vec<(ActorId, Server)>,
    agents: Vec<(u32, VirtualTime, AgentSettings)>,
    broken: (mpsc::UnboundedSender<LoadError>, mpsc::UnboundedReceiver<LoadError>),
}

impl<'a> Fleet<'a> {
    /// Opens the doors of all servers, and makes everything ready that is not to take time later.
    pub async fn gather(
        cast: &'a Cast,
        shard: Shard,
        listener: Arc<Mutex<dyn Listener + Send>>,
        stopwatch: Option<Stopwatch>,
    ) -> Result<Self, LoadError> {
        let plan = &cast.plan;
        let names: Vec<_> = servers(plan).map(Plan::host_of).collect();
        let (tls, trust) = match plan.scheme {
            Scheme::Http => (None, None),
            Scheme::Https => certificates(names).map(|(tls, trust)| (Some(tls), Some(trust)))?,
        };
        let (mut doors, mut hosts) = (Vec::new(), Vec::new());
        for server in servers(plan) {
            let failed = |source| LoadError::Server { server, source };
            let listener = door().map_err(failed)?;
            hosts.push((Plan::host_of(server), listener.local_addr().map_err(failed)?));
            doors.push((server, Server { listener, tls: tls.clone() }));
        }
        let fleet = Self::of_agents(cast, shard, &|_, settings| settings, listener, stopwatch)?;
        Ok(Self { trust, hosts: hosts.into_iter().collect(), servers: doors, ..fleet })
    }

    /// Agents alone, for servers that somebody else has started.
    pub async fn against(
        cast: &'a Cast,
        shard: Shard,
        target: Target,
        listener: Arc<Mutex<dyn Listener + Send>>,
        stopwatch: Option<Stopwatch>,
    ) -> Result<Self, LoadError> {
        let begin = RealClock::start().wall();
        let aimed = |number, settings| target.aim(settings, number, cast.plan.seed, begin);
        let fleet = Self::of_agents(cast, shard, &aimed, listener, stopwatch)?;
        let agents: Vec<_> = fleet.agents.iter().map(|(number, _, settings)| (*number, settings.clone())).collect();
        enrol(&agents, &target, &fleet.backend).await?;
        Ok(Self {
            trust: target.trust,
            stays_here: !target.is_owned,
            wall_is_real: true,
            rendezvous: Rendezvous::without_servers(),
            ..fleet
        })
    }

    fn of_agents(
        cast: &'a Cast,
        shard: Shard,
        prepared: &dyn Fn(u32, AgentSettings) -> AgentSettings,
        listener: Arc<Mutex<dyn Listener + Send>>,
        stopwatch: Option<Stopwatch>,
    ) -> Result<Self, LoadError> {
        let plan = &cast.plan;
        let backend = backend(plan.crypto)?;
        // Each has the number that it has in the whole: it is the same agent, whichever process makes its visits.
        let agents = (1..).zip(&plan.agents).filter(|(number, _)| shard.has(u64::from(*number - 1)));
        let agents = agents.filter_map(|(number, agent)| {
            let settings = cast.agent_settings(number, cast.secure_storage(agent), 0, VirtualTime::ZERO)?;
            Some((number, VirtualTime::from_millis(agent.start_ms), prepared(number, settings)))
        });
        let agents: Vec<_> = agents.collect();
        // A real agent loads its key once in its life; thousands of them must not do so while others are measured.
        let warm_up = Engine::new(Arc::clone(&backend), Arc::default(), None);
        for (_, _, settings) in &agents {
            warm_up.prepare(&settings.key)?;
        }
        Ok(Self {
            cast,
            backend,
            totals: Arc::default(),
            stopwatch,
            recorder: SocketRecorder::new(listener, RealClock::start()),
            rendezvous: Rendezvous::default(),
            stop: Stop::default(),
            trust: None,
            hosts: Hosts::default(),
            stays_here: false,
            wall_is_real: false,
            servers: Vec::new(),
            agents,
            broken: mpsc::unbounded_channel(),
        })
    }

    /// Waits until the machine's wall clock shows a time. Says whether it was reached: an interruption ends the wait.
    pub async fn wait_until(&self, start_at: WallTime, interrupted: &AtomicBool) -> Result<bool, LoadError> {
        let late = self.wall().since(start_at);
        if !late.is_zero() {
            return Err(LoadError::NotReady { late_ms: u64::try_from(late.as_millis()).unwrap_or(u64::MAX) });
        }
        loop {
            let wait = start_at.since(self.wall());
            if wait.is_zero() {
                return Ok(true);
            }
            // Bit by bit, too, since somebody may set the clock.
            time::sleep(wait.min(LOOK_EVERY)).await;
            if interrupted.load(Relaxed) {
                return Ok(false);
            }
        }
    }

    /// Starts the servers and, once all of them answer, the agents, each at its time. Comes back with when that is: the
    /// plan's own time starts there, for whoever visits.
    pub async fn start(&mut self) -> VirtualTime {
        self.recorder = self.recorder.from_now_on();
        for (server, door) in std::mem::take(&mut self.servers) {
            self.start_server(server, door);
        }
        self.all_answer().await;
        let begin = self.now();
        for (number, start, mut settings) in std::mem::take(&mut self.agents) {
            settings.visits = later(settings.visits, begin);
            settings.leaves_at = settings.leaves_at.map(|at| begin.after(at.since(VirtualTime::ZERO)));
            let environment = self.environment(ActorId::Agent(number), None);
            let engine = self.engine();
            tokio::spawn(async move {
                let wait = start.since(VirtualTime::ZERO);
                if !wait.is_zero() {
                    time::sleep(wait).await;
                }
                AgentActor::start(environment, engine, settings).run().await;
            });
        }
        begin
    }

    /// Waits until every server that starts with the plan answers, or is too long about it.
    async fn all_answer(&self) {
        let plan = &self.cast.plan;
        let at_once = servers(plan).filter(|server| plan.server(*server).is_some_and(|plan| plan.start_ms == 0));
        let addresses: Vec<_> = at_once.filter_map(|server| self.hosts.address(&Plan::host_of(server))).collect();
        let answers = async {
            for address in addresses {
                // A door that is shut takes a connection, but ends none.
                while !answers(address).await {
                    time::sleep(ASK_EVERY).await;
                }
            }
        };
        let _ = time::timeout(READY_TIMEOUT, answers).await;
    }

    /// The time since the start.
    pub fn now(&self) -> VirtualTime {
        self.recorder.clock().now()
    }

    /// What the machine's wall clock shows.
    pub fn wall(&self) -> WallTime {
        self.recorder.clock().wall()
    }

    /// Comes back if a server can no longer serve.
    pub async fn broke_down(&mut self) -> LoadError {
        match self.broken.1.recv().await {
            Some(error) => error,
            // This holds a sender itself.
            None => std::future::pending().await,
        }
    }

    /// Ends everybody: what happens from now on is no longer heard.
    pub fn end(self) -> Arc<WallTotals> {
        self.recorder.close();
        self.stop.stop();
        self.totals
    }

    fn start_server(&self, server: ActorId, door: Server) {
        let start = VirtualTime::from_millis(self.cast.plan.server(server).map_or(0, |plan| plan.start_ms));
        let wait = start.since(self.now());
        let (environment, engine) = (self.environment(server, Some(door)), self.engine());
        let broken = self.broken.0.clone();
        let life = match self.life(server, environment, engine) {
            Ok(life) => life,
            Err(error) => return drop(broken.send(error)),
        };
        tokio::spawn(async move {
            time::sleep(wait).await;
            if let Err(source) = life.await {
                let _ = broken.send(LoadError::Server { server, source });
            }
        });
    }

    fn life(
        &self,
        server: ActorId,
        environment: Arc<SocketEnvironment>,
        engine: Arc<Engine>,
    ) -> Result<impl Future<Output = io::Result<()>> + Send + use<>, LoadError> {
        let cast = self.cast;
        let settings = cast.server_settings(server, cast.server_key(server)?, 0, VirtualTime::ZERO);
        let database = if server == ActorId::Smp { Some(cast.database()?) } else { None };
        let site = cast.site_settings(SecureStorage::default());
        Ok(async move {
            match database {
                Some(database) => SmpServer::start(environment, engine, settings, database).run().await,
                None => SiteServer::start(environment, engine, settings, site).run().await,
            }
        })
    }

    fn engine(&self) -> Arc<Engine> {
        Arc::new(Engine::new(Arc::clone(&self.backend), Arc::clone(&self.totals), self.stopwatch))
    }

    fn environment(&self, actor: ActorId, server: Option<Server>) -> Arc<SocketEnvironment> {
        let plan = &self.cast.plan;
        Arc::new(SocketEnvironment {
            rendezvous: self.rendezvous.clone(),
            trust: self.trust.clone(),
            bind: own_address(actor),
            stays_here: self.stays_here,
            wall: (!self.wall_is_real).then(|| ModelledWall { run_start: plan.run_start, clock: plan.clock_of(actor) }),
            hosts: self.hosts.clone(),
            server: Mutex::new(server),
            ..SocketEnvironment::new(actor, self.recorder.clone(), self.stop.clone())
        })
    }
}

/// Whether a server says anything to a request that is none, as each does, with TLS or without.
async fn answers(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"\r\n\r\nnone\r\n\r\n").await?;
        let mut answer = [0; 1];
        stream.read(&mut answer).await
    };
    // An end is an answer, too.
    time::timeout(ASK_TIMEOUT, ask).await.is_ok_and(|answer| answer.is_ok())
}

/// The same visits, counted from a later start.
fn later(visits: Visits, begin: VirtualTime) -> Visits {
    let shift = begin.since(VirtualTime::ZERO);
    match visits {
        Visits::Every { first, interval, jitter } => Visits::Every { first: first.after(shift), interval, jitter },
        Visits::At(times) => Visits::At(times.into_iter().map(|at| at.after(shift)).collect()),
    }
}

fn servers(plan: &Plan) -> impl Iterator<Item = ActorId> {
    std::iter::once(ActorId::Smp).chain((1..).map(ActorId::Site).take(plan.sites.len()))
}

/// An address of its own for each agent, as in a real network: limits per source are for machines, and no address runs out
/// of ports. Linux takes all of 127.0.0.0/8 for its own; others do not.
fn own_address(actor: ActorId) -> Option<SocketAddr> {
    let ActorId::Agent(number) = actor else { return None };
    let [_, high, middle, low] = number.to_be_bytes();
    let address = Ipv4Addr::new(127, 64_u8.saturating_add(high), middle, low);
    cfg!(target_os = "linux").then(|| SocketAddr::from((address, 0)))
}

/// One certificate for all servers, made for this load alone, and the trust in it.
fn certificates(names: Vec<String>) -> Result<(ServerTls, ClientTls), LoadError> {
    let failed = |error: &dyn std::fmt::Display| LoadError::Certificate(error.to_string());
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(&error))?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = ServerTls::from_pem(&certificate, &key).map_err(|error| failed(&error))?;
    let trust = ClientTls::trusting(&certificate).map_err(|error| failed(&error))?;
    Ok((tls, trust))
}
