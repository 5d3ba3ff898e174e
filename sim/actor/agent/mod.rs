//! An agent: it visits its server when the plan says so, and authenticates. While it cannot, it tries again later
//! and later, at moments that it draws, so that not everybody comes back at once (attack 26).

mod beside_tokens;
mod errand;
mod exchange;
mod kinds;
mod peer;
mod proxied;
mod schedule;
mod visit;

use std::{
    mem,
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

pub use self::errand::Errand;
pub use self::kinds::{Coexistence, KnownKinds};
pub use self::peer::{PeerSource, Peers};
pub use self::proxied::ProxyInBetween;
pub(super) use self::schedule::Schedule;
use self::{
    kinds::{Wanted, Way},
    visit::Line,
};
use super::{
    Environment, SecureStorage,
    enrolment::{Enrolment, EnrolmentError},
};
use crate::{
    crypto::{Engine, PrivateKey},
    event::{EventKind, Removal, Visit},
    protocol::{Agent, IssuerTime, NodeKind, Policy, ServerEntry, ServerKeys, ServerPath, Swept, TokenStorage},
    types::{
        ActorId, Bug, MessageNonce, NodeId, Origin, Parameters, Profile, Thumbprint, VirtualTime, WallTime, locked,
    },
};

/// What an agent is told when it is set up.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// Its identity.
    pub node: NodeId,
    /// Its key.
    pub key: PrivateKey,
    /// Which face of the protocol it shows.
    pub profile: Profile,
    /// The protocol's parameters.
    pub parameters: Arc<Parameters>,
    /// Where the SMP is reached.
    pub smp: Origin,
    /// The SMP's key, by the thumbprint that was pinned at installation.
    pub pinned: Thumbprint,
    /// What it has learned from policy; nothing if it has yet to register.
    pub secure_storage: SecureStorage<Knowledge>,
    /// The server that it visits.
    pub server: ActorId,
    /// That server's identity; nothing if it is known by its place alone, until policy tells.
    pub server_node: Option<NodeId>,
    /// Where that server is reached.
    pub server_origin: Origin,
    /// When it visits.
    pub visits: Visits,
    /// How many requests it makes on each connection of a visit.
    pub requests: u32,
    /// How many of these, the first ones, need no authentication.
    pub public_requests: u32,
    /// How many connections it opens at the same time.
    pub connections: u32,
    /// Whether it keeps connections from one visit to the next.
    pub keeps_connections: bool,
    /// How often it fetches policy; never if it is zero.
    pub policy_interval: Duration,
    /// When it leaves for good.
    pub leaves_at: Option<VirtualTime>,
    /// What it knows of other kinds of authentication than tokens.
    pub coexistence: Coexistence,
    /// Where its random numbers come from.
    pub rng: ChaCha20Rng,
    /// What it does beside what agents do.
    pub errand: Errand,
}

/// What an agent learns from policy, and keeps.
#[derive(Clone, Debug)]
pub struct Knowledge {
    /// The server keys to trust (rule 43).
    pub server_keys: ServerKeys,
    /// Its server, as policy lists it; nothing if it does not.
    pub server: Option<ServerEntry>,
    /// Which kinds of authentication servers offer, and what it has for them.
    pub kinds: KnownKinds,
}

/// A copy of an agent's memory: its tokens and counters.
#[derive(Clone, Debug)]
pub struct AgentMemory(TokenStorage);

/// When an agent visits its server.
#[derive(Clone, Debug)]
pub enum Visits {
    /// At intervals: the `k`th is due at `first + k * interval`, moved by a draw within ± `jitter`.
    Every {
        /// The first visit.
        first: VirtualTime,
        /// The interval.
        interval: Duration,
        /// The greatest shift to either side.
        jitter: Duration,
    },
    /// At given instants, ascending.
    At(Vec<VirtualTime>),
}

/// An agent.
#[derive(Debug)]
pub struct AgentActor<E: Environment> {
    environment: Arc<E>,
    engine: Arc<Engine>,
    settings: AgentSettings,
    path: Mutex<ServerPath>,
    agent: Mutex<Agent>,
    rng: Mutex<ChaCha20Rng>,
    kept: Mutex<Vec<Line<E>>>,
    issuer_time: Mutex<IssuerTime>,
    kinds: Mutex<KnownKinds>,
    /// Whether policy is to be fetched before its time.
    policy_doubted: AtomicBool,
}

