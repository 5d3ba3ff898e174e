//! The actors on real sockets: the same protocol, over TCP and TLS on this machine.

#![cfg(feature = "sockets")]

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::SocketAddr,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use bytes::Bytes;
use countersign::{
    actor::{
        AgentActor, AgentSettings, Connection, Database, Environment, ExchangeError, HttpConnection, Knowledge,
        RequestHead, SecureStorage, ServerSettings, SiteServer, SiteSettings, SmpServer, Visits,
    },
    crypto::{Engine, KeyPool, PrivateKey, backend},
    event::{Carried, Event, EventKind, Listener, Outcome},
    socket::{
        ClientTls, RealClock, Rendezvous, Server, ServerTls, SocketEnvironment, SocketListener, SocketRecorder,
        SocketStream, Stop,
    },
    types::{ActorId, ConnectionId, CryptoTier, NodeId, Origin, Parameters, Profile, SeedStream},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime,
    task::JoinHandle,
    time,
};

const SMP: NodeId = NodeId::from_bits(0x1000_0000_0000_4000_8000_0000_0000_0000);
const SITE: NodeId = NodeId::from_bits(0x2000_0000_0000_4000_8000_0000_0000_0001);
const AGENT: NodeId = NodeId::from_bits(0x3000_0000_0000_4000_8000_0000_0000_0000);
/// Nothing here takes anywhere near so long.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct History(Vec<Event>);

