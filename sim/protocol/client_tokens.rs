//! The batch request by which a site server gets tokens, and its answer (rules 31, 33, 34, 40; attacks 19 and 20).

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
};

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    BodyError, body,
    jwe::{self, JweError},
};
use crate::{
    crypto::{Engine, PrivateKey, PublicKey},
    types::{Bug, NodeId, Uid},
};

/// Where site servers ask for tokens, with POST. Request and response are signed.
pub const CLIENT_TOKENS_PATH: &str = "/NS/Agent/GetClientTokens.aspx";

/// Whom a token is for: an agent, during one of its starts. Clones of one machine differ by the uid (hole 15).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The agent.
    pub agent: NodeId,
    /// The number that it drew for the path to the site.
    pub uid: Uid,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agent {} with uid {}", self.agent, self.uid)
    }
}

/// What a site server asks for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTokensRequest {
    /// The site server, the audience of the tokens.
    pub site: NodeId,
    /// Whom it needs tokens for.
    pub agents: Vec<Holder>,
}

/// What a site server gets.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTokensResponse {
    /// One entry for each (agent, uid) of the request, in any order.
    pub tokens: Vec<Answer>,
}

/// The answer for one (agent, uid).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "WireAnswer", into = "WireAnswer")]
pub struct Answer {
    /// Whom it is for.
    pub holder: Holder,
    /// The token, or why there is none.
    pub result: Result<ClientToken, IssueError>,
}

/// A token and the key by which the site server will know its agent (rule 44).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientToken {
    /// The token's three parts, as text.
    pub token: String,
    /// The agent's public key.
    pub agent_key: PublicKey,
}

/// Why the SMP issues no token to an agent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueError {
    /// No agent of this id is registered.
    #[error("the agent is unknown to the issuer: it must register first")]
    UnknownAgent,
    /// An administrator has revoked the agent.
    #[error("the agent is revoked")]
    AgentRevoked,
}

/// Why a batch request or its answer is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ClientTokensError {
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The encrypted answer cannot be made or opened (rule 34).
    #[error(transparent)]
    Jwe(#[from] JweError),
    /// A request for nobody or for too many (rule 40).
    #[error("the request names {found} agents, expected 1 to {max}")]
    BatchSize {
        /// How many it names.
        found: usize,
        /// The most that one request may name.
        max: u32,
    },
    /// A request that names somebody twice.
    #[error("the request names {0} twice")]
    Repeated(Holder),
    /// An answer that leaves somebody out.
    #[error("the answer lacks an entry for {0}")]
    Missing(Holder),
    /// An answer for somebody that was not asked for.
    #[error("the answer has an entry for {0}, which was not asked for")]
    Foreign(Holder),
    /// An answer with two entries for somebody.
    #[error("the answer has two entries for {0}")]
    Doubled(Holder),
}

impl ClientTokensRequest {
    /// A request for 1 to `batch_size_max` tokens.
    ///
    /// # Errors
    /// If there are none or more, or somebody is named twice.
    pub fn new(site: NodeId, agents: Vec<Holder>, batch_size_max: u32) -> Result<Self, ClientTokensError> {
        let request = Self { site, agents };
        request.check(batch_size_max)?;
        Ok(request)
    }

    /// The request's body.
    pub fn encode(&self) -> Vec<u8> {
        body::encode(self)
    }

    /// Reads a request's body of at most `max_bytes` bytes.
    ///
    /// # Errors
    /// If it is too large or malformed, or breaks the rules of [`ClientTokensRequest::new`].
    pub fn decode(body: &[u8], max_bytes: usize, batch_size_max: u32) -> Result<Self, ClientTokensError> {
        let request: Self = body::decode(body, max_bytes)?;
        request.check(batch_size_max)?;
        Ok(request)
    }

    fn check(&self, max: u32) -> Result<(), ClientTokensError> {
        let found = self.agents.len();
        if found == 0 || u32::try_from(found).map_or(true, |found| found > max) {
            return Err(ClientTokensError::BatchSize { found, max });
        }
        let mut seen = BTreeSet::new();
        match self.agents.iter().find(|holder| !seen.insert(**holder)) {
            Some(holder) => Err(ClientTokensError::Repeated(*holder)),
            None => Ok(()),
        }
    }
}

