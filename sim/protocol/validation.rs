//! The order in which both server kinds check a presented token (rules 4, 8 and 44; holes 1 and 2; attacks 7, 8, 10
//! and 14).

use std::time::Duration;

use super::{
    Binding, Claims, CountersignedToken, IssuedToken, PresentedToken, Registry, RememberedPrefixes, RequestFacts,
    ServerKeys, Use, VerifyingKeys,
};
use crate::{
    crypto::{Engine, PublicKey},
    types::{Bug, Epoch, Jti, NodeId, Origin, Profile, Refusal, Uid, UnixSeconds, WallTime},
};

/// Where the agent's key comes from: the only difference between the two server kinds (rule 44).
pub trait AgentKeys {
    /// The agent's key.
    ///
    /// # Errors
    /// [`Refusal::AgentKeyNotCached`] at a site, [`Refusal::UnknownAgent`] at the SMP,
    /// [`Refusal::AgentRevoked`] at both.
    fn agent_key(&self, agent: NodeId, uid: Uid) -> Result<PublicKey, Refusal>;

    /// The same for a token that the issuer has signed, whose presentation counts for rule 37. Who issues tokens has no use for
    /// that.
    ///
    /// # Errors
    /// As [`agent_key`](Self::agent_key).
    fn presented_key(&mut self, agent: NodeId, uid: Uid) -> Result<PublicKey, Refusal> {
        self.agent_key(agent, uid)
    }
}

/// What a server has in memory by which tokens are judged.
pub struct ServerMemory<'a> {
    /// The issuer's keys.
    pub server_keys: &'a ServerKeys,
    /// Whose server signature need not be verified again.
    pub remembered: &'a mut RememberedPrefixes,
    /// The agents' keys.
    pub agent_keys: &'a mut dyn AgentKeys,
    /// Which counters were used.
    pub registry: &'a mut Registry,
}

/// What stays the same from one validation to the next on one server.
#[derive(Clone, Debug)]
pub struct ValidationRules {
    /// Which face of the protocol.
    pub profile: Profile,
    /// The server's own origin, as policy names it.
    pub origin: Origin,
    /// The server's start.
    pub epoch: Epoch,
    /// How long past its expiry a token is accepted.
    pub leeway: Duration,
    /// Greatest token, in bytes.
    pub token_bytes_max: usize,
}

/// A token that stood every check; its counter is on record.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The token.
    pub token: CountersignedToken,
    /// What its use did to the registry.
    pub registered: Use,
}

/// A token that was turned down.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The first check that failed.
    pub why: Refusal,
    /// The token as far as it could be read; unless the refusal comes late, nothing in it need be true.
    pub token: Option<Box<CountersignedToken>>,
    /// Whether its registry entry was removed because it was seen to have expired (rule 48).
    pub left_registry: bool,
    /// What its use did to the registry: nothing, since only an accepted token gets that far (hole 2).
    pub registered: Option<Use>,
}

impl ValidationRules {
    /// Reads a presented token.
    ///
    /// # Errors
    /// If it is too long, or no token.
    pub fn read(&self, text: &str, engine: &Engine) -> Result<PresentedToken, Rejection> {
        let unread = || Rejection { why: Refusal::Syntax, token: None, left_registry: false, registered: None };
        if text.len() > self.token_bytes_max {
            return Err(unread());
        }
        engine.count_parse();
        CountersignedToken::parse(text).map(PresentedToken::new).ok_or_else(unread)
    }

    /// The keys that the token's signatures are to be verified with, as far as its fate depends on them. The token learns under
    /// which name its first three parts are remembered, or are to be.
    pub fn keys_for(
        &self,
        presented: &mut PresentedToken,
        memory: &mut ServerMemory<'_>,
        now: WallTime,
    ) -> VerifyingKeys {
        let ServerMemory { server_keys, remembered, agent_keys, .. } = memory;
        presented.prefix = remembered.digest(&presented.token.issued);
        let IssuedToken { kid, ref claims, uid, .. } = presented.token.issued;
        let server = server_keys.get(kid).filter(|_| self.check_form(&presented.token).is_ok());
        let Some(server) = server else { return VerifyingKeys::default() };
        let is_remembered = presented.prefix.is_some_and(|prefix| remembered.knows(&prefix, server_keys, now));
        VerifyingKeys {
            server: (!is_remembered).then(|| server.clone()),
            agent: agent_keys.agent_key(claims.sub, uid).ok(),
        }
    }