/// Registers an agent that is not running yet, and keeps what it learns in its secure storage.
///
/// # Errors
/// Why it cannot register.
pub async fn enrol_agent<E: Environment>(
    environment: &Arc<E>,
    engine: &Engine,
    settings: &AgentSettings,
) -> Result<Knowledge, EnrolmentError> {
    let AgentSettings { node, key, parameters, smp, pinned, profile, .. } = settings;
    let issuer_time = Mutex::new(IssuerTime::new(*profile, parameters));
    let enrolment = Enrolment { environment, engine, parameters, node: *node, key, smp, issuer_time: &issuer_time };
    let nonce = draw_nonce(&mut settings.rng.clone());
    let policy = enrolment.register(NodeKind::Agent, None, Profile::default(), *pinned, nonce).await?;
    let knowledge = Knowledge::of(policy, settings, key, engine);
    settings.secure_storage.keep(knowledge.clone());
    Ok(knowledge)
}

impl Knowledge {
    /// What a policy says to an agent. Whoever was only told where its server is learns here who it is.
    fn of(policy: Policy, settings: &AgentSettings, key: &PrivateKey, engine: &Engine) -> Self {
        let kinds = KnownKinds::of(&policy, &settings.coexistence, key, engine);
        let server = settings.server_node.and_then(|node| policy.server(node));
        let server = server.or_else(|| policy.server_at(&settings.server_origin)).cloned();
        Self { server_keys: policy.jwks, server, kinds }
    }
}

fn draw_nonce(rng: &mut ChaCha20Rng) -> MessageNonce {
    let mut bits = [0; 16];
    rng.fill_bytes(&mut bits);
    MessageNonce::from_bits(u128::from_be_bytes(bits))
}

impl<E: Environment> AgentActor<E> {
    /// An agent that has just started: it has no tokens (rule 11).
    pub fn start(environment: Arc<E>, engine: Arc<Engine>, settings: AgentSettings) -> Arc<Self> {
        environment.record(EventKind::Started { node: settings.node, epoch: None });
        let agent = Agent::new(
            settings.node,
            settings.key.clone(),
            settings.profile,
            &settings.parameters,
            ServerKeys::default(),
        );
        // Whoever is not known yet has the id of nobody: no node can register with it.
        let server = settings.server_node.unwrap_or(NodeId::from_bits(0));
        let path = Mutex::new(ServerPath { server, origin: settings.server_origin.clone() });
        let rng = Mutex::new(settings.rng.clone());
        let issuer_time = Mutex::new(IssuerTime::new(settings.profile, &settings.parameters));
        let (agent, kept) = (Mutex::new(agent), Mutex::default());
        let (kinds, policy_doubted) = (Mutex::default(), AtomicBool::new(false));
        let agent = Self { environment, engine, settings, path, agent, rng, kept, issuer_time, kinds, policy_doubted };
        if let Some(knowledge) = agent.settings.secure_storage.read() {
            agent.know(knowledge);
        }
        Arc::new(agent)
    }

    /// A copy of its memory as it is now.
    pub fn memory(&self) -> AgentMemory {
        AgentMemory(locked(&self.agent).tokens())
    }

    /// Goes back to an earlier memory: its machine was restored from a snapshot (hole 7).
    pub fn roll_back(&self, memory: AgentMemory) {
        locked(&self.agent).roll_back(memory.0);
        locked(&self.kept).clear();
        self.environment.record(EventKind::RolledBack);
    }

    /// Signs with another key from now on; `number` names it in events (hole 14).
    pub fn change_key(&self, key: PrivateKey, number: u32) {
        locked(&self.agent).change_key(key);
        self.environment.record(EventKind::AgentKeyChanged { key: number });
    }

    /// Its own clock, or the issuer's time where that is further away than the leeway (hole 17).
    fn wall(&self) -> WallTime {
        locked(&self.issuer_time).judge(self.environment.wall(), self.environment.now())
    }

    fn key(&self) -> PrivateKey {
        locked(&self.agent).key().clone()
    }

    /// The way to its server.
    fn path(&self) -> ServerPath {
        locked(&self.path).clone()
    }

