//! The order in which both server kinds check a presented token (rule 8).

use std::time::Duration;

use super::{CountersignedToken, Registry, RememberedPrefixes, RequestFacts, ServerKeys, Use};
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
    fn agent_key(&mut self, agent: NodeId, uid: Uid) -> Result<PublicKey, Refusal>;
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
    /// Checks a presented token: syntax, server key, server signature, agent key, agent signature, expiry
    /// (and epoch), uid (and audience and binding), counter. The counter comes last and is recorded in the same
    /// step, so that no forgery can burn an honest agent's counter (hole 2).
    ///
    /// A server signature that `remembered` knows to be good is not verified again; nothing else differs.
    ///
    /// # Errors
    /// The first check that fails.
    #[expect(clippy::too_many_arguments, reason = "each is a different owner's state; a struct would only rename them")]
    pub fn validate(
        &self,
        text: &str,
        request: &RequestFacts<'_>,
        server_keys: &ServerKeys,
        remembered: &mut RememberedPrefixes,
        agent_keys: &mut dyn AgentKeys,
        registry: &mut Registry,
        now: WallTime,
        engine: &Engine,
    ) -> Result<Acceptance, Rejection> {
        let unread = || Rejection { why: Refusal::Syntax, token: None, left_registry: false, registered: None };
        if text.len() > self.token_bytes_max {
            return Err(unread());
        }
        engine.count_parse();
        let token = CountersignedToken::parse(text).ok_or_else(unread)?;
        let claims = &token.issued.claims;
        let mut record = || registry.check_and_record(claims.sub, entry_of(&token), token.nonce.counter, claims.exp);
        let prefix = remembered.digest(&token.issued);
        let early = Bug::CounterRecordedFirst.is_planted().then(&mut record);
        let registered = early.and_then(Result::ok);
        let mut is_server_signed = |key: &PublicKey| {
            prefix.is_some_and(|prefix| remembered.knows(&prefix, server_keys, now))
                || token.issued.is_signed_by(key, engine)
        };
        match self
            .check(&token, request, server_keys, &mut is_server_signed, agent_keys, now, engine)
            .and_then(|()| early.unwrap_or_else(record))
        {
            Ok(registered) => {
                if let Some(prefix) = prefix {
                    remembered.remember(prefix, &token.issued);
                }
                Ok(Acceptance { token, registered })
            }
            Err(why) => {
                // Both signatures have been verified by then, so that nobody else can clear the entry (S5).
                let left_registry = why == Refusal::Expired && registry.remove(claims.sub, entry_of(&token));
                Err(Rejection { why, token: Some(Box::new(token)), left_registry, registered })
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "as in `validate`")]
    fn check(
        &self,
        token: &CountersignedToken,
        request: &RequestFacts<'_>,
        server_keys: &ServerKeys,
        is_server_signed: &mut dyn FnMut(&PublicKey) -> bool,
        agent_keys: &mut dyn AgentKeys,
        now: WallTime,
        engine: &Engine,
    ) -> Result<(), Refusal> {
        let issued = &token.issued;
        if token.binding.is_some() != self.profile.binds_request() {
            return Err(Refusal::Syntax);
        }
        let server_key = server_keys.get(issued.kid).ok_or(Refusal::UnknownServerKey)?;
        if !is_server_signed(server_key) && !Bug::ServerSignatureUnverified.is_planted() {
            return Err(Refusal::BadServerSignature);
        }
        let agent_key = agent_keys.agent_key(issued.claims.sub, issued.uid)?;
        if !token.is_signed_by(&agent_key, engine) && !Bug::AgentSignatureUnverified.is_planted() {
            return Err(Refusal::BadAgentSignature);
        }
        if self.has_expired(issued.claims.exp, now) {
            return Err(Refusal::Expired);
        }
        if let Some(binding) = &token.binding
            && binding.epoch != self.epoch
            && !Bug::EpochUnchecked.is_planted()
            // Another server's token is bound to that server's epoch.
            && !(Bug::AudienceUnchecked.is_planted() && binding.aud != self.origin)
        {
            return Err(Refusal::StaleEpoch);
        }
        if token.nonce.uid != issued.uid && !Bug::UidUnchecked.is_planted() {
            return Err(Refusal::UidMismatch);
        }
        if self.profile.checks_audience() && issued.claims.aud != self.origin && !Bug::AudienceUnchecked.is_planted() {
            return Err(Refusal::WrongAudience);
        }
        match &token.binding {
            Some(binding) => binding.check(request, &self.origin),
            None => Ok(()),
        }
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
