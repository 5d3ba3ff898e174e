//! The SMP: issuer, directory, and a server like the others (rules 21, 31, 33, 34 and 44).

use std::{
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;

use super::{
    ServerSettings,
    account_gate::Kinds,
    core::Core,
    database::Database,
    gate::{NoToken, Offer, TokenServer},
    machine,
};
use crate::{
    actor::{
        Environment,
        http::{Reply, ServerConnection, ServerRequest, Service, empty_reply, serve},
    },
    crypto::{Engine, PublicKey},
    event::EventKind,
    protocol::{
        Acceptance, AgentKeys, Answer, Answered, BearerRejection, BearerRules, BearerToken, CLIENT_TOKENS_PATH,
        ClientToken, ClientTokensResponse, Directory, Holder, IssueError, IssuedToken, POLICY_PATH, PackageAccess,
        Policy, REGISTER_PATH, RateLimit, RegisterRequest, RegisterResponse, Registry, Rejection, RememberedPrefixes,
        RequestFacts, RequestNonces, RequestTarget, ServerKind, ServerMemory, SignerKeys, SiteRequest, Subject,
        authenticate_site, sign_response, verify_request,
    },
    types::{NodeId, Origin, Refusal, Thumbprint, Uid, Undigested, locked},
};

/// Where anybody reads the issuer's keys; informative, since nobody trusts it without the pin.
const JWKS_PATH: &str = "/.well-known/jwks.json";

/// The SMP.
#[derive(Debug)]
pub struct SmpServer<E> {
    core: Core<E>,
    database: Database,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    registry: Registry,
    remembered: RememberedPrefixes,
    first_requests: RateLimit<u64>,
    /// The batch requests that were answered.
    answered: RequestNonces,
    /// By which version of policy the registry goes.
    policy_version: u64,
}

impl State {
    /// What an SMP that has just started knows.
    fn new<E: Environment>(core: &Core<E>) -> Self {
        Self {
            registry: core.empty_registry(),
            remembered: RememberedPrefixes::new(core.settings.parameters.remembered_prefixes),
            first_requests: core.first_request_limit(),
            answered: RequestNonces::default(),
            policy_version: 0,
        }
    }
}

impl<E: Environment> SmpServer<E> {
    /// An SMP that has just started: its registry is empty, its database is as it was.
    pub fn start(environment: Arc<E>, engine: Arc<Engine>, settings: ServerSettings, database: Database) -> Arc<Self> {
        database.open().directory.smp_is(settings.profile);
        let core = Core::start(environment, engine, settings);
        let state = State::new(&core);
        Arc::new(Self { core, database, state: Mutex::new(state) })
    }

    /// Serves until its environment says stop.
    ///
    /// # Errors
    /// If the door cannot be opened, or breaks.
    pub async fn run(self: Arc<Self>) -> io::Result<()> {
        let keeper = Arc::clone(&self);
        let environment = Arc::clone(&self.core.environment);
        environment.spawn(async move { keeper.core.keep_registry(&keeper.state, |state| &mut state.registry).await });
        self.core.start_machine();
        let keeper = Arc::clone(&self);
        environment.spawn(async move { keeper.core.keep_machine(|| keeper.forget()).await });
        let origin = self.core.settings.origin.clone();
        let parameters = Arc::clone(&self.core.settings.parameters);
        serve(environment, self, origin, parameters).await
    }

    /// The management agent has started anew, with empty memory.
    fn forget(&self) {
        self.core.start_anew();
        *locked(&self.state) = State::new(&self.core);
    }

    async fn register(&self, request: &ServerRequest) -> Reply {
        let body_bytes_max = self.core.settings.parameters.caps.request_body_bytes as usize;
        let Ok(target) = RequestTarget::new(&request.method, &request.target) else {
            return empty_reply(StatusCode::BAD_REQUEST);
        };
        let verified =
            RegisterRequest::verify(target, &request.body, &request.headers, body_bytes_max, &self.core.engine);
        let (registration, message) = match verified {
            Ok(verified) => verified,
            Err(error) => return empty_reply(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::FORBIDDEN)),
        };
        let registered = self.database.open().register(&registration, message.created);
        let kept = match registered {
            Ok(kept) => kept,
            Err(error) => return empty_reply(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::FORBIDDEN)),
        };
        let Some(policy) = self.policy_for(registration.public_key.thumbprint()) else {
            return empty_reply(StatusCode::FORBIDDEN);
        };
        let response = RegisterResponse::new(policy);
        // A node registers once: were this forgotten, nobody would ever know it again.
        if let Some(kept) = kept
            && !kept.await
        {
            return empty_reply(StatusCode::SERVICE_UNAVAILABLE);
        }
        self.signed(Answered { target, nonce: message.nonce }, response.encode())
    }

    /// The policy of the day for the node that has the key of this name, with the agent connectivity credentials sealed for it
    /// if it is an agent: site servers have no use for them (rule 53). None if no node has the key, or it is revoked.
    fn policy_for(&self, kid: Thumbprint) -> Option<Policy> {
        let (mut policy, key, account) = {
            let records = self.database.open();
            let key = records.directory.signer_key(kid)?.clone();
            let policy = records.policy();
            let spreads = policy.has_acc() && records.directory.is_agent_key(kid);
            (policy, key, records.acc().filter(|_| spreads).cloned())
        };
        if let Some(account) = account {
            policy.acc = account.seal(&key, &self.core.engine, &mut *self.core.rng()).ok();
        }
        Some(policy)
    }

    fn send_policy(&self, request: &ServerRequest) -> Reply {
        let Ok(target) = RequestTarget::new(&request.method, &request.target) else {
            return empty_reply(StatusCode::BAD_REQUEST);
        };
        let key_for = |kid| self.database.signer_key(kid);
        let Ok(message) = verify_request(target, &request.body, &request.headers, key_for, &self.core.engine) else {
            return empty_reply(StatusCode::FORBIDDEN);
        };
        let Some(policy) = self.policy_for(message.keyid) else { return empty_reply(StatusCode::FORBIDDEN) };
        self.signed(Answered { target, nonce: message.nonce }, policy.encode())
    }

    /// Issues tokens to a site server for its agents; nobody else gets any (rules 31, 33, attack 18).
    fn send_client_tokens(&self, connection: &ServerConnection, request: &ServerRequest) -> Reply {
        let parameters = &self.core.settings.parameters;
        let Ok(target) = RequestTarget::new(&request.method, &request.target) else {
            return empty_reply(StatusCode::BAD_REQUEST);
        };
        let batch_size_max = self.database.open().parameters().batch_size_max;
        let authenticated = authenticate_site(
            &self.database,
            target,
            &request.body,
            &request.headers,
            parameters.caps.request_body_bytes as usize,
            batch_size_max,
            &self.core.engine,
        );
        let SiteRequest { request: wanted, site_key, message } = match authenticated {
            Ok(site_request) => site_request,
            Err(denied) => return empty_reply(StatusCode::from_u16(denied.status()).unwrap_or(StatusCode::FORBIDDEN)),
        };
        let site = wanted.site;
        let (is_kept, origin) = {
            let records = self.database.open();
            (records.is_kept(), records.directory.site_origin(site).cloned())
        };
        // Whoever has recorded a request must not make the SMP sign 128 tokens again and again.
        if is_kept && !locked(&self.state).answered.is_new(message.keyid, message.nonce) {
            return empty_reply(StatusCode::CONFLICT);
        }
        let Some(origin) = origin else { return empty_reply(StatusCode::FORBIDDEN) };
        let asker = Asker { site, kid: message.keyid };
        let tokens = wanted.agents.into_iter().map(|holder| {
            let result = match self.issue(holder, &origin, Some(asker)) {
                Ok((token, agent_key)) => Ok(ClientToken { token: token.text().to_owned(), agent_key }),
                Err(NotIssued::Agent(error)) => Err(error),
                Err(NotIssued::Site) => return None,
            };
            Some(Answer { holder, result })
        });
        let Some(tokens) = tokens.collect() else { return empty_reply(StatusCode::FORBIDDEN) };
        let mut response = ClientTokensResponse { tokens };
        // By agent, as a database answers: the order of the request is promised to nobody.
        response.tokens.sort_unstable_by_key(|answer| answer.holder);
        let body = response.seal(
            connection.is_secure,
            &site_key,
            parameters.caps.batch_response_bytes as usize,
            &self.core.engine,
            &mut *self.core.rng(),
        );
        match body {
            Ok(body) => self.signed(Answered { target, nonce: message.nonce }, body),
            Err(_) => empty_reply(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Issues a token. It is signed while nobody waits for the records: should they have another key by then, once more.
    fn issue(
        &self,
        holder: Holder,
        audience: &Origin,
        asker: Option<Asker>,
    ) -> Result<(IssuedToken, PublicKey), NotIssued> {
        let Holder { agent, uid } = holder;
        loop {
            let (agent_key, issuer) = {
                let records = self.database.open();
                (records.directory.agent_key(agent)?.clone(), records.issuer.clone())
            };
            let subject = Subject { agent, uid, agent_key: agent_key.thumbprint(), audience: audience.clone() };
            let now = self.core.environment.wall().seconds();
            let token = issuer
                .issue(subject, self.core.draw_jti(), now, &self.core.engine)
                .map_err(|_| IssueError::UnknownAgent)?;
            let records = self.database.open();
            if asker.is_some_and(|asker| !asker.is_there(&records.directory, audience)) {
                return Err(NotIssued::Site);
            }
            if records.directory.agent_key(agent)?.thumbprint() != agent_key.thumbprint()
                || records.issuer.key().public().thumbprint() != issuer.key().public().thumbprint()
            {
                continue;
            }
            self.core.environment.record(EventKind::Issued {
                agent,
                uid,
                jti: token.claims.jti,
                expires: token.claims.exp,
                site: asker.map(|asker| asker.site),
                token: Undigested(token.fingerprint()),
            });
            return Ok((token, agent_key));
        }
    }

    /// Lends what tokens are judged by, after it has learned of parameters that have changed.
    fn with_memory<T>(&self, judge: impl FnOnce(&mut ServerMemory<'_>) -> T) -> T {
        let records = self.database.open();
        let State { registry, remembered, policy_version, .. } = &mut *locked(&self.state);
        if *policy_version != records.policy_version() {
            *policy_version = records.policy_version();
            self.core.go_by(records.parameters(), registry);
        }
        judge(&mut ServerMemory {
            server_keys: &records.server_keys,
            remembered,
            agent_keys: &mut DirectoryKeys(&records.directory),
            registry,
        })
    }

    /// 200 with a body, signed (rule 34).
    fn signed(&self, answered: Answered<'_>, body: Vec<u8>) -> Reply {
        let created = self.core.environment.wall().seconds();
        let signed =
            sign_response(StatusCode::OK, &body, answered, created, &self.core.settings.key, &self.core.engine);
        let Ok(signed) = signed else { return empty_reply(StatusCode::INTERNAL_SERVER_ERROR) };
        let mut reply = Reply::new(Full::new(Bytes::from(body)));
        signed.write_to(reply.headers_mut());
        reply
    }
}

impl<E: Environment> Service for SmpServer<E> {
    async fn answer(self: &Arc<Self>, connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        let since = self.core.environment.now();
        let reply = match machine::answer(self, connection, &request).await {
            Some(reply) => reply,
            None => self.answer_node(connection, &request).await,
        };
        self.core.answered(since, request.path(), &reply);
        reply
    }
}

impl<E: Environment> SmpServer<E> {
    /// What an SMP is asked beside what every server is.
    async fn answer_node(&self, connection: &ServerConnection, request: &ServerRequest) -> Reply {
        let reply = match (&request.method, request.path()) {
            (&Method::POST, REGISTER_PATH) => self.register(request).await,
            (&Method::GET, POLICY_PATH) => self.send_policy(request),
            (&Method::POST, CLIENT_TOKENS_PATH) => self.send_client_tokens(connection, request),
            (&Method::GET, JWKS_PATH) => {
                let jwks = self.database.open().server_keys.to_jwks();
                let mut reply = Reply::new(Full::new(serde_json::to_vec(&jwks).unwrap_or_default().into()));
                reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
                reply
            }
            (_, REGISTER_PATH | POLICY_PATH | CLIENT_TOKENS_PATH | JWKS_PATH) => {
                empty_reply(StatusCode::METHOD_NOT_ALLOWED)
            }
            _ => empty_reply(StatusCode::NOT_FOUND),
        };
        self.core.charge(1).await;
        reply
    }
}

impl<E: Environment> TokenServer<E> for SmpServer<E> {
    fn core(&self) -> &Core<E> {
        &self.core
    }

    fn kinds(&self) -> Kinds {
        let records = self.database.open();
        Kinds { on: records.authentication_of(self.core.settings.node), basic: records.parameters().basic }
    }

    fn packages(&self) -> PackageAccess {
        let records = self.database.open();
        let on = records.authentication_of(self.core.settings.node);
        PackageAccess::of(ServerKind::Smp, records.parameters().anonymous_codebases, on)
    }

    fn is_revoked(&self, agent: NodeId) -> bool {
        self.database.open().directory.revoked().contains(&agent)
    }

    fn admits_first_request(&self, source: u64) -> bool {
        !self.core.settings.profile.limits_first_requests()
            || locked(&self.state).first_requests.admit(source, self.core.environment.now().nanos()).is_ok()
    }

    fn validate(&self, text: &str, request: &RequestFacts<'_>) -> Result<Acceptance, Box<Rejection>> {
        let engine = &self.core.engine;
        let mut presented = self.core.rules().read(text, engine)?;
        let keys = self.with_memory(|memory| self.core.rules().keys_for(&mut presented, memory, self.core.wall()));
        presented.verify(&keys, engine);
        let decided = self.with_memory(|memory| {
            self.core.lend_registry_of_worker(memory.registry);
            let result = self.core.rules().decide(presented, request, memory, self.core.wall(), engine);
            self.core.lend_registry_of_worker(memory.registry);
            result
        });
        decided.map_err(Box::new)
    }

    fn check_bearer(&self, text: &str, path: &str) -> Result<BearerToken, BearerRejection> {
        let records = self.database.open();
        let rules = BearerRules {
            authentication: records.authentication_of(self.core.settings.node),
            revoked: records.revoked_bearers(),
            server_keys: &records.server_keys,
            leeway: self.core.rules().leeway,
            token_bytes_max: self.core.rules().token_bytes_max,
        };
        rules.check(text, path, self.core.wall(), &self.core.engine)
    }

    async fn reconsider(self: &Arc<Self>, _rejection: &Rejection) -> bool {
        false
    }

    async fn token_for(self: &Arc<Self>, agent: NodeId, uid: Uid) -> Result<Offer, NoToken> {
        let issued = self.issue(Holder { agent, uid }, &self.core.settings.origin, None);
        self.core.charge(0).await;
        issued.map(|(token, _)| Offer::from(&token)).map_err(|_| NoToken::Forbidden)
    }
}

/// The site server that asks for tokens, and the key that it asked with.
#[derive(Clone, Copy)]
struct Asker {
    site: NodeId,
    kid: Thumbprint,
}

impl Asker {
    /// Whether it is still reached there, and still has that key.
    fn is_there(&self, directory: &Directory, origin: &Origin) -> bool {
        directory.site_origin(self.site) == Some(origin)
            && directory.site_key(self.site).is_some_and(|key| key.thumbprint() == self.kid)
    }
}

/// Why no token was issued.
enum NotIssued {
    /// The agent gets none.
    Agent(IssueError),
    /// The site server that asked for it is none any more, or another.
    Site,
}

impl From<IssueError> for NotIssued {
    fn from(error: IssueError) -> Self {
        Self::Agent(error)
    }
}

/// The SMP knows its agents' keys itself (rule 44).
struct DirectoryKeys<'a>(&'a Directory);

impl AgentKeys for DirectoryKeys<'_> {
    fn agent_key(&self, agent: NodeId, _uid: Uid) -> Result<PublicKey, Refusal> {
        match self.0.agent_key(agent) {
            Ok(key) => Ok(key.clone()),
            Err(IssueError::AgentRevoked) => Err(Refusal::AgentRevoked),
            Err(_) => Err(Refusal::UnknownAgent),
        }
    }
}