    /// The way to its server, and what events call it.
    fn way(&self) -> Way {
        Way { server: self.settings.server, path: self.path() }
    }

    /// The way to the server to which a `Location` leads, if policy lists it.
    fn way_to(&self, location: &str, wanted: Wanted) -> Option<Way> {
        let origin: Origin = location.strip_suffix(wanted.target())?.parse().ok()?;
        let server = locked(&self.kinds).servers.iter().find(|entry| entry.origin == origin)?.id;
        let mut known = self.settings.coexistence.servers.iter();
        let actor = known.find(|(node, _)| *node == server).map(|(_, actor)| *actor)?;
        Some(Way { server: actor, path: ServerPath { server, origin } })
    }

    /// What events call a server.
    fn actor_of(&self, server: NodeId) -> ActorId {
        let known = self.settings.coexistence.servers.iter().find(|(node, _)| *node == server);
        known.map_or(self.settings.server, |(_, actor)| *actor)
    }

    /// Fetches policy after the visit that is under way, before its time.
    fn doubt_policy(&self) {
        self.policy_doubted.store(true, Relaxed);
    }

    /// Lives until the agent leaves, or its environment says stop.
    pub async fn run(self: Arc<Self>) {
        self.open_door();
        if self.settings.secure_storage.read().is_none() {
            let is_installed = !self.settings.errand.installs_first || self.install().await;
            if !is_installed || !self.register().await {
                return;
            }
        }
        let now = self.environment.now();
        let sweep_period = Duration::from_secs(self.settings.parameters.agent_sweep_period_s);
        let mut next_sweep = now.after(sweep_period);
        let mut next_policy = self.policy_due(now);
        let mut schedule = Schedule::new(self.settings.visits.clone());
        let mut planned = schedule.next(now, &mut *locked(&self.rng));
        let mut retry = None;
        let mut failures = 0;
        let mut free = now;
        loop {
            let leaves_at = self.settings.leaves_at.unwrap_or(VirtualTime(u64::MAX));
            let next_visit = planned.into_iter().chain(retry).min().unwrap_or(VirtualTime(u64::MAX));
            let due = next_visit.min(next_sweep).min(next_policy);
            let now = self.environment.now();
            if now >= leaves_at {
                return;
            }
            if self.slept(due.min(leaves_at).since(now)).await.is_break() {
                return;
            }
            let now = self.environment.now();
            if now >= leaves_at {
                return;
            }
            if now >= next_sweep {
                self.sweep();
                next_sweep = now.after(sweep_period);
            }
            if now >= next_policy {
                self.fetch_policy().await;
                next_policy = self.policy_due(self.environment.now());
            }
            if now >= next_visit {
                let is_planned = planned.is_some_and(|planned| now >= planned);
                let ready = next_visit.max(free);
                self.environment.visit_begins(Visit { due: next_visit, ready, is_retry: !is_planned });
                let was_served = self.visit().await;
                if self.policy_doubted.swap(false, Relaxed) && !self.settings.policy_interval.is_zero() {
                    self.fetch_policy().await;
                    next_policy = self.policy_due(self.environment.now());
                }
                let ended = self.environment.now();
                // A retry comes on top of the visits that are planned; it takes none of them away.
                if is_planned {
                    planned = schedule.next(ended, &mut *locked(&self.rng));
                }
                failures = if was_served { 0 } else { failures + 1 };
                retry = (!was_served).then(|| self.retry_at(ended, failures));
            }
            free = self.environment.now();
        }
    }

    /// Registers; tries again for as long as it takes. Tells whether it is still there afterwards.
    async fn register(&self) -> bool {
        let mut failures = 0;
        loop {
            let (nonce, key) = (self.draw_nonce(), self.key());
            match self
                .enrolment(&key)
                .register(NodeKind::Agent, None, Profile::default(), self.settings.pinned, nonce)
                .await
            {
                Ok(policy) => {
                    self.take_over(policy);
                    return true;
                }
                Err(error) => self.environment.record(EventKind::PolicyFailed { why: error.to_string() }),
            }
            failures += 1;
            if !self.waited_to_retry(failures).await {
                return false;
            }
        }
    }

