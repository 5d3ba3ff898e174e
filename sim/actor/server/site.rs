//! A site server: it caches the tokens that the SMP issues, and cannot issue any itself (rules 31 to 44). It is told where
//! the SMP is, and needs nothing else (rule 17).

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::StatusCode;
use rand_core::Rng;
use tokio::sync::OnceCell;

use super::{
    ServerSettings,
    account_gate::Kinds,
    core::Core,
    gate::{NoToken, Offer, TokenServer},
    machine,
    site_memory::SiteMemory,
    upstream::{FetchedToken, Upstream, UpstreamError},
};
use crate::{
    actor::{
        Environment, HttpConnection, SecureStorage,
        enrolment::Enrolment,
        figure::{count, nanos},
        http::{Reply, ServerConnection, ServerRequest, Service, empty_reply, serve},
        task::spawned,
    },
    crypto::{Engine, PublicKey},
    event::{EventKind, Removal, UpstreamPurpose},
    protocol::{
        Acceptance, BearerRejection, BearerToken, CachedToken, ClientTokensRequest, Fetched, Holder, IssuedToken,
        NodeKind, PackageAccess, Policy, Rejection, RequestFacts, ServerKind, Stored, ValidationSchedule,
    },
    types::{Bug, Jti, NodeId, Origin, Refusal, Thumbprint, Uid, locked},
};

/// What a site server is told when it is set up, beside what every server is.
#[derive(Clone, Debug)]
pub struct SiteSettings {
    /// Where the SMP is reached.
    pub smp: Origin,
    /// The SMP's key, by the thumbprint that was pinned at installation.
    pub pinned: Thumbprint,
    /// Its latest policy: it starts again with it, whether or not the SMP can be reached.
    pub secure_storage: SecureStorage<Policy>,
}

/// A site server.
#[derive(Debug)]
pub struct SiteServer<E: Environment> {
    core: Core<E>,
    site: SiteSettings,
    upstream: Upstream<E>,
    state: Mutex<SiteMemory>,
    flights: Mutex<BTreeMap<Holder, Flight>>,
}

/// A first fetch that others may wait for (hole 18).
type Flight = Arc<OnceCell<Result<Offer, NoToken>>>;

impl<E: Environment> SiteServer<E> {
    /// A site server that has just started: cache and registry are empty.
    pub fn start(environment: Arc<E>, engine: Arc<Engine>, settings: ServerSettings, site: SiteSettings) -> Arc<Self> {
        let core = Core::start(environment, engine, settings);
        let state = SiteMemory::new(&core);
        let upstream = Upstream::new(site.smp.clone(), core.settings.parameters.upstream_slots);
        Arc::new(Self { core, site, upstream, state: Mutex::new(state), flights: Mutex::default() })
    }

    /// Registers, then serves until its environment says stop: without the SMP's keys no token can be verified (rule 43).
    ///
    /// # Errors
    /// If the door cannot be opened, or breaks.
    pub async fn run(self: Arc<Self>) -> io::Result<()> {
        self.core.start_machine();
        let stored = self.site.secure_storage.read();
        let has_started_before = stored.is_some();
        match stored {
            Some(policy) => self.take_over(policy),
            None => tokio::select! {
                biased;
                () = self.core.environment.stopping() => return Ok(()),
                () = self.register() => {}
            },
        }
        for task in [Task::Registry, Task::Policy, Task::Cache, Task::Machine] {
            let site = Arc::clone(&self);
            self.core.environment.spawn(async move {
                match task {
                    Task::Registry => site.core.keep_registry(&site.state, |state| &mut state.registry).await,
                    Task::Policy => site.keep_policy(has_started_before).await,
                    Task::Cache => site.keep_cache().await,
                    Task::Machine => site.core.keep_machine(|| site.forget()).await,
                }
            });
        }
        let environment = Arc::clone(&self.core.environment);
        let origin = self.core.settings.origin.clone();
        let parameters = Arc::clone(&self.core.settings.parameters);
        serve(environment, self, origin, parameters).await
    }

    /// Registers; tries again for as long as it takes.
    async fn register(&self) {
        let parameters = &self.core.settings.parameters;
        let mut delay_ms = parameters.retry_first_ms;
        loop {
            let origin = Some(self.core.settings.origin.clone());
            let nonce = self.core.draw_nonce();
            let profile = self.core.settings.profile;
            match self.enrolment().register(NodeKind::Site, origin, profile, self.site.pinned, nonce).await {
                Ok(policy) => {
                    // Else the first agent would pay for it.
                    self.core.charge(0).await;
                    return self.take_over(policy);
                }
                Err(error) => self.core.environment.record(EventKind::PolicyFailed { why: error.to_string() }),
            }
            let jittered_ms = 1 + self.core.rng().next_u64() % delay_ms.max(1);
            self.core.environment.sleep(Duration::from_millis(jittered_ms)).await;
            delay_ms = (delay_ms * 2).min(parameters.retry_max_ms);
        }
    }

