//! An issuer, a site server and an agent that face each other without a network.

use std::{sync::Arc, time::Duration};

use rand_chacha::ChaCha20Rng;
use thiserror::Error;

use crate::{
    crypto::{Backend, Engine, KeyError, KeyPool, KeyPoolError, PrivateKey, PublicKey, WallTotals},
    protocol::{
        Agent, AgentKeys, Authorization, Binding, CachedToken, CountersignedToken, Credentials, Declined, Fetched,
        IssuedToken, Issuer, Nonce, Registry, RegistrySettings, RememberedPrefixes, RequestFacts, ServerKeys,
        ServerMemory, ServerPath, Subject, TokenCache, TokenCacheSettings, TokenChallenge, ValidationRules,
        content_digest,
    },
    types::{Epoch, Jti, NodeId, Origin, Parameters, Profile, Refusal, Scheme, SeedStream, Uid, UnixSeconds},
};

const NOW: UnixSeconds = UnixSeconds(1_767_600_000);
const EPOCH: Epoch = Epoch::from_bits(7);

const USES_OF_A_TOKEN: u64 = 8;
const TOKENS_PRESENTED: u64 = 8;

/// Why an operation could not be measured: it failed.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The pool has no key.
    #[error(transparent)]
    Pool(#[from] KeyPoolError),
    /// The backend failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The agent took no offer.
    #[error("the agent does not answer the challenge: {0}")]
    Declined(#[from] Declined),
    /// The server refused a good token.
    #[error("the server refuses a good token: {0:?}")]
    Refused(Refusal),
    /// Something did not arrive as it was sent.
    #[error("{0} did not arrive as it was sent")]
    Lost(&'static str),
    /// A good signature does not verify, or a ciphertext does not open.
    #[error("{backend} fails to {operation}")]
    Wrong {
        /// Which backend.
        backend: &'static str,
        /// What it should do.
        operation: &'static str,
    },
}

/// Both ends of an authentication at a site server with 100,000 tokens in its registry and 4,096 in its cache.
#[derive(Debug)]
pub struct Stage {
    engine: Engine,
    rng: ChaCha20Rng,
    profile: Profile,
    agent: Agent,
    agent_key: PrivateKey,
    node: NodeId,
    uid: Uid,
    issuer: Issuer,
    path: ServerPath,
    request_digest: String,
    rules: ValidationRules,
    server_keys: ServerKeys,
    remembered: RememberedPrefixes,
    agent_keys: CachedKeys,
    registry: Registry,
    jti: u128,
}

/// A token as it arrives, and the name under which the registry has it.
#[derive(Clone, Debug)]
pub struct Presentation {
    /// The value of `Authorization`.
    pub value: String,
    /// The token's name.
    pub jti: Jti,
}

/// A site knows an agent's key from its cache (rule 44).
#[derive(Debug)]
struct CachedKeys(TokenCache);

impl AgentKeys for CachedKeys {
    fn agent_key(&self, agent: NodeId, uid: Uid) -> Result<PublicKey, Refusal> {
        self.0.entry(agent, uid).map(|cached| cached.agent_key.clone()).ok_or(Refusal::AgentKeyNotCached)
    }

    fn presented_key(&mut self, agent: NodeId, uid: Uid) -> Result<PublicKey, Refusal> {
        self.0.presented(agent, uid).map(|cached| cached.agent_key.clone()).ok_or(Refusal::AgentKeyNotCached)
    }
}

impl Stage {
    /// A stage on which `backend` computes and the site remembers so many prefixes.
    ///
    /// # Errors
    /// If the backend does not accept a key.
    pub fn new(backend: Arc<dyn Backend>, profile: Profile, remembered_prefixes: u32) -> Result<Self, BenchError> {
        const REGISTRY_ENTRIES: u64 = 100_000;
        const CACHE_ENTRIES: u64 = 4_096;
        let seed = SeedStream::new(1);
        let pool = KeyPool::new(seed);
        let mut rng = seed.rng("bench", 0);
        let (issuing_key, agent_key) = (pool.private_key(0)?, pool.private_key(1)?);
        let parameters = Parameters::defaults(profile);
        let (node, site) = (node(0xa9e2), node(0x517e));
        let path = ServerPath { server: site, origin: Origin::new(Scheme::Http, "site-1", 80) };
        let server_keys: ServerKeys = [issuing_key.public().clone()].into_iter().collect();
        let mut agent = Agent::new(node, agent_key.clone(), profile, &parameters, server_keys.clone());
        let Authorization::First { uid } = agent.ask_anew(&path, &mut rng) else {
            return Err(BenchError::Lost("a first request"));
        };
        // A mark of what has left would refuse the presentations that are to be repeated.
        let settings =
            RegistrySettings { keeps_purge_high_water: false, ..RegistrySettings::new(profile, &parameters) };
        let mut stage = Self {
            engine: Engine::new(backend, Arc::new(WallTotals::default()), None),
            rng,
            profile,
            agent,
            node,
            uid,
            issuer: Issuer::new(self::node(0x5e7), issuing_key, parameters.token_lifetime()),
            rules: ValidationRules {
                profile,
                origin: path.origin.clone(),
                epoch: EPOCH,
                leeway: parameters.leeway(),
                token_bytes_max: parameters.caps.token_bytes as usize,
            },
            path,
            request_digest: content_digest(b""),
            server_keys,
            remembered: RememberedPrefixes::new(remembered_prefixes),
            agent_keys: CachedKeys(TokenCache::new(TokenCacheSettings::new(profile, &parameters))),
            agent_key,
            registry: Registry::new(settings, EPOCH),
            jti: 0,
        };
        let expires = NOW.after(Duration::from_secs(3_600));
        for number in 0..REGISTRY_ENTRIES {
            let jti = stage.draw_jti();
            stage.registry.check_and_record(self::node(number), jti, 1, expires).map_err(BenchError::Refused)?;
        }
        let kid = stage.issuer.key().public().thumbprint();
        for number in 0..CACHE_ENTRIES {
            let (agent, uid) = if number == 0 { (node, uid) } else { (self::node(number), Uid::from_bits(1)) };
            let (text, jti, agent_key) = ("a.b.c".into(), stage.draw_jti(), stage.agent_key.public().clone());
            stage.agent_keys.0.store(agent, uid, CachedToken { text, kid, jti, expires, agent_key }, Fetched::First);
        }
        Ok(stage)
    }

    /// A two-step authentication, both ends: first request, issue, challenge, answer, verification.
    ///
    /// # Errors
    /// If it does not succeed.
    pub fn two_step(&mut self) -> Result<(), BenchError> {
        let Authorization::First { uid } = self.agent.ask_anew(&self.path, &mut self.rng) else {
            return Err(BenchError::Lost("a first request"));
        };
        let value = Credentials::First { agent: self.node, uid }.to_value();
        let Some(Credentials::First { .. }) = Credentials::parse(&value) else {
            return Err(BenchError::Lost("a first request"));
        };
        let issued = self.issue()?;
        let epoch = self.profile.binds_epoch().then_some(EPOCH);
        let value = TokenChallenge { token: Some(issued.text()), error: None, epoch }.to_value();
        let challenge = TokenChallenge::parse(&value).ok_or(BenchError::Lost("a challenge"))?;
        let facts = facts(&self.request_digest);
        let authorization = self.agent.answer(&self.path, &challenge, &facts, &self.engine)?;
        self.present(authorization)
    }

    /// A one-step authentication with a stored token, both ends; needs a two-step one before.
    ///
    /// # Errors
    /// If it does not succeed.
    pub fn one_step(&mut self) -> Result<(), BenchError> {
        let facts = facts(&self.request_digest);
        let authorization = self.agent.authorize(&self.path, &facts, NOW.wall(), &self.engine, &mut self.rng)?;
        self.present(authorization)
    }

    fn present(&mut self, authorization: Authorization) -> Result<(), BenchError> {
        let Authorization::Token { token, epoch, .. } = authorization else { return Err(BenchError::Lost("a token")) };
        self.validate(&Credentials::Token(token.text()).to_value())?;
        self.agent.succeeded(&self.path, &token, epoch, None, NOW.wall());
        Ok(())
    }

    /// What the site does with a presented token: parses, verifies, looks up, checks and records.
    ///
    /// # Errors
    /// If it refuses.
    pub fn validate(&mut self, value: &str) -> Result<(), BenchError> {
        let Some(Credentials::Token(text)) = Credentials::parse(value) else { return Err(BenchError::Lost("a token")) };
        let Self { rules, server_keys, remembered, agent_keys, registry, engine, .. } = self;
        let facts = facts(&self.request_digest);
        let mut memory = ServerMemory { server_keys, remembered, agent_keys, registry };
        let result = rules.validate(text, &facts, &mut memory, NOW.wall(), engine);
        result.map(drop).map_err(|rejection| BenchError::Refused(rejection.why))
    }

    /// Tokens that agents present, several uses of each.
    ///
    /// # Errors
    /// If the backend cannot sign.
    pub fn presentations(&mut self) -> Result<Vec<Presentation>, BenchError> {
        let mut presentations = Vec::new();
        for _ in 0..TOKENS_PRESENTED {
            let issued = self.issue()?;
            for counter in 1..=USES_OF_A_TOKEN {
                let value = Credentials::Token(self.countersign(&issued, counter)?.text()).to_value();
                presentations.push(Presentation { value, jti: issued.claims.jti });
            }
        }
        Ok(presentations)
    }

    /// Lets the registry forget presentations, so that they can be validated again.
    pub fn forget(&mut self, presentations: &[Presentation]) {
        for presentation in presentations {
            self.registry.remove(self.node, presentation.jti);
        }
    }

    /// A new token for the agent.
    ///
    /// # Errors
    /// If the backend cannot sign.
    pub fn issue(&mut self) -> Result<IssuedToken, BenchError> {
        let agent_key = self.agent_key.public().thumbprint();
        let audience = self.path.origin.clone();
        let subject = Subject { agent: self.node, uid: self.uid, agent_key, audience };
        let jti = self.draw_jti();
        Ok(self.issuer.issue(subject, jti, NOW, &self.engine)?)
    }

    /// A use of a token.
    ///
    /// # Errors
    /// If the backend cannot sign.
    pub fn countersign(&self, issued: &IssuedToken, counter: u64) -> Result<CountersignedToken, BenchError> {
        let bind = || Binding::to(&facts(&self.request_digest), self.path.origin.clone(), EPOCH);
        let binding = self.profile.binds_request().then(bind);
        let nonce = Nonce { uid: self.uid, counter };
        Ok(CountersignedToken::sign(issued, nonce, binding, &self.agent_key, &self.engine)?)
    }

    /// The agent's key.
    pub fn agent_key(&self) -> &PrivateKey {
        &self.agent_key
    }

    /// The issuing key.
    pub fn issuing_key(&self) -> &PrivateKey {
        self.issuer.key()
    }

    /// Names in scattered order, as an issuer draws them.
    fn draw_jti(&mut self) -> Jti {
        self.jti += 1;
        Jti::from_bits(self.jti.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }
}

fn node(number: u64) -> NodeId {
    NodeId::from_bits(0x0a9e_0000_0000_4000_8000_0000_0000_0000 + u128::from(number))
}

fn facts(content_digest: &str) -> RequestFacts<'_> {
    RequestFacts { method: "GET", target: "/Altiris/Packages/index", content_digest, channel_binding: None }
}