    /// Waits after so many failures. Tells whether it is still there afterwards.
    async fn waited_to_retry(&self, failures: u32) -> bool {
        let now = self.environment.now();
        let retry_at = self.retry_at(now, failures);
        let has_left = self.settings.leaves_at.is_some_and(|leaves_at| retry_at >= leaves_at);
        !has_left && self.slept(retry_at.since(now)).await.is_continue()
    }

    /// Sleeps, unless it is to stop.
    async fn slept(&self, duration: Duration) -> ControlFlow<()> {
        tokio::select! {
            biased;
            () = self.environment.stopping() => ControlFlow::Break(()),
            () = self.environment.sleep(duration) => ControlFlow::Continue(()),
        }
    }

    async fn fetch_policy(&self) {
        let server_keys = locked(&self.agent).server_keys.clone();
        let (nonce, key) = (self.draw_nonce(), self.key());
        match self.enrolment(&key).fetch_policy(&server_keys, nonce).await {
            Ok(policy) => self.take_over(policy),
            Err(error) => self.environment.record(EventKind::PolicyFailed { why: error.to_string() }),
        }
    }

    fn take_over(&self, policy: Policy) {
        let knowledge = Knowledge::of(policy, &self.settings, &self.key(), &self.engine);
        self.settings.secure_storage.keep(knowledge.clone());
        self.know(knowledge);
    }

    /// Goes by what policy says: the keys to trust, the way to its server, the face that this shows.
    fn know(&self, knowledge: Knowledge) {
        let has_acc = knowledge.kinds.acc.is_some();
        let had_acc = mem::replace(&mut *locked(&self.kinds), knowledge.kinds).acc.is_some();
        if has_acc != had_acc {
            self.environment.record(EventKind::AccKept { kept: has_acc });
        }
        let mut agent = locked(&self.agent);
        agent.server_keys.replace(knowledge.server_keys);
        for entry in &*locked(&self.kinds).servers {
            agent.server_is(entry.id, entry.profile);
        }
        let Some(server) = knowledge.server else { return };
        agent.server_is(server.id, server.profile);
        let path = ServerPath { server: server.id, origin: server.origin };
        if path == self.path() {
            return;
        }
        // The tokens for the old way must not go the new one (rule 12).
        for jti in agent.path_is(&path) {
            let server = self.settings.server;
            self.environment.record(EventKind::StoredTokenRemoved { server, jti, why: Removal::PathChanged });
        }
        *locked(&self.path) = path;
    }

    fn sweep(&self) {
        let swept = locked(&self.agent).sweep(self.wall());
        for (path, reason) in swept {
            let (jti, why) = match reason {
                Swept::Expired(jti) => (jti, Removal::ExpiredSweep),
                Swept::Idle(jti) => (jti, Removal::Idle),
            };
            self.environment.record(EventKind::StoredTokenRemoved { server: self.actor_of(path.server), jti, why });
        }
    }

    fn policy_due(&self, now: VirtualTime) -> VirtualTime {
        if self.settings.policy_interval.is_zero() {
            return VirtualTime(u64::MAX);
        }
        now.after(self.settings.policy_interval)
    }

    /// Full jitter: anywhere between now and a bound that doubles with every failure.
    fn retry_at(&self, now: VirtualTime, failures: u32) -> VirtualTime {
        let parameters = &self.settings.parameters;
        if Bug::RetryWithoutBackoff.is_planted() {
            return now.after(Duration::from_millis(parameters.retry_first_ms.max(1)));
        }
        let doublings = failures.saturating_sub(1).min(20);
        let bound_ms = (parameters.retry_first_ms << doublings).min(parameters.retry_max_ms).max(1);
        let delay_ms = 1 + locked(&self.rng).next_u64() % bound_ms;
        now.after(Duration::from_millis(delay_ms))
    }

    fn draw_nonce(&self) -> MessageNonce {
        draw_nonce(&mut locked(&self.rng))
    }

    /// What the agent says in its own name, it signs with the key of the day.
    fn enrolment<'a>(&'a self, key: &'a PrivateKey) -> Enrolment<'a, E> {
        Enrolment {
            environment: &self.environment,
            engine: &self.engine,
            parameters: &self.settings.parameters,
            node: self.settings.node,
            key,
            smp: &self.settings.smp,
            issuer_time: &self.issuer_time,
        }
    }
}
