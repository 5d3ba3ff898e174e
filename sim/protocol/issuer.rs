//! Who makes tokens: the SMP alone (rules 2, 21, 31).

use std::time::Duration;

use super::{Claims, Confirmation, IssuedToken};
use crate::{
    crypto::{Engine, KeyError, PrivateKey},
    types::{Jti, NodeId, Origin, Thumbprint, Uid, UnixSeconds},
};

/// The issuing key and what it signs. Clones share the key.
#[derive(Clone, Debug)]
pub struct Issuer {
    node: NodeId,
    key: PrivateKey,
    lifetime: Duration,
}

/// For whom a token is issued.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The agent.
    pub agent: NodeId,
    /// The uid that the agent drew.
    pub uid: Uid,
    /// The agent's key, as the issuer's directory has it.
    pub agent_key: Thumbprint,
    /// The server that will accept the token.
    pub audience: Origin,
}

impl Issuer {
    /// An issuer whose tokens live for `lifetime`.
    pub fn new(node: NodeId, key: PrivateKey, lifetime: Duration) -> Self {
        Self { node, key, lifetime }
    }

    /// The issuing key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Issues a token with counter 0. The caller draws the `jti`, afresh for each token.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn issue(
        &self,
        subject: Subject,
        jti: Jti,
        now: UnixSeconds,
        engine: &Engine,
    ) -> Result<IssuedToken, KeyError> {
        let claims = Claims {
            iss: self.node,
            sub: subject.agent,
            aud: subject.audience,
            iat: now,
            exp: now.after(self.lifetime),
            jti,
            cnf: Confirmation { jkt: subject.agent_key },
        };
        IssuedToken::sign(subject.uid, claims, &self.key, engine)
    }
}
