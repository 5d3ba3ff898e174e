//! Histories of events as actors would tell them, built step by step: for those who judge.

#![allow(dead_code)] // Each suite uses the part that it needs.

use std::collections::BTreeMap;

use countersign::{
    event::{
        Carried, Challenge, Close, Event, EventKind, Listener, Outcome, Presented, RegistryState, UpstreamPurpose,
    },
    oracle::{Judgement, Oracle},
    plan::{
        AgentPlan, Bootstrap, ConnectionUse, Expectation, Invariant, Network, PLAN_VERSION, Plan, ServerPlan, Visits,
    },
    types::{
        ActorId, ClockModel, ConnectionId, Costs, CryptoTier, Epoch, Fingerprint, Jti, NodeId, Parameters, Profile,
        RequestId, Scheme, Uid, Undigested, UnixSeconds, VirtualTime,
    },
};

pub mod day;

pub const SMP: ActorId = ActorId::Smp;
pub const SITE: ActorId = ActorId::Site(1);
pub const START: UnixSeconds = UnixSeconds(1_800_000_000);

pub fn agent(number: u32) -> ActorId {
    ActorId::Agent(number)
}

pub fn node(number: u32) -> NodeId {
    Plan::node_of(agent(number))
}

/// A plan of 24 hours with an SMP, a site and three agents, over TLS, with true clocks.
pub fn plan(profile: Profile) -> Plan {
    let server = ServerPlan {
        clock: ClockModel::default(),
        cores: 2,
        start_ms: 0,
        key: 0,
        profile: None,
        authentication: None,
        redirect_to: None,
    };
    let agent = AgentPlan {
        branch: 1,
        server: SITE,
        clock: ClockModel::default(),
        start_ms: 0,
        leave_ms: None,
        bootstrap: Bootstrap::Installed,
        policy_interval_s: 0,
        visits: Visits::At { times_us: Vec::new() },
        requests: 1,
        public_requests: 0,
        connections: 1,
        connection_use: ConnectionUse::New,
        key: 0,
        profile: None,
        clone_of: None,
        codebase: Default::default(),
        errand: Default::default(),
        proxy: None,
        peer: None,
    };
    Plan {
        version: PLAN_VERSION,
        scenario: "by/hand".to_owned(),
        seed: 0,
        profile,
        crypto: CryptoTier::Modelled,
        duration_ms: 24 * 3_600_000,
        run_start: START,
        network: Network { tick_ms: 1, latency_ms_min: 1, latency_ms_max: 1 },
        // Half of the look-ahead and more, so that the two are told apart.
        parameters: Parameters { validation_period_s: Some(600), ..Parameters::defaults(profile) },
        costs: Costs {
            sign_ns: 0,
            verify_ns: 0,
            parse_ns: 0,
            seal_ns: 0,
            open_ns: 0,
            request_ns: 0,
            blinding_ns: 0,
            closing_ns: 0,
            wake_min_ns: 0,
            wake_ns: 0,
            rest_ns: 0,
        },
        scheme: Scheme::Https,
        smp: server.clone(),
        sites: vec![server],
        branches: 1,
        agents: vec![agent; 3],
        faults: Vec::new(),
        heal_ms: None,
        shared_cores: None,
        attackers: Vec::new(),
        machine: None,
        proxies: Vec::new(),
        portal: None,
        bug: None,
        expectation: Expectation::default(),
    }
}

/// An issued token.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub agent: NodeId,
    pub uid: Uid,
    pub jti: Jti,
    pub expires: UnixSeconds,
    pub fingerprint: Fingerprint,
}

impl Token {
    pub fn presented(&self, counter: u64) -> Presented {
        let text = format!("{}.{counter}", self.jti);
        Presented {
            agent: self.agent,
            uid: self.uid,
            jti: self.jti,
            counter,
            token: Undigested(self.fingerprint),
            countersigned: Undigested(Fingerprint::of(text.as_bytes())),
        }
    }
}

/// A history under construction.
#[derive(Clone, Debug)]
pub struct History {
    pub plan: Plan,
    pub events: Vec<Event>,
    now: VirtualTime,
    drawn: u64,
    ordinals: BTreeMap<ConnectionId, u32>,
    registry: BTreeMap<(ActorId, Jti), (u64, u64)>,
}

impl History {
    pub fn new(plan: Plan) -> Self {
        let (now, drawn) = (VirtualTime::ZERO, 0);
        Self { plan, events: Vec::new(), now, drawn, ordinals: BTreeMap::new(), registry: BTreeMap::new() }
    }

