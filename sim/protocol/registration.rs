//! Registration: how a node's key reaches the SMP and the server keys reach the node (rule 43, attack 30).

use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Answered, BodyError, MessageError, Policy, PolicyError, RequestTarget, ServerKeys, VerifiedMessage, body,
    verify_request, verify_response,
};
use crate::{
    crypto::{Engine, PublicKey},
    types::{NodeId, Origin, Profile, Thumbprint},
};

/// Where nodes register, with POST. The request is signed by the key that it registers, the response by the SMP.
pub const REGISTER_PATH: &str = "/NS/Agent/Register";

/// What a node asks for when it registers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// The node's identity.
    pub id: NodeId,
    /// What it is.
    pub kind: NodeKind,
    /// Its public key, a JWK on the wire.
    #[serde(with = "body::jwk_member")]
    pub public_key: PublicKey,
    /// Where it is reached: for a site server, and for nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    pub origin: Option<Origin>,
    /// Which face of the protocol a site server shows; policy passes it on.
    #[serde(default, skip_serializing_if = "Profile::is_literal")]
    pub profile: Profile,
}

/// What a registered node is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// An agent.
    Agent,
    /// A site server.
    Site,
}

/// What a node learns when it registers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterResponse {
    /// The policy.
    pub policy: Policy,
    /// The server keys; the same as in the policy.
    pub jwks: ServerKeys,
}

/// Why a registration, or the answer to it, is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RegistrationError {
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The signature is not trusted. In an answer, [`MessageError::UnknownKey`] also says that the pinned key is not
    /// among the keys delivered: somebody swapped them (attack 30).
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A site server without an origin, or an agent with one.
    #[error("expected `origin` for a site server and for nobody else: {0} says otherwise")]
    Origin(NodeId),
    /// The nil GUID, which names nobody.
    #[error("the nil GUID is no node's id")]
    NilId,
    /// The policy in the answer is not accepted.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The answer's two copies of the server keys differ.
    #[error("the answer's `jwks` and its policy's `jwks` differ")]
    TwoKeySets,
}

impl RegistrationError {
    /// The HTTP status with which the SMP refuses a registration for this reason.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Message(_) => 403,
            Self::Body(BodyError::TooLarge { .. }) => 413,
            _ => 400,
        }
    }
}

impl RegisterRequest {
    /// The request's body.
    pub fn encode(&self) -> Vec<u8> {
        body::encode(self)
    }

    /// Reads a registration of at most `max_bytes` bytes, and verifies that its sender has the key that it registers.
    ///
    /// The body is read before the signature is verified, since it brings the key.
    ///
    /// # Errors
    /// If the body is too large or malformed, or the signature is not by that key.
    pub fn verify(
        target: RequestTarget<'_>,
        body: &[u8],
        headers: &HeaderMap,
        max_bytes: usize,
        engine: &Engine,
    ) -> Result<(Self, VerifiedMessage), RegistrationError> {
        let request: Self = body::decode(body, max_bytes)?;
        if request.id.bits() == 0 {
            return Err(RegistrationError::NilId);
        }
        if request.origin.is_some() != (request.kind == NodeKind::Site) {
            return Err(RegistrationError::Origin(request.id));
        }
        let key_for = |kid| Some(&request.public_key).filter(|key| key.thumbprint() == kid).cloned();
        let verified = verify_request(target, body, headers, key_for, engine)?;
        Ok((request, verified))
    }
}

impl RegisterResponse {
    /// The answer that brings `policy`.
    pub fn new(policy: Policy) -> Self {
        let jwks = policy.jwks.clone();
        Self { policy, jwks }
    }

    /// The answer's body.
    pub fn encode(&self) -> Vec<u8> {
        body::encode(self)
    }

    /// Verifies and reads the answer to a registration, of at most `max_bytes` bytes.
    ///
    /// The node was installed with the thumbprint of the SMP's key, not with the key. So the key comes from the
    /// answer, which proves nothing yet; that it has the `pinned` thumbprint and signed the answer does (attack 30).
    ///
    /// # Errors
    /// If the body is too large or malformed, or the signature is not by the pinned key.
    pub fn verify(
        status: StatusCode,
        body: &[u8],
        headers: &HeaderMap,
        answered: Answered<'_>,
        pinned: Thumbprint,
        max_bytes: usize,
        engine: &Engine,
    ) -> Result<(Self, VerifiedMessage), RegistrationError> {
        let response: Self = body::decode(body, max_bytes)?;
        let key_for = |kid| response.jwks.get(kid).filter(|_| kid == pinned).cloned();
        let verified = verify_response(status, body, headers, answered, key_for, engine)?;
        if response.jwks != response.policy.jwks {
            return Err(RegistrationError::TwoKeySets);
        }
        response.policy.check()?;
        Ok((response, verified))
    }
}