    /// Keeps policy up to date for ever. A site that has started before registers first, in case that it has moved or
    /// shows another face since.
    async fn keep_policy(&self, has_started_before: bool) {
        if has_started_before {
            self.register().await;
        }
        loop {
            let interval = {
                let mut state = locked(&self.state);
                let interval = Duration::from_secs(state.parameters.policy_interval_s);
                state.policy_due = self.core.environment.now().after(interval);
                interval
            };
            self.core.environment.sleep(interval).await;
            if !self.core.has_management_agent() {
                continue;
            }
            let server_keys = locked(&self.state).server_keys.clone();
            match self.enrolment().fetch_policy(&server_keys, self.core.draw_nonce()).await {
                Ok(policy) => self.take_over(policy),
                Err(error) => {
                    self.core.environment.record(EventKind::PolicyFailed { why: error.to_string() });
                    if error.is_denied() {
                        // An administrator removed this site; should it be approved again, it has to register anew.
                        self.core.charge(0).await;
                        self.register().await;
                    }
                }
            }
            self.core.charge(0).await;
        }
    }

    fn take_over(&self, policy: Policy) {
        self.site.secure_storage.keep(policy.clone());
        let (version, on) = {
            let mut state = locked(&self.state);
            let version = policy.version;
            state.take_over(policy, &self.core);
            (version, state.kinds.on)
        };
        self.core.machine_follows(version, on);
    }

    /// The management agent has started anew, with empty memory; policy is in secure storage.
    fn forget(&self) {
        self.core.start_anew();
        let mut state = locked(&self.state);
        *state = SiteMemory::new(&self.core);
        if let Some(policy) = self.site.secure_storage.read() {
            state.take_over(policy, &self.core);
        }
    }

