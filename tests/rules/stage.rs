//! An issuer, a server and an agent that face each other without a network.

use std::{sync::OnceLock, time::Duration};

use countersign::{
    crypto::{Engine, KeyPool, PrivateKey, PublicKey, backend},
    protocol::{
        Acceptance, Agent, AgentKeys, Authorization, Binding, CountersignedToken, IssuedToken, Issuer, Nonce, Registry,
        RegistrySettings, Rejection, RememberedPrefixes, RequestFacts, ServerKeys, ServerMemory, ServerPath, Subject,
        TokenChallenge, ValidationRules, content_digest,
    },
    types::{
        CryptoTier, Epoch, Jti, NodeId, Origin, Parameters, Profile, Refusal, SeedStream, Uid, UnixSeconds, WallTime,
    },
};
use rand_chacha::ChaCha20Rng;

pub const PROFILES: [Profile; 2] = [Profile::Literal, Profile::Hardened];
pub const NOW: UnixSeconds = UnixSeconds(1_750_000_000);
pub const LIFETIME_S: u64 = 3_600;
pub const SMP: NodeId = NodeId::from_bits(0x1000_0000_0000_8000_8000_0000_0000_0000);
pub const AGENT: NodeId = NodeId::from_bits(0x3000_0000_0000_8000_8000_0000_0000_0001);
pub const UID: Uid = Uid::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
pub const JTI: Jti = Jti::from_bits(0xfedc_ba98_7654_3210_fedc_ba98_7654_3210);
pub const EPOCH: Epoch = Epoch::from_bits(0x1111_2222_3333_4444_5555_6666_7777_8888);
pub const CHANNEL: &str = "6aXpQMZqIHYAdOeD_nQf9bxhGCb9yPEuMNhXLbQXAzQ";

/// Key 0 is the issuer's, key 1 the agent's; others are strangers'. Each call gives one that no tier has prepared yet.
pub fn key(number: u32) -> PrivateKey {
    static POOL: OnceLock<KeyPool> = OnceLock::new();
    let pool = POOL.get_or_init(|| KeyPool::new(SeedStream::new(7)));
    pool.private_key(number).expect("the pool has so many keys")
}

pub fn engine_of(tier: CryptoTier) -> Option<Engine> {
    backend(tier).ok().map(|backend| Engine::new(backend, Default::default(), None))
}

pub fn engine() -> Engine {
    engine_of(CryptoTier::Modelled).expect("every build has the modelled tier")
}

/// The engines of the real tiers that are built in.
pub fn real_engines() -> Vec<Engine> {
    [CryptoTier::AwsLc, CryptoTier::Rsa].into_iter().filter_map(engine_of).collect()
}

pub fn origin(text: &str) -> Origin {
    text.parse().expect("an origin")
}

pub fn path() -> ServerPath {
    ServerPath { server: SMP, origin: origin("https://smp") }
}

pub fn rng(number: u64) -> ChaCha20Rng {
    SeedStream::new(7).rng("rules", number)
}

pub fn seconds(after_issue_s: u64) -> WallTime {
    UnixSeconds(NOW.0 + after_issue_s).wall()
}

/// A request over TLS, as both ends see it.
pub fn facts(digest: &str) -> RequestFacts<'_> {
    RequestFacts {
        method: "GET",
        target: "/Altiris/Packages/index?part=1",
        content_digest: digest,
        channel_binding: Some(CHANNEL),
    }
}

pub fn empty_digest() -> String {
    content_digest(b"")
}

/// From where a server has an agent's key: as the SMP from its directory, as a site from its cache (rule 44).
#[derive(Clone)]
pub enum Keys {
    Known(PublicKey),
    NotCached,
    Unknown,
    Revoked,
}

impl AgentKeys for Keys {
    fn agent_key(&self, _: NodeId, _: Uid) -> Result<PublicKey, Refusal> {
        match self {
            Self::Known(key) => Ok(key.clone()),
            Self::NotCached => Err(Refusal::AgentKeyNotCached),
            Self::Unknown => Err(Refusal::UnknownAgent),
            Self::Revoked => Err(Refusal::AgentRevoked),
        }
    }
}

/// A server that checks tokens, and what is needed to make tokens for it.
pub struct Stage {
    pub engine: Engine,
    pub profile: Profile,
    pub issuer: Issuer,
    pub agent_key: PrivateKey,
    pub rules: ValidationRules,
    pub server_keys: ServerKeys,
    pub keys: Keys,
    pub registry: Registry,
    pub remembered: RememberedPrefixes,
}

impl Stage {
    pub fn new(profile: Profile) -> Self {
        Self::with(profile, engine())
    }

