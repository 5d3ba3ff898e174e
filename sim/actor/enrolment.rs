//! How a node comes to its policy and server keys: registration and policy, both signed both ways (rule 43).

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use thiserror::Error;

use super::{
    Environment, HttpConnection,
    figure::count,
    http::{ExchangeError, RequestHead},
};
use crate::{
    crypto::{Engine, KeyError, PrivateKey},
    event::{Carried, EventKind},
    protocol::{
        Answered, IssuerTime, MessageError, NodeKind, POLICY_PATH, Policy, PolicyError, REGISTER_PATH, RegisterRequest,
        RegisterResponse, RegistrationError, RequestTarget, ServerKeys, SignedHeaders, VerifiedMessage, sign_request,
        verify_response,
    },
    types::{ActorId, MessageNonce, NodeId, Origin, Parameters, Profile, Thumbprint, VirtualTime, locked},
};

/// A node that talks to its SMP in its own name.
#[derive(Debug)]
pub struct Enrolment<'a, E> {
    pub environment: &'a Arc<E>,
    pub engine: &'a Engine,
    pub parameters: &'a Parameters,
    pub node: NodeId,
    pub key: &'a PrivateKey,
    pub smp: &'a Origin,
    pub issuer_time: &'a Mutex<IssuerTime>,
}

/// Why there is no policy.
#[derive(Debug, Error)]
pub enum EnrolmentError {
    /// No answer.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// An answer other than 200.
    #[error("the SMP answered {0}")]
    Status(StatusCode),
    /// The answer is not trusted.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The registration's answer is not trusted or not understood.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// The policy is not understood.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The node's own key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl EnrolmentError {
    /// Whether the SMP knows the node no more, or never did.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Status(StatusCode::FORBIDDEN))
    }
}

impl<E: Environment> Enrolment<'_, E> {
    /// Registers the node; trusts the answer of the key that was `pinned` at installation only (attack 30).
    ///
    /// # Errors
    /// Why there is no policy.
    pub async fn register(
        &self,
        kind: NodeKind,
        origin: Option<Origin>,
        profile: Profile,
        pinned: Thumbprint,
        nonce: MessageNonce,
    ) -> Result<Policy, EnrolmentError> {
        let request = RegisterRequest { id: self.node, kind, public_key: self.key.public().clone(), origin, profile };
        let target = RequestTarget::new(&Method::POST, REGISTER_PATH)?;
        let asked = self.environment.now();
        let (status, headers, body) = self.ask(target, Method::POST, REGISTER_PATH, request.encode(), nonce).await?;
        let answered = Answered { target, nonce };
        let (RegisterResponse { policy, .. }, verified) =
            RegisterResponse::verify(status, &body, &headers, answered, pinned, self.body_bytes_max(), self.engine)?;
        self.learn_time(verified, asked);
        self.environment.record(EventKind::Registered { keys: count(policy.jwks.len()) });
        Ok(policy)
    }

    /// Fetches policy; trusts the keys that the node knows.
    ///
    /// # Errors
    /// Why there is no policy.
    pub async fn fetch_policy(&self, server_keys: &ServerKeys, nonce: MessageNonce) -> Result<Policy, EnrolmentError> {
        let target = RequestTarget::new(&Method::GET, POLICY_PATH)?;
        let asked = self.environment.now();
        let (status, headers, body) = self.ask(target, Method::GET, POLICY_PATH, Vec::new(), nonce).await?;
        let key_for = |kid| server_keys.get(kid).cloned();
        let verified = verify_response(status, &body, &headers, Answered { target, nonce }, key_for, self.engine)?;
        self.learn_time(verified, asked);
        let policy = Policy::decode(&body, self.body_bytes_max())?;
        let keys = count(policy.jwks.len());
        self.environment.record(EventKind::PolicyReceived { version: policy.version, keys });
        Ok(policy)
    }

    async fn ask(
        &self,
        target: RequestTarget<'_>,
        method: Method,
        path: &str,
        body: Vec<u8>,
        nonce: MessageNonce,
    ) -> Result<(StatusCode, HeaderMap, Bytes), EnrolmentError> {
        let created = self.environment.wall().seconds();
        let signed = sign_request(target, &body, created, nonce, self.key, self.engine)?;
        let Parameters { caps, .. } = self.parameters;
        let mut connection =
            HttpConnection::open(self.environment, ActorId::Smp, self.smp, self.parameters.connect_timeout(), caps)
                .await?;
        let head = signed_head(method, path, signed);
        let patience = self.parameters.exchange_timeout();
        let (_, response) = connection.exchange(head, body.into(), patience, caps.batch_response_bytes).await?;
        let (head, body) = response.into_parts();
        match head.status {
            StatusCode::OK => Ok((head.status, head.headers, body)),
            status => Err(EnrolmentError::Status(status)),
        }
    }

    fn learn_time(&self, verified: VerifiedMessage, asked: VirtualTime) {
        locked(self.issuer_time).learn(verified.created, asked, self.environment.now());
    }

    fn body_bytes_max(&self) -> usize {
        self.parameters.caps.batch_response_bytes as usize
    }
}

/// The head of a signed request.
pub fn signed_head(method: Method, target: &str, signed: SignedHeaders) -> RequestHead<'_> {
    let mut headers = HeaderMap::new();
    signed.write_to(&mut headers);
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
    RequestHead { method, target, headers, carries: Carried::Signature }
}