    fn enrolment(&self) -> Enrolment<'_, E> {
        Enrolment {
            environment: &self.core.environment,
            engine: &self.core.engine,
            parameters: &self.core.settings.parameters,
            node: self.core.settings.node,
            key: &self.core.settings.key,
            smp: &self.site.smp,
            issuer_time: &self.core.issuer_time,
        }
    }

    /// Validates the cache for ever (rule 38).
    async fn keep_cache(&self) {
        let schedule = || ValidationSchedule::new(self.core.settings.profile, &locked(&self.state).parameters);
        let mut wait = schedule().first_after;
        loop {
            self.core.environment.sleep(wait).await;
            if !self.core.has_management_agent() {
                // To wait for no time would be to wait for ever.
                wait = wait.max(Duration::from_secs(1));
                continue;
            }
            let now = self.core.environment.now();
            let schedule = schedule();
            let due = self.validate_cache(&schedule).await;
            for _ in 1..schedule.validations(due) {
                self.validate_cache(&schedule).await;
            }
            // From start to start: a slow validation does not stretch the period.
            wait = schedule.period.saturating_sub(self.core.environment.now().since(now));
        }
    }

    /// One validation: removes what has expired, refreshes what is due, on one connection (rules 36 to 41). Tells how
    /// much was due, if the issuer could be reached.
    async fn validate_cache(&self, schedule: &ValidationSchedule) -> u32 {
        let core = &self.core;
        let since = core.environment.now();
        let plan = {
            let cache = &mut locked(&self.state).cache;
            let entries = count(cache.len());
            let plan = cache.validate(core.clock(), schedule.look_ahead);
            core.environment.record(EventKind::ValidationStarted {
                entries,
                due: plan.due,
                period_s: schedule.period.as_secs(),
            });
            for (agent, uid, jti) in &plan.removed {
                let why = Removal::ExpiredSweep;
                core.environment.record(EventKind::CacheRemoved { agent: *agent, uid: *uid, jti: *jti, why });
            }
            plan
        };
        let mut due = plan.due;
        let (mut requested, mut refreshed, mut batches, mut connections) = (0, 0, 0, 0);
        let mut connection: Option<HttpConnection<E>> = None;
        for batch in plan.batches {
            if Bug::ConnectionPerBatch.is_planted() {
                connection = None;
            }
            requested += count(batch.len());
            batches += 1;
            let before = connection.as_ref().map(HttpConnection::id);
            let holders: Vec<_> = batch.into_iter().map(|(agent, uid)| Holder { agent, uid }).collect();
            let fetched = self.fetch(&mut connection, holders.clone(), UpstreamPurpose::Validation).await;
            let after = connection.as_ref().map(HttpConnection::id);
            connections += u32::from(before.is_none() || after.is_some() && after != before);
            let Ok(tokens) = fetched else {
                // What is left is still due at the next validation.
                due = 0;
                break;
            };
            for (holder, fetched) in holders.into_iter().zip(tokens) {
                match fetched {
                    Ok((token, agent_key)) => {
                        refreshed += u32::from(self.store(holder, &token, agent_key, Fetched::Refresh));
                    }
                    // Else it would stay due for ever, before everybody else.
                    Err(_) => self.evict(holder.agent, holder.uid, Removal::Forbidden),
                }
            }
        }
        core.environment.record(EventKind::ValidationEnded {
            requested,
            refreshed,
            removed: count(plan.removed.len()),
            batches,
            connections,
            took_ns: nanos(core.environment.now().since(since)),
        });
        due
    }

    async fn fetch(
        &self,
        connection: &mut Option<HttpConnection<E>>,
        holders: Vec<Holder>,
        purpose: UpstreamPurpose,
    ) -> Result<Vec<FetchedToken>, UpstreamError> {
        let core = &self.core;
        let result = async {
            let slot = self.upstream.slot(core, purpose).await?;
            let (server_keys, batch_size_max) = {
                let SiteMemory { server_keys, parameters, .. } = &*locked(&self.state);
                (server_keys.clone(), parameters.batch_size_max)
            };
            let batch_size_max = if Bug::BatchTooLarge.is_planted() { u32::MAX } else { batch_size_max };
            let wanted = ClientTokensRequest::new(core.settings.node, holders, batch_size_max)?;
            // Boxed: thousands may wait for their slot, and keep no room for what comes after it.
            Box::pin(self.upstream.fetch(core, slot, connection, &server_keys, wanted, purpose)).await
        };
        let result = result.await;
        if let Err(why) = &result {
            core.environment.upstream_failed(why);
        }
        result
    }

    /// Fetches a token for an agent that authenticates for the first time (rules 31, 35).
    async fn first_fetch(&self, holder: Holder) -> Result<Offer, NoToken> {
        let mut connection = None;
        let result = self.fetch(&mut connection, vec![holder], UpstreamPurpose::FirstFetch).await;
        if let Some(connection) = connection {
            self.upstream.put_back(connection);
        }
        match result.map_err(|_| NoToken::Unavailable)?.pop() {
            Some(Ok((token, agent_key))) => {
                self.store(holder, &token, agent_key, Fetched::First);
                Ok(Offer::from(&token))
            }
            Some(Err(_)) => {
                self.evict(holder.agent, holder.uid, Removal::Forbidden);
                Err(NoToken::Forbidden)
            }
            None => Err(NoToken::Unavailable),
        }
    }

    /// Runs a fetch in a task of its own, so that a token that was asked for is cached even if the agent has given up.
    async fn finished_by_itself(
        &self,
        fetch: impl Future<Output = Result<Offer, NoToken>> + Send + 'static,
    ) -> Result<Offer, NoToken> {
        spawned(&*self.core.environment, fetch).await.unwrap_or(Err(NoToken::Unavailable))
    }

    /// Caches a token. Tells whether the cache took it.
    fn store(&self, holder: Holder, token: &IssuedToken, agent_key: PublicKey, fetched: Fetched) -> bool {
        let Holder { agent, uid } = holder;
        let (jti, expires) = (token.claims.jti, token.claims.exp);
        let mut state = locked(&self.state);
        state.notice_key(&*self.core.environment, token.kid, true);
        let cached = CachedToken { text: token.shared_text(), kid: token.kid, jti, expires, agent_key };
        match state.cache.store(agent, uid, cached, fetched) {
            Stored::Kept { evicted } => {
                self.record_eviction(agent, evicted);
                let refreshed = fetched == Fetched::Refresh;
                self.core.environment.record(EventKind::CacheStored { agent, uid, jti, expires, refreshed });
                true
            }
            Stored::Dropped => false,
        }
    }

    fn record_eviction(&self, agent: NodeId, evicted: Option<(Uid, Jti)>) {
        if let Some((uid, jti)) = evicted {
            let why = Removal::Capacity;
            self.core.environment.record(EventKind::CacheRemoved { agent, uid, jti, why });
        }
    }

    fn evict(&self, agent: NodeId, uid: Uid, why: Removal) {
        if let Some(jti) = locked(&self.state).cache.evict(agent, uid) {
            self.core.environment.record(EventKind::CacheRemoved { agent, uid, jti, why });
        }
    }
}

#[derive(Clone, Copy)]
enum Task {
    Registry,
    Policy,
    Cache,
    Machine,
}

