//! A token as a server gets it, and how its signatures are verified while nobody waits for the server's memory (rules 4
//! and 8).

use super::{CountersignedToken, remembered_prefixes::PrefixDigest};
use crate::{
    crypto::{Engine, PublicKey},
    types::Thumbprint,
};

/// A presented token that has been read, and what is known of its signatures.
///
/// To verify them takes far longer than everything else that a server does with a token, and needs nothing but two keys. So a
/// server asks its memory for [`VerifyingKeys`], verifies with the memory free for other requests, and has the memory decide then: it
/// uses all of its cores, not one. The memory has the last word: a signature that was verified with another key than the one
/// that is in force by then is verified again.
#[derive(Clone, Debug)]
pub struct PresentedToken {
    pub(super) token: CountersignedToken,
    /// The name of its first three parts, where the server remembers any.
    pub(super) prefix: Option<PrefixDigest>,
    server: Option<Verified>,
    agent: Option<Verified>,
}

/// The keys that a presented token's signatures are to be verified with.
#[derive(Clone, Debug, Default)]
pub struct VerifyingKeys {
    /// The issuer's; none if its signature is known to be good, or the agent's need not be verified either.
    pub server: Option<PublicKey>,
    /// The agent's; none if the token is refused before.
    pub agent: Option<PublicKey>,
}

/// What a signature is by one key.
#[derive(Clone, Copy, Debug)]
struct Verified {
    key: Thumbprint,
    is_good: bool,
}

impl PresentedToken {
    /// A token of which nothing is known yet.
    pub(super) fn new(token: CountersignedToken) -> Self {
        Self { token, prefix: None, server: None, agent: None }
    }

    /// Verifies its signatures with these keys: the agent's only if the issuer's is good, as the order of the checks is.
    pub fn verify(&mut self, keys: &VerifyingKeys, engine: &Engine) {
        if keys.server.as_ref().is_none_or(|key| self.is_server_signed(key, engine))
            && let Some(key) = &keys.agent
        {
            self.is_agent_signed(key, engine);
        }
    }

    /// Whether this key signed the first two parts.
    pub(super) fn is_server_signed(&mut self, key: &PublicKey, engine: &Engine) -> bool {
        is_good(&mut self.server, key, || self.token.issued.is_signed_by(key, engine))
    }

    /// Whether this key signed the first four parts.
    pub(super) fn is_agent_signed(&mut self, key: &PublicKey, engine: &Engine) -> bool {
        is_good(&mut self.agent, key, || self.token.is_signed_by(key, engine))
    }
}

/// What is known of a signature by this key; what is not is found out.
fn is_good(known: &mut Option<Verified>, key: &PublicKey, verify: impl FnOnce() -> bool) -> bool {
    let key = key.thumbprint();
    let verified = known.filter(|verified| verified.key == key);
    known.insert(verified.unwrap_or_else(|| Verified { key, is_good: verify() })).is_good
}
