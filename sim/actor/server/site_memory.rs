//! What a site server holds in memory, and loses with its process (rules 43 and 44).

use std::collections::BTreeSet;

use super::{account_gate::Kinds, core::Core};
use crate::{
    actor::Environment,
    crypto::PublicKey,
    protocol::{
        Acceptance, AgentKeys, BearerRejection, BearerRules, BearerToken, Policy, PresentedToken, RateLimit, Registry,
        Rejection, RememberedPrefixes, RequestFacts, ServerKeys, ServerMemory, TokenCache, TokenCacheSettings,
        VerifyingKeys,
    },
    types::{NodeId, Parameters, Refusal, Thumbprint, Uid, VirtualTime},
};

/// What a site server holds in memory.
#[derive(Debug)]
pub struct SiteMemory {
    pub cache: TokenCache,
    pub registry: Registry,
    remembered: RememberedPrefixes,
    pub server_keys: ServerKeys,
    pub policy: Option<Policy>,
    /// Which kinds of authentication it takes (rule 30).
    pub kinds: Kinds,
    pub first_requests: RateLimit<u64>,
    /// What policy says, over what the settings say.
    pub parameters: Parameters,
    /// When policy is fetched next.
    pub policy_due: VirtualTime,
}

impl SiteMemory {
    /// That of a site server that has just started: cache and registry are empty.
    pub fn new<E: Environment>(core: &Core<E>) -> Self {
        let parameters = Parameters::clone(&core.settings.parameters);
        Self {
            cache: TokenCache::new(TokenCacheSettings::new(core.settings.profile, &parameters)),
            registry: core.empty_registry(),
            remembered: RememberedPrefixes::new(parameters.remembered_prefixes),
            server_keys: ServerKeys::default(),
            policy: None,
            kinds: Kinds { on: parameters.authentication, basic: parameters.basic },
            first_requests: core.first_request_limit(),
            parameters,
            policy_due: VirtualTime::ZERO,
        }
    }

    /// Goes by this policy from now on.
    pub fn take_over<E: Environment>(&mut self, policy: Policy, core: &Core<E>) {
        self.server_keys.replace(policy.jwks.clone());
        policy.apply_to(&mut self.parameters);
        core.go_by(&self.parameters, &mut self.registry);
        self.cache.go_by(TokenCacheSettings::new(core.settings.profile, &self.parameters));
        self.kinds = Kinds { on: policy.authentication_of(core.settings.node), basic: policy.basic };
        self.policy = Some(policy);
    }

    /// Tells of a key that policy has yet to bring (rule 43, attack 27): agents are refused until it does.
    pub fn notice_key<E: Environment>(&self, environment: &E, kid: Thumbprint, is_issued: bool) {
        if self.server_keys.get(kid).is_none() {
            environment.unknown_server_key(kid, is_issued, self.policy_due);
        }
    }

    /// The keys that a presented token's signatures are to be verified with.
    pub fn keys_for<E: Environment>(&mut self, presented: &mut PresentedToken, core: &Core<E>) -> VerifyingKeys {
        self.with_memory(|memory| core.rules().keys_for(presented, memory, core.wall()))
    }

    /// Judges a presented token, and uses it.
    pub fn decide<E: Environment>(
        &mut self,
        presented: PresentedToken,
        request: &RequestFacts<'_>,
        core: &Core<E>,
    ) -> Result<Acceptance, Box<Rejection>> {
        core.lend_registry_of_worker(&mut self.registry);
        let (now, engine) = (core.wall(), &core.engine);
        let result = self.with_memory(|memory| core.rules().decide(presented, request, memory, now, engine));
        core.lend_registry_of_worker(&mut self.registry);
        if let Err(Rejection { why: Refusal::UnknownServerKey, token: Some(token), .. }) = &result {
            self.notice_key(&*core.environment, token.issued.kid, false);
        }
        Ok(result?)
    }

    fn with_memory<T>(&mut self, judge: impl FnOnce(&mut ServerMemory<'_>) -> T) -> T {
        judge(&mut ServerMemory {
            server_keys: &self.server_keys,
            remembered: &mut self.remembered,
            agent_keys: &mut CacheKeys { cache: &mut self.cache, policy: self.policy.as_ref() },
            registry: &mut self.registry,
        })
    }

    /// Judges a bearer token. A site that has no policy yet trusts no key either.
    pub fn check_bearer<E: Environment>(
        &self,
        text: &str,
        path: &str,
        core: &Core<E>,
    ) -> Result<BearerToken, BearerRejection> {
        let none = BTreeSet::new();
        let rules = BearerRules {
            authentication: self.kinds.on,
            revoked: self.policy.as_ref().map_or(&none, |policy| &policy.revoked_bearers),
            server_keys: &self.server_keys,
            leeway: core.rules().leeway,
            token_bytes_max: core.rules().token_bytes_max,
        };
        rules.check(text, path, core.wall(), &core.engine)
    }
}

/// A site knows an agent's key from the token that it fetched for it, and from nowhere else (rule 44).
struct CacheKeys<'a> {
    cache: &'a mut TokenCache,
    policy: Option<&'a Policy>,
}

impl CacheKeys<'_> {
    fn check_revocation(&self, agent: NodeId) -> Result<(), Refusal> {
        let is_revoked = self.policy.is_some_and(|policy| policy.is_revoked(agent));
        if is_revoked { Err(Refusal::AgentRevoked) } else { Ok(()) }
    }
}

impl AgentKeys for CacheKeys<'_> {
    fn agent_key(&self, agent: NodeId, uid: Uid) -> Result<PublicKey, Refusal> {
        self.check_revocation(agent)?;
        self.cache.entry(agent, uid).map(|cached| cached.agent_key.clone()).ok_or(Refusal::AgentKeyNotCached)
    }

    fn presented_key(&mut self, agent: NodeId, uid: Uid) -> Result<PublicKey, Refusal> {
        self.check_revocation(agent)?;
        self.cache.presented(agent, uid).map(|cached| cached.agent_key.clone()).ok_or(Refusal::AgentKeyNotCached)
    }
}