impl<E: Environment> Service for SiteServer<E> {
    async fn answer(self: &Arc<Self>, connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        let since = self.core.environment.now();
        let reply = match machine::answer(self, connection, &request).await {
            Some(reply) => reply,
            None => {
                self.core.charge(1).await;
                empty_reply(StatusCode::NOT_FOUND)
            }
        };
        self.core.answered(since, request.path(), &reply);
        reply
    }
}

impl<E: Environment> TokenServer<E> for SiteServer<E> {
    fn core(&self) -> &Core<E> {
        &self.core
    }

    fn kinds(&self) -> Kinds {
        locked(&self.state).kinds
    }

    fn packages(&self) -> PackageAccess {
        let state = locked(&self.state);
        PackageAccess::of(ServerKind::Site, state.parameters.anonymous_codebases, state.kinds.on)
    }

    fn is_revoked(&self, agent: NodeId) -> bool {
        locked(&self.state).policy.as_ref().is_some_and(|policy| policy.is_revoked(agent))
    }

    fn admits_first_request(&self, source: u64) -> bool {
        !self.core.settings.profile.limits_first_requests()
            || locked(&self.state).first_requests.admit(source, self.core.environment.now().nanos()).is_ok()
    }

    fn validate(&self, text: &str, request: &RequestFacts<'_>) -> Result<Acceptance, Box<Rejection>> {
        let engine = &self.core.engine;
        let mut presented = self.core.rules().read(text, engine)?;
        let keys = locked(&self.state).keys_for(&mut presented, &self.core);
        presented.verify(&keys, engine);
        let mut state = locked(&self.state);
        let acceptance = state.decide(presented, request, &self.core)?;
        let issued = &acceptance.token.issued;
        let evicted = state.cache.mark_proven(issued.claims.sub, issued.uid);
        self.record_eviction(issued.claims.sub, evicted);
        Ok(acceptance)
    }

    fn check_bearer(&self, text: &str, path: &str) -> Result<BearerToken, BearerRejection> {
        locked(&self.state).check_bearer(text, path, &self.core)
    }

    async fn reconsider(self: &Arc<Self>, rejection: &Rejection) -> bool {
        let Some(token) = &rejection.token else { return false };
        let (agent, uid) = (token.issued.claims.sub, token.issued.uid);
        let profile = self.core.settings.profile;
        match rejection.why {
            // Without this the cache hands out the same used token for ever (hole 7).
            Refusal::CounterUsed | Refusal::CounterBelowWindow | Refusal::CounterBeyondJumpCap
                if profile.evicts_on_replay() && !Bug::ReplayNotEvicted.is_planted() =>
            {
                if let Some(jti) = locked(&self.state).cache.spend(agent, uid) {
                    let why = Removal::ReplayRefused;
                    self.core.environment.record(EventKind::CacheRemoved { agent, uid, jti, why });
                }
                false
            }
            // The agent may have a new key that only the issuer knows (hole 14).
            Refusal::BadAgentSignature if profile.refetches_agent_key() => {
                let may = locked(&self.state).cache.may_refetch_key(agent, uid);
                let site = Arc::clone(self);
                may && self
                    .finished_by_itself(async move { site.first_fetch(Holder { agent, uid }).await })
                    .await
                    .is_ok()
            }
            _ => false,
        }
    }

    async fn token_for(self: &Arc<Self>, agent: NodeId, uid: Uid) -> Result<Offer, NoToken> {
        if self.is_revoked(agent) {
            return Err(NoToken::Forbidden);
        }
        let cached = {
            let SiteMemory { cache, server_keys, .. } = &mut *locked(&self.state);
            let cached = cache.first_request(agent, uid, self.core.wall());
            // A token whose key has been withdrawn is as invalid as any (rule 46): who knows that, declines it.
            cached.filter(|cached| server_keys.get(cached.kid).is_some()).map(|cached| Offer {
                text: Arc::clone(&cached.text),
                agent,
                uid,
                jti: cached.jti,
                expires: cached.expires,
            })
        };
        if let Some(offer) = cached {
            self.core.environment.record(EventKind::CacheHit { agent, uid, jti: offer.jti });
            return Ok(offer);
        }
        self.core.environment.record(EventKind::CacheMissed { agent, uid });
        let holder = Holder { agent, uid };
        let is_shared = self.core.settings.profile.limits_first_requests() && !Bug::FirstFetchNotShared.is_planted();
        let flight =
            if is_shared { Arc::clone(locked(&self.flights).entry(holder).or_default()) } else { Flight::default() };
        let site = Arc::clone(self);
        self.finished_by_itself(async move {
            let offer = flight.get_or_init(|| site.first_fetch(holder)).await.clone();
            let mut flights = locked(&site.flights);
            if flights.get(&holder).is_some_and(|current| Arc::ptr_eq(current, &flight)) {
                flights.remove(&holder);
            }
            offer
        })
        .await
    }
}
