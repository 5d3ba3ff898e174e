//! The agent's side of an authentication (rules 2, 4 to 7, 10, 12 to 15; holes 6, 7, 11 and 14; attack 15).

use std::{collections::BTreeSet, time::Duration};

use rand_core::Rng;

use super::{
    Binding, CountersignedToken, IssuedToken, RequestFacts, ServerKeys, ServerPath, StoredToken, Swept, TokenChallenge,
    TokenStorage,
};
use crate::{
    crypto::{Engine, KeyError, PrivateKey},
    types::{Bug, Epoch, Jti, NodeId, Parameters, Profile, Uid, WallTime},
};
use thiserror::Error;

/// An agent: its key, the server keys that it trusts and its tokens.
#[derive(Debug)]
pub struct Agent {
    node: NodeId,
    key: PrivateKey,
    profile: Profile,
    /// The server keys from registration and policy.
    pub server_keys: ServerKeys,
    /// Servers that show the hardened face, by policy or by their own challenge.
    hardened_servers: BTreeSet<NodeId>,
    storage: TokenStorage,
    token_bytes_max: usize,
    idle: Duration,
}

/// What an agent sends to authenticate a request.
#[derive(Clone, Debug)]
pub enum Authorization {
    /// It has no token for this path: a first request.
    First {
        /// The uid that it wants the token for.
        uid: Uid,
    },
    /// A token, countersigned.
    Token {
        /// All five parts.
        token: Box<CountersignedToken>,
        /// The epoch to which it is bound.
        epoch: Option<Epoch>,
        /// Whether it came from the storage (rule 10).
        was_stored: bool,
    },
}