impl Listener for History {
    fn hear(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

/// One SMP and one site server on ports of their own.
struct Fleet {
    profile: Profile,
    keys: KeyPool,
    parameters: Arc<Parameters>,
    history: Arc<Mutex<History>>,
    recorder: SocketRecorder,
    rendezvous: Rendezvous,
    trust: Option<ClientTls>,
    origins: BTreeMap<ActorId, Origin>,
    stop: Stop,
    servers: Vec<JoinHandle<std::io::Result<()>>>,
}

impl Fleet {
    async fn start(profile: Profile, is_secure: bool) -> Self {
        let history = Arc::new(Mutex::new(History::default()));
        let recorder = SocketRecorder::new(Arc::clone(&history) as _, RealClock::start());
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
        let tls = is_secure.then(|| ServerTls::from_pem(&chain, &key).unwrap());
        let mut fleet = Self {
            profile,
            keys: KeyPool::new(SeedStream::new(7)),
            parameters: Arc::new(Parameters { keep_alive_idle_s: 5, ..Parameters::defaults(profile) }),
            history,
            recorder,
            rendezvous: Rendezvous::default(),
            trust: is_secure.then(|| ClientTls::trusting(&chain).unwrap()),
            origins: BTreeMap::new(),
            stop: Stop::default(),
            servers: Vec::new(),
        };
        let mut doors = BTreeMap::new();
        for actor in [ActorId::Smp, ActorId::Site(1)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let scheme = if is_secure { "https" } else { "http" };
            let origin = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
            fleet.origins.insert(actor, origin.parse().unwrap());
            doors.insert(actor, Server { listener, tls: tls.clone() });
        }
        let smp_key = fleet.key(0);
        let database = Database::new(
            SMP,
            fleet.origins[&ActorId::Smp].clone(),
            smp_key.clone(),
            profile,
            Parameters::clone(&fleet.parameters),
        );
        {
            let mut records = database.open();
            records.approve_site(SITE);
            for number in 1..=20 {
                records.install(agent_node(number), fleet.key(100 + number).public().clone());
            }
        }
        let smp = SmpServer::start(
            fleet.environment(ActorId::Smp, doors.remove(&ActorId::Smp)),
            engine(),
            fleet.settings(SMP, ActorId::Smp, smp_key.clone()),
            database,
        );
        fleet.servers.push(tokio::spawn(smp.run()));
        let site = SiteServer::start(
            fleet.environment(ActorId::Site(1), doors.remove(&ActorId::Site(1))),
            engine(),
            fleet.settings(SITE, ActorId::Site(1), fleet.key(1)),
            SiteSettings {
                smp: fleet.origins[&ActorId::Smp].clone(),
                pinned: smp_key.public().thumbprint(),
                secure_storage: SecureStorage::default(),
            },
        );
        fleet.servers.push(tokio::spawn(site.run()));
        fleet
    }

    fn key(&self, number: u32) -> PrivateKey {
        self.keys.private_key(number).unwrap()
    }

    fn environment(&self, actor: ActorId, server: Option<Server>) -> Arc<SocketEnvironment> {
        Arc::new(SocketEnvironment {
            rendezvous: self.rendezvous.clone(),
            trust: self.trust.clone(),
            server: Mutex::new(server),
            ..SocketEnvironment::new(actor, self.recorder.clone(), self.stop.clone())
        })
    }

    fn settings(&self, node: NodeId, actor: ActorId, key: PrivateKey) -> ServerSettings {
        ServerSettings {
            node,
            origin: self.origins[&actor].clone(),
            key,
            profile: self.profile,
            parameters: Arc::clone(&self.parameters),
            rng: SeedStream::new(7).rng("server", node.bits() as u64),
            domain: Default::default(),
            redirect_to: None,
        }
    }

    /// An agent that visits `server` so often, each time with a connection and two requests of its own, and registers
    /// first.
    fn agent(&self, number: u32, server: ActorId, visits: u64) -> JoinHandle<()> {
        let now = self.recorder.clock().now();
        let settings = AgentSettings {
            node: agent_node(number),
            key: self.key(100 + number),
            profile: self.profile,
            parameters: Arc::clone(&self.parameters),
            smp: self.origins[&ActorId::Smp].clone(),
            pinned: self.key(0).public().thumbprint(),
            secure_storage: SecureStorage::<Knowledge>::default(),
            server,
            server_node: Some(if server == ActorId::Smp { SMP } else { SITE }),
            server_origin: self.origins[&server].clone(),
            visits: Visits::At((1..=visits).map(|visit| now.after(Duration::from_millis(150 * visit))).collect()),
            requests: 2,
            public_requests: 0,
            connections: 1,
            keeps_connections: false,
            policy_interval: Duration::ZERO,
            leaves_at: None,
            coexistence: Default::default(),
            errand: Default::default(),
            rng: SeedStream::new(7).rng("agent", number.into()),
        };
        let agent = AgentActor::start(self.environment(ActorId::Agent(number), None), engine(), settings);
        tokio::spawn(agent.run())
    }

    fn events(&self) -> Vec<Event> {
        self.history.lock().unwrap().0.clone()
    }

    fn outcomes(&self, agent: ActorId) -> Vec<Outcome> {
        let of_agent = |event: Event| match event.kind {
            EventKind::ExchangeEnded { outcome, .. } if event.actor == agent => Some(outcome),
            _ => None,
        };
        self.events().into_iter().filter_map(of_agent).collect()
    }

    async fn until(&self, what: &str, holds: impl Fn(&[Event]) -> bool) {
        let poll = async {
            while !holds(&self.events()) {
                time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(time::timeout(PATIENCE, poll).await.is_ok(), "{what} never happened: {:#?}", self.events());
    }

    async fn stop(self) {
        self.stop.stop();
        for server in self.servers {
            time::timeout(PATIENCE, server).await.expect("a server stops").expect("no panic").expect("no error");
        }
    }
}

fn agent_node(number: u32) -> NodeId {
    NodeId::from_bits(AGENT.bits() + u128::from(number))
}

fn engine() -> Arc<Engine> {
    Arc::new(Engine::new(backend(CryptoTier::AwsLc).unwrap(), Arc::default(), None))
}

fn on_sockets(test: impl Future<Output = ()>) {
    runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

fn has_registered(actor: ActorId) -> impl Fn(&[Event]) -> bool {
    move |events| events.iter().any(|event| event.actor == actor && matches!(event.kind, EventKind::Registered { .. }))
}

#[test]
fn agents_authenticate_at_both_kinds_of_server_in_two_steps_and_then_in_one() {
    for profile in [Profile::Literal, Profile::Hardened] {
        for is_secure in [false, true] {
            on_sockets(async move {
                let fleet = Fleet::start(profile, is_secure).await;
                fleet.until("the site's registration", has_registered(ActorId::Site(1))).await;
                let agents = [fleet.agent(1, ActorId::Smp, 3), fleet.agent(2, ActorId::Site(1), 3)];
                fleet.until("six answers each", |events| answers(events, 1) == 6 && answers(events, 2) == 6).await;
                // Hardened, plain: each request carries a token of its own, since anybody may be on the line.
                let second = match profile.binds_request() && !is_secure {
                    true => Outcome::ServedOneStep,
                    false => Outcome::ServedAuthenticated,
                };
                let expected =
                    [Outcome::ServedTwoStep, second, Outcome::ServedOneStep, second, Outcome::ServedOneStep, second];
                for agent in [ActorId::Agent(1), ActorId::Agent(2)] {
                    assert_eq!(fleet.outcomes(agent), expected, "{agent}, {profile:?}, secure: {is_secure}");
                }
                both_ends_agree_on_names(&fleet.events());
                fleet.stop().await;
                for agent in agents {
                    time::timeout(PATIENCE, agent).await.expect("the agent stops").unwrap();
                }
            });
        }
    }
}

/// How many answers an agent has.
fn answers(events: &[Event], agent: u32) -> usize {
    let is_one =
        |event: &&Event| event.actor == ActorId::Agent(agent) && matches!(event.kind, EventKind::ExchangeEnded { .. });
    events.iter().filter(is_one).count()
}

/// What was accepted was accepted on a connection that somebody in this process opened.
fn both_ends_agree_on_names(events: &[Event]) {
    let opened: Vec<ConnectionId> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::ConnectionOpened { connection, .. } => Some(connection),
            _ => None,
        })
        .collect();
    let mut accepts = 0;
    for event in events {
        if let EventKind::Accepted { request, .. } = &event.kind {
            accepts += 1;
            assert!(opened.contains(&request.connection), "{event:?}");
        }
    }
    assert!(accepts > 0);
    assert!(events.is_sorted_by_key(|event| event.at), "events come in the order of their times");
}

#[test]
fn a_request_under_way_is_answered_before_the_server_stops() {
    on_sockets(async {
        let fleet = Fleet::start(Profile::Literal, false).await;
        let address = SocketAddr::from(([127, 0, 0, 1], fleet.origins[&ActorId::Smp].port()));
        let mut idle = TcpStream::connect(address).await.unwrap();
        let mut busy = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /Altiris/Public/status HTTP/1.1\r\nHost: smp\r\n\r\n").await.unwrap();
        assert!(read_some(&mut idle).await.starts_with("HTTP/1.1 200"));
        // Its body is still to come when the server is told to stop.
        busy.write_all(b"POST /Altiris/Public/status HTTP/1.1\r\nHost: smp\r\nContent-Length: 2\r\n\r\n1")
            .await
            .unwrap();
        time::sleep(Duration::from_millis(100)).await;
        fleet.stop.stop();
        assert_eq!(read_some(&mut idle).await, "", "an idle connection ends at once");
        busy.write_all(b"2").await.unwrap();
        assert!(read_some(&mut busy).await.starts_with("HTTP/1.1 200"));
        assert_eq!(read_some(&mut busy).await, "");
        assert!(TcpStream::connect(address).await.is_err(), "the door is closed");
        fleet.stop().await;
    });
}

#[test]
fn a_client_that_says_nothing_keeps_nobody_from_being_served() {
    on_sockets(async {
        let fleet = Fleet::start(Profile::Hardened, true).await;
        fleet.until("the site's registration", has_registered(ActorId::Site(1))).await;
        let address = SocketAddr::from(([127, 0, 0, 1], fleet.origins[&ActorId::Site(1)].port()));
        let mut silent = Vec::new();
        for _ in 0..100 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"\x16\x03\x01garbage").await.unwrap();
            silent.push(stream);
        }
        let agent = fleet.agent(3, ActorId::Site(1), 1);
        fleet.until("two answers", |events| answers(events, 3) == 2).await;
        assert_eq!(fleet.outcomes(ActorId::Agent(3))[0], Outcome::ServedTwoStep);
        drop(silent);
        fleet.stop().await;
        time::timeout(PATIENCE, agent).await.expect("the agent stops").unwrap();
    });
}

#[test]
fn a_server_with_another_certificate_is_not_trusted() {
    on_sockets(async {
        let mut fleet = Fleet::start(Profile::Hardened, true).await;
        let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fleet.trust = Some(ClientTls::trusting(&stranger.cert.pem()).unwrap());
        let environment = fleet.environment(ActorId::Agent(1), None);
        let refused = environment.connect(&fleet.origins[&ActorId::Smp]).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("certificate")));
        fleet.stop().await;
    });
}