    pub fn of(profile: Profile) -> Self {
        Self::new(plan(profile))
    }

    pub fn now(&self) -> VirtualTime {
        self.now
    }

    pub fn at_ms(&mut self, now_ms: u64) -> &mut Self {
        self.at(VirtualTime::from_millis(now_ms))
    }

    pub fn at_s(&mut self, now_s: u64) -> &mut Self {
        self.at_ms(now_s * 1_000)
    }

    pub fn at(&mut self, now: VirtualTime) -> &mut Self {
        assert!(now >= self.now, "history goes forwards");
        self.now = now;
        self
    }

    pub fn say(&mut self, actor: ActorId, kind: EventKind) -> &mut Self {
        self.events.push(Event { at: self.now, actor, kind });
        self
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    pub fn start(&mut self, server: ActorId) -> &mut Self {
        self.registry.retain(|(of, _), _| *of != server);
        let epoch = Some(Epoch::from_bits(self.draw().into()));
        self.say(server, EventKind::Started { node: Plan::node_of(server), epoch })
    }

    /// The SMP issues a token that lives as long as the plan says.
    pub fn issue(&mut self, number: u32) -> Token {
        let lifetime_s = self.plan.parameters.token_lifetime_s;
        let expires = UnixSeconds(START.0 + self.now.nanos() / 1_000_000_000 + lifetime_s);
        self.issue_until(number, expires)
    }

    pub fn issue_until(&mut self, number: u32, expires: UnixSeconds) -> Token {
        let drawn = self.draw();
        let (jti, fingerprint) = (Jti::from_bits(drawn.into()), Fingerprint(drawn));
        let token = Token { agent: node(number), uid: Uid::from_bits(number.into()), jti, expires, fingerprint };
        let (agent, uid, token_text) = (token.agent, token.uid, Undigested(fingerprint));
        let site = Some(Plan::node_of(SITE));
        self.say(SMP, EventKind::Issued { agent, uid, jti, expires, site, token: token_text });
        token
    }

    pub fn countersign(&mut self, by: ActorId, token: &Token, counter: u64) -> Presented {
        let presented = token.presented(counter);
        let Presented { agent, uid, jti, token: text, countersigned, .. } = presented;
        let expires = token.expires;
        self.say(by, EventKind::Countersigned { agent, uid, jti, counter, expires, token: text, countersigned });
        presented
    }

    pub fn open(&mut self, by: ActorId, server: ActorId) -> ConnectionId {
        let connection = ConnectionId(self.draw());
        self.say(by, EventKind::ConnectionOpened { connection, server, secure: true });
        connection
    }

    pub fn send(&mut self, by: ActorId, connection: ConnectionId, carries: Carried) -> RequestId {
        let ordinal = self.ordinals.entry(connection).or_default();
        *ordinal += 1;
        let request = RequestId { connection, ordinal: *ordinal };
        self.say(by, EventKind::RequestSent { request, carries, token_bytes: 0 });
        request
    }

    pub fn record(&mut self, server: ActorId, request: RequestId, token: &Token, counter: u64) -> &mut Self {
        let held = self.registry.get(&(server, token.jti)).copied();
        let (highest, window) = match held {
            None => (counter, 1),
            Some((highest, window)) if counter > highest => {
                (counter, window.checked_shl((counter - highest) as u32).unwrap_or(0) | 1)
            }
            Some((highest, window)) => (highest, window | 1_u64.checked_shl((highest - counter) as u32).unwrap_or(0)),
        };
        self.registry.insert((server, token.jti), (highest, window));
        let slid_by = held.map_or(0, |(before, _)| highest - before);
        let (epoch, is_new, expires) = (Epoch::from_bits(1), held.is_none(), token.expires);
        let state = RegistryState { epoch, is_new, highest, slid_by, expires, window };
        self.say(server, EventKind::RegistryRecorded { request, presented: token.presented(counter), state })
    }

    /// Records and accepts.
    pub fn accept(&mut self, server: ActorId, request: RequestId, token: &Token, counter: u64) -> &mut Self {
        self.record(server, request, token, counter);
        self.only_accept(server, request, token, counter)
    }

    pub fn only_accept(&mut self, server: ActorId, request: RequestId, token: &Token, counter: u64) -> &mut Self {
        let (presented, expires) = (token.presented(counter), token.expires);
        self.say(server, EventKind::Accepted { request, presented, expires })
    }

    pub fn serve(&mut self, server: ActorId, request: RequestId, number: u32) -> &mut Self {
        self.say(server, EventKind::Served { request, agent: Some(node(number)) })
    }

    pub fn receive(&mut self, by: ActorId, request: RequestId, status: u16) -> &mut Self {
        self.say(by, EventKind::ResponseReceived { request, status })
    }

    pub fn begin(&mut self, by: ActorId, warm: bool) -> &mut Self {
        self.say(by, EventKind::ExchangeStarted { server: SITE, warm, authenticated: false })
    }

    pub fn end(&mut self, by: ActorId, outcome: Outcome, trips: u32) -> &mut Self {
        self.say(by, EventKind::ExchangeEnded { server: SITE, outcome, trips, took_ns: 1_000_000 })
    }

    /// Stores a token that has just succeeded (rule 14).
    pub fn store(&mut self, by: ActorId, token: &Token) -> &mut Self {
        let connection = self.open(by, SITE);
        self.countersign(by, token, 1);
        let request = self.send(by, connection, Carried::NewToken);
        self.receive(by, request, 200).only_store(by, token)
    }

    pub fn only_store(&mut self, by: ActorId, token: &Token) -> &mut Self {
        let Token { uid, jti, expires, .. } = *token;
        self.say(by, EventKind::TokenStored { server: SITE, uid, jti, expires })
    }

    pub fn cache(&mut self, token: &Token, refreshed: bool) -> &mut Self {
        let Token { agent, uid, jti, expires, .. } = *token;
        self.say(SITE, EventKind::CacheStored { agent, uid, jti, expires, refreshed })
    }

    pub fn hit(&mut self, token: &Token) -> &mut Self {
        let Token { agent, uid, jti, .. } = *token;
        self.say(SITE, EventKind::CacheHit { agent, uid, jti })
    }

    pub fn challenge(&mut self, server: ActorId, request: RequestId, token: &Token, after_refusal: bool) -> &mut Self {
        let Token { agent, uid, jti, expires, .. } = *token;
        let challenge = Some(Challenge { agent, uid, jti, expires, after_refusal });
        self.say(server, EventKind::Challenged { request, challenge })
    }

    pub fn upstream(&mut self, purpose: UpstreamPurpose, agents: u32, connection: ConnectionId) -> &mut Self {
        self.say(SITE, EventKind::UpstreamStarted { purpose, agents, slot_waited_ns: 0, connection: Some(connection) })
    }

    pub fn upstream_end(&mut self, purpose: UpstreamPurpose, tokens: Option<u32>) -> &mut Self {
        self.say(SITE, EventKind::UpstreamEnded { purpose, tokens, took_ns: 0 })
    }

    pub fn validate(&mut self) -> &mut Self {
        self.say(SITE, EventKind::ValidationStarted { entries: 0, due: 0, period_s: 600 })
    }

    pub fn validated(&mut self, requested: u32) -> &mut Self {
        let kind = EventKind::ValidationEnded {
            requested,
            refreshed: requested,
            removed: 0,
            batches: 0,
            connections: 1,
            took_ns: 0,
        };
        self.say(SITE, kind)
    }

    pub fn close(&mut self, by: ActorId, connection: ConnectionId) -> &mut Self {
        self.say(by, EventKind::ConnectionClosed { connection, why: Close::Done })
    }

    /// The agent presents a stored token on a new connection, and the server accepts it. Gives the request.
    pub fn present(&mut self, number: u32, server: ActorId, token: &Token, counter: u64) -> RequestId {
        let connection = self.open(agent(number), server);
        self.countersign(agent(number), token, counter);
        let request = self.send(agent(number), connection, Carried::StoredToken);
        self.accept(server, request, token, counter);
        request
    }

    /// What the oracle makes of it, when the run ends now.
    pub fn judge(&self) -> Judgement {
        let judged_by = |mut oracle: Oracle| {
            self.events.iter().for_each(|event| oracle.hear(event));
            oracle.finish(self.now)
        };
        let judgement = judged_by(Oracle::new(&self.plan));
        // On real sockets fewer invariants are judged, and these no less strictly.
        let on_sockets = judged_by(Oracle::on_sockets(&self.plan));
        let judged = [Invariant::S1, Invariant::S2, Invariant::S3, Invariant::S4, Invariant::S5, Invariant::S13];
        let of = |judgement: &Judgement| judged.map(|invariant| judgement.counts.get(&invariant).copied());
        assert_eq!(of(&on_sockets), of(&judgement));
        judgement
    }

    /// Which invariants are violated.
    pub fn violated(&self) -> Vec<Invariant> {
        self.judge().counts.into_keys().collect()
    }
}