/// Why an agent does not answer a challenge. No five-part token leaves it then (rule 6).
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Declined {
    /// The token is too large, or not of the wire's form.
    #[error("the offered token is no well-formed three-part token")]
    Syntax,
    /// No trusted key has the token's `kid`.
    #[error("the offered token is signed by a server key that is not known")]
    UnknownServerKey,
    /// The server signature does not fit (rule 6, first check).
    #[error("the server signature of the offered token does not fit")]
    BadServerSignature,
    /// The token is for another uid or agent (rule 6, attack 15).
    #[error("the offered token is for another agent or uid than the request")]
    ForeignUid,
    /// The token is for another server (hardened, hole 11).
    #[error("the offered token is for another server")]
    WrongAudience,
    /// The challenge names no epoch to bind to (hardened, hole 6).
    #[error("the challenge names no epoch")]
    NoEpoch,
    /// The agent's own key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Agent {
    /// An agent that has just started: its storage is empty (rule 11).
    pub fn new(
        node: NodeId,
        key: PrivateKey,
        profile: Profile,
        parameters: &Parameters,
        server_keys: ServerKeys,
    ) -> Self {
        Self {
            node,
            key,
            profile,
            server_keys,
            hardened_servers: BTreeSet::new(),
            storage: TokenStorage::new(parameters.counter_jump_max),
            token_bytes_max: parameters.caps.token_bytes as usize,
            idle: Duration::from_secs(parameters.agent_idle_s),
        }
    }

    /// The agent's identity.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The agent's key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Notes which face a server shows, by policy. A hardened agent that knows a server to be hardened binds every token
    /// for it, and takes no offer that it could not bind; nobody in between can talk it out of that.
    pub fn server_is(&mut self, server: NodeId, profile: Profile) {
        if profile.binds_request() {
            self.hardened_servers.insert(server);
        } else {
            self.hardened_servers.remove(&server);
        }
    }

    /// Whether tokens for a server are bound to their requests.
    pub fn binds_for(&self, server: NodeId) -> bool {
        self.profile.binds_request() && self.hardened_servers.contains(&server)
    }

    /// A copy of its tokens and counters.
    pub fn tokens(&self) -> TokenStorage {
        self.storage.clone()
    }

    /// Goes back to an earlier copy of its tokens and counters (hole 7).
    pub fn roll_back(&mut self, tokens: TokenStorage) {
        self.storage = tokens;
    }

    /// Signs with another key from now on (hole 14).
    pub fn change_key(&mut self, key: PrivateKey) {
        self.key = key;
    }

    /// The live stored token of a path.
    pub fn stored(&self, path: &ServerPath, now: WallTime) -> Option<&StoredToken> {
        self.storage.live(path, now)
    }

    /// What goes up front with a request: the stored token if there is a live one (rule 10), else a first request.
    ///
    /// # Errors
    /// If the agent's key cannot sign.
    pub fn authorize(
        &mut self,
        path: &ServerPath,
        request: &RequestFacts<'_>,
        now: WallTime,
        engine: &Engine,
        rng: &mut dyn Rng,
    ) -> Result<Authorization, KeyError> {
        let uid = self.storage.uid(path, rng);
        let Some(stored) = self.storage.live(path, now).cloned() else { return Ok(Authorization::First { uid }) };
        match self.countersign(path, &stored.token, stored.epoch, request, engine)? {
            Some(token) => Ok(Authorization::Token { token: Box::new(token), epoch: stored.epoch, was_stored: true }),
            None => Ok(Authorization::First { uid }),
        }
    }

    /// What a fresh attempt asks with after a challenge that offered no token.
    pub fn ask_anew(&mut self, path: &ServerPath, rng: &mut dyn Rng) -> Authorization {
        Authorization::First { uid: self.storage.uid(path, rng) }
    }

    /// Answers a challenge that offers a token: server signature first, then the uid (rule 6), then counter,
    /// nonce and signature (rule 7).
    ///
    /// # Errors
    /// Why the agent does not trust the offer.
    pub fn answer(
        &mut self,
        path: &ServerPath,
        challenge: &TokenChallenge<'_>,
        request: &RequestFacts<'_>,
        engine: &Engine,
    ) -> Result<Authorization, Declined> {
        let text = challenge.token.filter(|text| text.len() <= self.token_bytes_max).ok_or(Declined::Syntax)?;
        engine.count_parse();
        let token = IssuedToken::parse(text).ok_or(Declined::Syntax)?;
        let server_key = self.server_keys.get(token.kid).ok_or(Declined::UnknownServerKey)?;
        if !token.is_signed_by(server_key, engine) {
            return Err(Declined::BadServerSignature);
        }
        if Some(token.uid) != self.storage.known_uid(path) || token.claims.sub != self.node {
            return Err(Declined::ForeignUid);
        }
        if self.profile.checks_audience() && token.claims.aud != path.origin {
            return Err(Declined::WrongAudience);
        }
        match challenge.epoch {
            // A server that was hardened after the latest policy.
            Some(_) if self.profile.binds_epoch() => drop(self.hardened_servers.insert(path.server)),
            None if self.binds_for(path.server) => return Err(Declined::NoEpoch),
            _ => {}
        }
        let token = self.countersign(path, &token, challenge.epoch, request, engine)?.ok_or(Declined::ForeignUid)?;
        Ok(Authorization::Token { token: Box::new(token), epoch: challenge.epoch, was_stored: false })
    }

    /// Notes that a token succeeded: a new one is stored only now (rules 5, 14), also in place of the one that it
    /// `replaces` because the server refused that. Tells whether it is new.
    pub fn succeeded(
        &mut self,
        path: &ServerPath,
        token: &CountersignedToken,
        epoch: Option<Epoch>,
        replaces: Option<Jti>,
        now: WallTime,
    ) -> bool {
        if Bug::CounterRace.is_planted() {
            self.storage.write_back(path, token.nonce);
        }
        self.storage.succeeded(path, &token.issued, epoch, replaces, now)
    }

    /// Notes that 403 came back on a token: a stored one is dropped (rule 14). Tells whether it was stored.
    pub fn forbidden(&mut self, path: &ServerPath, jti: Jti) -> bool {
        !Bug::ForbiddenTokenKept.is_planted() && self.storage.forget(path, jti)
    }

    /// Notes that the path to a server is now this one; tokens for others are dropped (rule 12).
    pub fn path_is(&mut self, path: &ServerPath) -> Vec<Jti> {
        self.storage.keep_only(path)
    }

    /// Removes tokens that have expired or have long been idle (rule 13).
    pub fn sweep(&mut self, now: WallTime) -> Vec<(ServerPath, Swept)> {
        self.storage.sweep(now, self.idle)
    }

    fn countersign(
        &mut self,
        path: &ServerPath,
        token: &IssuedToken,
        epoch: Option<Epoch>,
        request: &RequestFacts<'_>,
        engine: &Engine,
    ) -> Result<Option<CountersignedToken>, KeyError> {
        let Some(nonce) = self.storage.next_nonce(path, token.uid) else { return Ok(None) };
        let binding = match epoch {
            Some(epoch) if self.profile.binds_request() => Some(Binding::to(request, path.origin.clone(), epoch)),
            _ => None,
        };
        CountersignedToken::sign(token, nonce, binding, &self.key, engine).map(Some)
    }
}