#[test]
fn keys_that_cannot_be_read_are_not_shown() {
    let secret = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    for (chain, key) in [(certificate.as_str(), secret), (certificate.as_str(), "c2VjcmV0"), ("", secret)] {
        let error = ServerTls::from_pem(chain, key).expect_err("no key");
        assert!(!error.to_string().contains("c2VjcmV0"), "{error}");
    }
}

async fn read_some(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    let read = time::timeout(PATIENCE, stream.read(&mut bytes)).await.expect("an answer or an end");
    bytes.truncate(read.unwrap_or(0));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One client, and a server that a test speaks for byte by byte.
struct Line {
    client: Arc<SocketEnvironment>,
    server: Arc<SocketEnvironment>,
    door: SocketListener,
    origin: Origin,
}

impl Line {
    async fn new(is_secure: bool) -> Self {
        let recorder = SocketRecorder::new(Arc::new(Mutex::new(History::default())), RealClock::start());
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if is_secure { "https" } else { "http" };
        let origin: Origin = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
        let tls = is_secure.then(|| ServerTls::from_pem(&chain, &key).unwrap());
        let server = Arc::new(SocketEnvironment {
            server: Mutex::new(Some(Server { listener, tls })),
            ..SocketEnvironment::new(ActorId::Smp, recorder.clone(), Stop::default())
        });
        let client = Arc::new(SocketEnvironment {
            trust: is_secure.then(|| ClientTls::trusting(&chain).unwrap()),
            ..SocketEnvironment::new(ActorId::Agent(1), recorder, Stop::default())
        });
        let door = server.listen(&origin).await.unwrap();
        Self { client, server, door, origin }
    }

    /// A connection, from both ends.
    async fn connect(&mut self) -> (HttpConnection<SocketEnvironment>, SocketStream) {
        let caps = Parameters::defaults(Profile::Literal).caps;
        let opened = HttpConnection::open(&self.client, ActorId::Smp, &self.origin, PATIENCE, &caps);
        let (opened, accepted) = tokio::join!(opened, self.server.accept(&mut self.door));
        let Connection { stream, .. } = accepted.unwrap();
        (opened.unwrap(), stream)
    }
}

/// A request and its answer.
async fn exchange(connection: &mut HttpConnection<SocketEnvironment>, stream: &mut SocketStream) {
    let head = RequestHead { method: http::Method::GET, target: "/", headers: Vec::new(), carries: Carried::Nothing };
    let serve = async {
        let read = stream.read(&mut [0; 4_096]).await.unwrap();
        assert!(read > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        stream.flush().await.unwrap();
    };
    let (answer, ()) = tokio::join!(connection.exchange(head, Bytes::new(), PATIENCE, 100), serve);
    assert_eq!(answer.unwrap().1.body(), "ok");
}

#[test]
fn a_connection_that_its_server_has_closed_is_not_used_again() {
    for is_secure in [false, true] {
        on_sockets(async {
            let mut line = Line::new(is_secure).await;
            let (mut connection, mut stream) = line.connect().await;
            for _ in 0..2 {
                exchange(&mut connection, &mut stream).await;
                assert!(connection.is_open());
            }
            stream.shutdown().await.unwrap();
            let noticed = async {
                while connection.is_open() {
                    time::sleep(Duration::from_millis(1)).await;
                }
            };
            time::timeout(PATIENCE, noticed).await.expect("it is noticed");
        });
    }
}

#[test]
fn a_connection_is_given_up_as_soon_as_its_server_closes_it() {
    for is_secure in [false, true] {
        on_sockets(async {
            let mut line = Line::new(is_secure).await;
            let (mut connection, mut stream) = line.connect().await;
            exchange(&mut connection, &mut stream).await;
            stream.shutdown().await.unwrap();
            // Nobody looks at the connection, which would keep a file descriptor of the client otherwise.
            let end = time::timeout(PATIENCE, stream.read(&mut [0])).await.expect("the client closes it, too");
            assert_eq!(end.unwrap(), 0);
            drop(connection);
        });
    }
}

#[test]
fn a_connection_that_is_given_up_ends_as_tls_demands() {
    for is_secure in [false, true] {
        on_sockets(async {
            let mut line = Line::new(is_secure).await;
            let (mut connection, mut stream) = line.connect().await;
            exchange(&mut connection, &mut stream).await;
            drop(connection);
            // Without a `close_notify` (RFC 8446, section 6.1) this is an error: who is on the line may have cut it.
            let end = time::timeout(PATIENCE, stream.read(&mut [0])).await.expect("an end");
            assert_eq!(end.unwrap(), 0);
        });
    }
}

#[test]
fn a_peer_that_always_has_bytes_is_waited_for_no_longer_than_others() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin: Origin = format!("http://localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
    // On a thread of its own, so that whoever reads never has to wait.
    let flood = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4_096]).unwrap() > 0);
        let provisional = "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
        while stream.write_all(provisional.as_bytes()).is_ok() {}
    });
    on_sockets(async {
        let recorder = SocketRecorder::new(Arc::new(Mutex::new(History::default())), RealClock::start());
        let client = Arc::new(SocketEnvironment::new(ActorId::Agent(1), recorder, Stop::default()));
        let caps = Parameters::defaults(Profile::Literal).caps;
        let mut connection = HttpConnection::open(&client, ActorId::Smp, &origin, PATIENCE, &caps).await.unwrap();
        let head =
            RequestHead { method: http::Method::GET, target: "/", headers: Vec::new(), carries: Carried::Nothing };
        let (started, patience) = (time::Instant::now(), Duration::from_millis(500));
        let answer = connection.exchange(head, Bytes::new(), patience, 100).await;
        let took = started.elapsed();
        assert!(matches!(answer, Err(ExchangeError::TimedOut)) && took < 20 * patience, "after {took:?}: {answer:?}");
    });
    flood.join().unwrap();
}

#[test]
fn who_stays_on_this_machine_goes_nowhere_else() {
    runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let recorder = SocketRecorder::new(Arc::new(Mutex::new(History::default())), RealClock::start());
        let here = SocketEnvironment {
            stays_here: true,
            ..SocketEnvironment::new(ActorId::Agent(1), recorder, Stop::default())
        };
        // An address for documentation (RFC 5737), and one of IPv6 that means it.
        for elsewhere in ["http://192.0.2.66", "http://[::ffff:192.0.2.66]"] {
            let Ok(origin) = elsewhere.parse::<Origin>() else { continue };
            let error =
                time::timeout(Duration::from_secs(1), here.connect(&origin)).await.expect("at once").unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{error}");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        assert!(here.connect(&origin.parse().unwrap()).await.is_ok());
    });
}