    /// Checks a presented token: syntax, server key, server signature, agent key, agent signature, expiry
    /// (and epoch), uid (and audience and binding), counter. The counter comes last and is recorded in the same
    /// step, so that no forgery can burn an honest agent's counter (hole 2).
    ///
    /// A server signature that the server remembers to be good is not verified again, and neither is one that was verified
    /// with the key that is in force now; nothing else differs.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn decide(
        &self,
        mut presented: PresentedToken,
        request: &RequestFacts<'_>,
        memory: &mut ServerMemory<'_>,
        now: WallTime,
        engine: &Engine,
    ) -> Result<Acceptance, Rejection> {
        let record = |presented: &PresentedToken, registry: &mut Registry| {
            let token = &presented.token;
            let claims = &token.issued.claims;
            registry.check_and_record(claims.sub, entry_of(token), token.nonce.counter, claims.exp)
        };
        let early = Bug::CounterRecordedFirst.is_planted().then(|| record(&presented, memory.registry));
        let registered = early.and_then(Result::ok);
        let checked = self.check(&mut presented, request, memory, now, engine);
        match checked.and_then(|()| early.unwrap_or_else(|| record(&presented, memory.registry))) {
            Ok(registered) => {
                let PresentedToken { token, prefix, .. } = presented;
                if let Some(prefix) = prefix {
                    memory.remembered.remember(prefix, &token.issued);
                }
                Ok(Acceptance { token, registered })
            }
            Err(why) => {
                let token = presented.token;
                // Both signatures have been verified by then, so that nobody else can clear the entry (S5).
                let left_registry =
                    why == Refusal::Expired && memory.registry.remove(token.issued.claims.sub, entry_of(&token));
                Err(Rejection { why, token: Some(Box::new(token)), left_registry, registered })
            }
        }
    }

    /// All of this at once, for who has the memory to themselves.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn validate(
        &self,
        text: &str,
        request: &RequestFacts<'_>,
        memory: &mut ServerMemory<'_>,
        now: WallTime,
        engine: &Engine,
    ) -> Result<Acceptance, Rejection> {
        let mut presented = self.read(text, engine)?;
        let keys = self.keys_for(&mut presented, memory, now);
        presented.verify(&keys, engine);
        self.decide(presented, request, memory, now, engine)
    }

    fn check(
        &self,
        presented: &mut PresentedToken,
        request: &RequestFacts<'_>,
        memory: &mut ServerMemory<'_>,
        now: WallTime,
        engine: &Engine,
    ) -> Result<(), Refusal> {
        let ServerMemory { server_keys, remembered, agent_keys, .. } = memory;
        self.check_form(&presented.token)?;
        let IssuedToken { kid, uid, claims: Claims { sub: agent, .. }, .. } = presented.token.issued;
        let server_key = server_keys.get(kid).ok_or(Refusal::UnknownServerKey)?;
        let is_remembered = presented.prefix.is_some_and(|prefix| remembered.knows(&prefix, server_keys, now));
        if !is_remembered
            && !presented.is_server_signed(server_key, engine)
            && !Bug::ServerSignatureUnverified.is_planted()
        {
            return Err(Refusal::BadServerSignature);
        }
        let agent_key = agent_keys.presented_key(agent, uid)?;
        if !presented.is_agent_signed(&agent_key, engine) && !Bug::AgentSignatureUnverified.is_planted() {
            return Err(Refusal::BadAgentSignature);
        }
        let token = &presented.token;
        let issued = &token.issued;
        self.check_expiry(issued, now)?;
        let binding = token.binding.as_ref();
        binding.map_or(Ok(()), |binding| self.check_epoch(binding))?;
        token.check_uid()?;
        self.check_audience(issued, binding)?;
        binding.map_or(Ok(()), |binding| binding.check_request(request))
    }

    /// Whether the token has the form of this profile: a hardened one is bound to a request.
    ///
    /// # Errors
    /// If it has that of the other.
    pub fn check_form(&self, token: &CountersignedToken) -> Result<(), Refusal> {
        (token.binding.is_some() == self.profile.binds_request()).then_some(()).ok_or(Refusal::Syntax)
    }

    /// Whether the token's time lasts.
    ///
    /// # Errors
    /// If it is over.
    pub fn check_expiry(&self, issued: &IssuedToken, now: WallTime) -> Result<(), Refusal> {
        (!self.has_expired(issued.claims.exp, now)).then_some(()).ok_or(Refusal::Expired)
    }

    /// Whether the token is bound to this start of the server.
    ///
    /// # Errors
    /// If it is bound to an earlier one.
    pub fn check_epoch(&self, binding: &Binding) -> Result<(), Refusal> {
        let same = binding.epoch == self.epoch
            || Bug::EpochUnchecked.is_planted()
            // Another server's token is bound to that server's epoch.
            || Bug::AudienceUnchecked.is_planted() && binding.aud != self.origin;
        same.then_some(()).ok_or(Refusal::StaleEpoch)
    }

    /// Whether the token is for this server: as it was issued, where the profile compares that, and as it is bound.
    ///
    /// # Errors
    /// If it is for another.
    pub fn check_audience(&self, issued: &IssuedToken, binding: Option<&Binding>) -> Result<(), Refusal> {
        if self.profile.checks_audience() && issued.claims.aud != self.origin && !Bug::AudienceUnchecked.is_planted() {
            return Err(Refusal::WrongAudience);
        }
        binding.map_or(Ok(()), |binding| binding.check_audience(&self.origin))
    }

    /// Whether a token's time is over: its expiry is the first instant at which it is (RFC 7519 section 4.1.4).
    pub fn has_expired(&self, expires: UnixSeconds, now: WallTime) -> bool {
        now >= expires.wall().after(self.leeway)
    }
}

/// Under which name the registry has a token: never a spelling of it (attack 5).
fn entry_of(token: &CountersignedToken) -> Jti {
    if Bug::RegistryKeyedOnText.is_planted() {
        return Jti::from_bits(token.fingerprint().0.into());
    }
    token.issued.claims.jti
}