    pub fn with(profile: Profile, engine: Engine) -> Self {
        let parameters = Parameters::defaults(profile);
        let rules = ValidationRules {
            profile,
            origin: origin("https://smp"),
            epoch: EPOCH,
            leeway: parameters.leeway(),
            token_bytes_max: parameters.caps.token_bytes as usize,
        };
        let (issuer, agent_key) = (key(0), key(1));
        Self {
            engine,
            profile,
            server_keys: [issuer.public().clone()].into_iter().collect(),
            keys: Keys::Known(agent_key.public().clone()),
            issuer: Issuer::new(SMP, issuer, Duration::from_secs(LIFETIME_S)),
            agent_key,
            rules,
            registry: Registry::new(RegistrySettings::new(profile, &parameters), EPOCH),
            remembered: RememberedPrefixes::new(0),
        }
    }

    pub fn subject(&self) -> Subject {
        Subject {
            agent: AGENT,
            uid: UID,
            agent_key: self.agent_key.public().thumbprint(),
            audience: self.rules.origin.clone(),
        }
    }

    pub fn issue(&self) -> IssuedToken {
        self.issuer.issue(self.subject(), JTI, NOW, &self.engine).expect("the key signs")
    }

    pub fn binding(&self) -> Option<Binding> {
        let bind = || Binding::to(&facts(&empty_digest()), self.rules.origin.clone(), EPOCH);
        self.profile.binds_request().then(bind)
    }

    /// Countersigns as the agent does, for the request of [`facts`].
    pub fn countersign(&self, issued: &IssuedToken, counter: u64) -> CountersignedToken {
        self.countersign_with(issued, Nonce { uid: UID, counter }, self.binding(), &self.agent_key)
    }

    pub fn countersign_with(
        &self,
        issued: &IssuedToken,
        nonce: Nonce,
        binding: Option<Binding>,
        key: &PrivateKey,
    ) -> CountersignedToken {
        CountersignedToken::sign(issued, nonce, binding, key, &self.engine).expect("the key signs")
    }

    pub fn validate_at(&mut self, text: &str, now: WallTime) -> Result<Acceptance, Rejection> {
        self.validate_request(text, &facts(&empty_digest()), now)
    }

    pub fn validate_request(
        &mut self,
        text: &str,
        request: &RequestFacts<'_>,
        now: WallTime,
    ) -> Result<Acceptance, Rejection> {
        let Self { rules, server_keys, remembered, keys, registry, engine, .. } = self;
        rules.validate(
            text,
            request,
            &mut ServerMemory { server_keys, remembered, agent_keys: keys, registry },
            now,
            engine,
        )
    }

    /// The refusal of a token one second after its issue, and how many signatures were verified for it. Proves on the
    /// way that the refused token left no trace in the registry (S5).
    pub fn refusal(&mut self, text: &str) -> (Option<Refusal>, u32) {
        let before = format!("{:?}", self.registry);
        self.engine.take_work();
        let refusal = self.validate_at(text, seconds(1)).err().map(|rejection| rejection.why);
        let verifies = self.engine.take_work().verifies;
        if refusal.is_some() {
            assert_eq!(format!("{:?}", self.registry), before, "a refused token changed the registry");
        }
        (refusal, verifies)
    }

    /// An agent with the stage's key that trusts the stage's issuer.
    pub fn agent(&self) -> Agent {
        let parameters = Parameters::defaults(self.profile);
        Agent::new(AGENT, self.agent_key.clone(), self.profile, &parameters, self.server_keys.clone())
    }

    /// A token for the uid that an agent has drawn.
    pub fn issue_for(&self, uid: Uid, jti: u128) -> IssuedToken {
        let subject = Subject { uid, ..self.subject() };
        self.issuer.issue(subject, Jti::from_bits(jti), NOW, &self.engine).expect("the key signs")
    }

    /// The challenge that offers a token.
    pub fn challenge<'a>(&self, token: &'a IssuedToken) -> TokenChallenge<'a> {
        TokenChallenge { token: Some(token.text()), error: None, epoch: self.profile.binds_epoch().then_some(EPOCH) }
    }
}

/// The uid of a first request.
pub fn asked_uid(authorization: &Authorization) -> Uid {
    match authorization {
        Authorization::First { uid } => *uid,
        Authorization::Token { .. } => panic!("a token was sent where none is stored"),
    }
}

/// The token that an authorization carries, and whether it came from the storage.
pub fn sent_token(authorization: &Authorization) -> (&CountersignedToken, bool) {
    match authorization {
        Authorization::First { .. } => panic!("no token was sent"),
        Authorization::Token { token, was_stored, .. } => (token, *was_stored),
    }
}
