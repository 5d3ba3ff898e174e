//! An agent in the test's own process, on real sockets.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use countersign::{
    actor::{AgentActor, AgentSettings, Knowledge, SecureStorage, Visits},
    crypto::{Engine, KeyPool, backend},
    event::{Event, EventKind, Listener, Outcome},
    protocol::{NodeKind, REGISTER_PATH, RegisterRequest, RequestTarget, sign_request},
    socket::{ClientTls, RealClock, SocketEnvironment, SocketRecorder, Stop},
    types::{ActorId, CryptoTier, MessageNonce, NodeId, Parameters, Profile, SeedStream, UnixSeconds},
};
use tokio::{runtime, time};

use crate::process::{self, PATIENCE, Served, status};

/// Lives that agents have begun here. Each has random numbers of its own: with those of an earlier one it would draw that one's
/// uid, be offered the token that a site has cached for it, use a counter again, and be refused.
static LIVES: AtomicU64 = AtomicU64::new(0);

/// An agent of the fleet.
pub struct Agent {
    pub node: NodeId,
    number: u32,
    trust: Option<String>,
    /// What it keeps between its lives.
    storage: SecureStorage<Knowledge>,
    /// Everything that it reported.
    pub events: Vec<Event>,
}

#[derive(Default)]
struct History(Vec<Event>);

impl Listener for History {
    fn hear(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

impl Agent {
    pub fn new(number: u32) -> Self {
        let node = NodeId::from_bits(0x3000_0000_0000_4000_8000_0000_0000_0000 + u128::from(number));
        Self { node, number, trust: None, storage: SecureStorage::default(), events: Vec::new() }
    }

    /// Trusts these certificates.
    pub fn trusting(mut self, pem: &str) -> Self {
        self.trust = Some(pem.to_owned());
        self
    }

    /// Starts, registers if it never did, visits a server so often, and tells what came of it.
    pub fn visit(&mut self, smp: &Served, server: &Served, visits: u64) -> Vec<Outcome> {
        let history = Arc::new(Mutex::new(History::default()));
        let recorder = SocketRecorder::new(Arc::clone(&history) as _, RealClock::start());
        let now = recorder.clock().now();
        let stop = Stop::default();
        let actor = ActorId::Agent(self.number);
        let environment = Arc::new(SocketEnvironment {
            trust: self.trust.as_ref().map(|pem| ClientTls::trusting(pem).unwrap()),
            ..SocketEnvironment::new(actor, recorder, stop.clone())
        });
        let keys = KeyPool::new(SeedStream::new(7));
        let settings = AgentSettings {
            node: self.node,
            key: keys.private_key(self.number).unwrap(),
            profile: Profile::Hardened,
            parameters: Arc::new(Parameters::defaults(Profile::Hardened)),
            smp: smp.origin().parse().unwrap(),
            pinned: smp.pin().parse().unwrap(),
            secure_storage: self.storage.clone(),
            server: if server.name == "smp" { ActorId::Smp } else { ActorId::Site(1) },
            server_node: Some(server.node().parse().unwrap()),
            server_origin: server.origin().parse().unwrap(),
            visits: Visits::At((1..=visits).map(|visit| now.after(Duration::from_millis(100 * visit))).collect()),
            requests: 1,
            public_requests: 0,
            connections: 1,
            keeps_connections: false,
            policy_interval: Duration::ZERO,
            leaves_at: None,
            coexistence: Default::default(),
            errand: Default::default(),
            rng: SeedStream::new(LIVES.fetch_add(1, Relaxed)).rng("agent", self.number.into()),
        };
        let engine = Arc::new(Engine::new(backend(CryptoTier::AwsLc).unwrap(), Arc::default(), None));
        let outcomes = || -> Vec<Outcome> {
            let of = |event: &Event| match event.kind {
                EventKind::ExchangeEnded { outcome, .. } => Some(outcome),
                _ => None,
            };
            history.lock().unwrap().0.iter().filter_map(of).collect()
        };
        runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(async {
            let agent = tokio::spawn(AgentActor::start(environment, engine, settings).run());
            let ended = time::timeout(PATIENCE, async {
                while (outcomes().len() as u64) < visits {
                    time::sleep(Duration::from_millis(5)).await;
                }
            });
            assert!(ended.await.is_ok(), "{:#?}", history.lock().unwrap().0);
            stop.stop();
            time::timeout(PATIENCE, agent).await.expect("the agent stops").unwrap();
        });
        let outcomes = outcomes();
        self.events.append(&mut history.lock().unwrap().0);
        outcomes
    }
}

/// Registers an agent, and tells the status of the answer.
pub fn register(smp: &Served, number: u32) -> u16 {
    let key = KeyPool::new(SeedStream::new(7)).private_key(number).unwrap();
    let id = Agent::new(number).node;
    let (kind, profile) = (NodeKind::Agent, Profile::default());
    let body = RegisterRequest { id, kind, public_key: key.public().clone(), origin: None, profile }.encode();
    let engine = Engine::new(backend(CryptoTier::AwsLc).unwrap(), Arc::default(), None);
    let target = RequestTarget::new(&http::Method::POST, REGISTER_PATH).unwrap();
    let nonce = MessageNonce::from_bits(number.into());
    let signed = sign_request(target, &body, UnixSeconds(1_767_600_000), nonce, &key, &engine).unwrap();
    let mut headers = http::HeaderMap::new();
    signed.write_to(&mut headers);
    let mut head = format!("POST {REGISTER_PATH} HTTP/1.1\r\nHost: smp\r\n");
    for (name, value) in &headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    status(&process::http(smp.address(), &head, std::str::from_utf8(&body).unwrap()))
}