impl ClientTokensResponse {
    /// The body of the answer, of at most `max_bytes` bytes: plain JSON over TLS, encrypted to the site server's key
    /// over plain HTTP (rule 34, attack 20). Sign the body as it is returned.
    ///
    /// # Errors
    /// If the body would be too large, or the site's key cannot be used.
    pub fn seal(
        &self,
        secure: bool,
        recipient: &PublicKey,
        max_bytes: usize,
        engine: &Engine,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, ClientTokensError> {
        let json = body::encode(self);
        let sealed = if secure { json } else { jwe::seal(&json, recipient, engine, rng)?.into_bytes() };
        body::check_size(&sealed, max_bytes)?;
        Ok(sealed)
    }

    /// Reads the body of an answer, of at most `max_bytes` bytes as it arrived. Verify its signature first.
    ///
    /// What should be encrypted is not accepted in the clear, nor the other way round.
    ///
    /// # Errors
    /// If the body is too large, does not open with the site server's key, or is malformed.
    pub fn open(
        sealed: &[u8],
        secure: bool,
        key: &PrivateKey,
        max_bytes: usize,
        engine: &Engine,
    ) -> Result<Self, ClientTokensError> {
        if secure {
            return Ok(body::decode(sealed, max_bytes)?);
        }
        body::check_size(sealed, max_bytes)?;
        let compact = std::str::from_utf8(sealed).map_err(|_| BodyError::NotText)?;
        Ok(body::decode(&jwe::open(compact, key, engine)?, max_bytes)?)
    }

    /// The answers in the order of the request, whatever order they came in.
    ///
    /// # Errors
    /// If the entries are not exactly one for each (agent, uid) of the request (attack 19).
    pub fn matched(self, request: &ClientTokensRequest) -> Result<Vec<Answer>, ClientTokensError> {
        if Bug::BatchOrderTrusted.is_planted() {
            let in_order = request.agents.iter().zip(self.tokens);
            return Ok(in_order.map(|(&holder, answer)| Answer { holder, ..answer }).collect());
        }
        let asked: BTreeSet<Holder> = request.agents.iter().copied().collect();
        let mut by_holder = BTreeMap::new();
        for answer in self.tokens {
            let holder = answer.holder;
            if !asked.contains(&holder) {
                return Err(ClientTokensError::Foreign(holder));
            }
            match by_holder.entry(holder) {
                Entry::Occupied(_) => return Err(ClientTokensError::Doubled(holder)),
                Entry::Vacant(free) => free.insert(answer),
            };
        }
        let in_order = request.agents.iter();
        in_order.map(|holder| by_holder.remove(holder).ok_or(ClientTokensError::Missing(*holder))).collect()
    }
}

/// An [`Answer`] as it stands on the wire: with a token and a key, or with an error.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAnswer {
    agent: NodeId,
    uid: Uid,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    agent_key: Option<body::JwkMember>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "body::present")]
    error: Option<IssueError>,
}

impl From<Answer> for WireAnswer {
    fn from(Answer { holder: Holder { agent, uid }, result }: Answer) -> Self {
        match result {
            Ok(ClientToken { token, agent_key }) => {
                Self { agent, uid, token: Some(token), agent_key: Some(body::JwkMember(agent_key)), error: None }
            }
            Err(error) => Self { agent, uid, token: None, agent_key: None, error: Some(error) },
        }
    }
}

impl TryFrom<WireAnswer> for Answer {
    type Error = String;

    fn try_from(wire: WireAnswer) -> Result<Self, Self::Error> {
        let holder = Holder { agent: wire.agent, uid: wire.uid };
        let result = match (wire.token, wire.agent_key, wire.error) {
            (Some(token), Some(body::JwkMember(agent_key)), None) => Ok(ClientToken { token, agent_key }),
            (None, None, Some(error)) => Err(error),
            _ => return Err(format!("expected `token` and `agent_key`, or `error`, in the entry for {holder}")),
        };
        Ok(Self { holder, result })
    }
}
