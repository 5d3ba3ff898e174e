//! The agent's tokens: one per path to a server, in memory only (rules 5 and 10 to 14, hole 4).

use std::{collections::BTreeMap, time::Duration};

use rand_core::Rng;

use super::{IssuedToken, Nonce};
use crate::types::{Bug, Epoch, Jti, NodeId, Origin, Uid, WallTime};

/// The way to a server. Another origin of the same server is another path (rule 12).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ServerPath {
    /// The server.
    pub server: NodeId,
    /// Where it is reached.
    pub origin: Origin,
}

/// A token that has succeeded, and what is needed to use it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredToken {
    /// The three parts.
    pub token: IssuedToken,
    /// The epoch of the server that accepted it (hardened, hole 6).
    pub epoch: Option<Epoch>,
    /// When it was used last, by the agent's clock.
    pub last_used: WallTime,
}

/// All tokens of one agent since its start.
#[derive(Clone, Debug)]
pub struct TokenStorage {
    paths: BTreeMap<ServerPath, PathState>,
    counter_max: u64,
}

#[derive(Clone, Debug)]
struct PathState {
    uid: Uid,
    counter: u64,
    token: Option<StoredToken>,
}

/// What a sweep removed, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Swept {
    /// Its time was over.
    Expired(Jti),
    /// It was not used for too long.
    Idle(Jti),
}

impl TokenStorage {
    /// An empty storage. A uid is given up for a new one after `counter_max` uses, before a server's cap on
    /// jumps could lock its agent out.
    pub fn new(counter_max: u64) -> Self {
        Self { paths: BTreeMap::new(), counter_max }
    }

    /// The uid of a path, drawn at its first use.
    pub fn uid(&mut self, path: &ServerPath, rng: &mut dyn Rng) -> Uid {
        self.state(path, rng).uid
    }

    /// The uid of a path, if one was drawn. An answer never draws: the uid of its request must still be there.
    pub fn known_uid(&self, path: &ServerPath) -> Option<Uid> {
        self.find(path).map(|state| state.uid)
    }

    /// Raises the counter of a path's uid and returns the new nonce: one step, so that parallel connections never
    /// share a counter (hole 4). `None` if the path has another uid by now.
    pub fn next_nonce(&mut self, path: &ServerPath, uid: Uid) -> Option<Nonce> {
        let state = self.find_mut(path).filter(|state| state.uid == uid)?;
        let counter = state.counter.checked_add(1)?;
        if Bug::CounterRestarts.is_planted() {
            return Some(Nonce { uid, counter: 1 });
        }
        // A race has it written back when the exchange is over.
        if !Bug::CounterRace.is_planted() {
            state.counter = counter;
        }
        Some(Nonce { uid, counter })
    }

    /// Writes a counter back that was read before the exchange: only the planted race does so (hole 4).
    pub fn write_back(&mut self, path: &ServerPath, nonce: Nonce) {
        if let Some(state) = self.find_mut(path).filter(|state| state.uid == nonce.uid) {
            state.counter = nonce.counter;
        }
    }

    /// The stored token of a path, if it has not expired by the agent's clock (rule 10), and if its uid is not about
    /// to be given up.
    pub fn live(&self, path: &ServerPath, now: WallTime) -> Option<&StoredToken> {
        let state = self.find(path).filter(|state| state.counter < self.counter_max)?;
        let stored = state.token.as_ref()?;
        (now < stored.token.claims.exp.wall()).then_some(stored)
    }

    /// Notes that a token succeeded: a new one is stored (rules 5, 14), the stored one was used. Tells whether it is
    /// new. A slower parallel exchange must not put an older token back in place of a newer one, unless that is the one
    /// that it `replaces`, because its server refused it.
    pub fn succeeded(
        &mut self,
        path: &ServerPath,
        token: &IssuedToken,
        epoch: Option<Epoch>,
        replaces: Option<Jti>,
        now: WallTime,
    ) -> bool {
        let Some(state) = self.find_mut(path).filter(|state| state.uid == token.uid) else { return false };
        if let Some(stored) = &mut state.token {
            let claims = &stored.token.claims;
            if claims.jti == token.claims.jti {
                stored.last_used = now;
                return false;
            }
            if claims.exp > token.claims.exp && replaces != Some(claims.jti) {
                return false;
            }
        }
        state.token = Some(StoredToken { token: token.clone(), epoch, last_used: now });
        true
    }

    /// Drops the stored token of a path if it is the one named (rule 14). Tells whether it was.
    pub fn forget(&mut self, path: &ServerPath, jti: Jti) -> bool {
        let Some(state) = self.find_mut(path) else { return false };
        let is_the_one = state.token.as_ref().is_some_and(|stored| stored.token.claims.jti == jti);
        if is_the_one {
            state.token = None;
        }
        is_the_one
    }

    /// Drops everything about other paths to the server of `path`: its tokens are bound to the old way (rule 12).
    pub fn keep_only(&mut self, path: &ServerPath) -> Vec<Jti> {
        let mut dropped = Vec::new();
        self.paths.retain(|other, state| {
            let stays = other.server != path.server || other == path || Bug::TokenSentOnNewPath.is_planted();
            if !stays {
                dropped.extend(state.token.take().map(|stored| stored.token.claims.jti));
            }
            stays
        });
        dropped
    }

    /// Removes tokens that have expired or were not used for `idle` (rule 13).
    pub fn sweep(&mut self, now: WallTime, idle: Duration) -> Vec<(ServerPath, Swept)> {
        let mut swept = Vec::new();
        if Bug::SweepNeverRemoves.is_planted() {
            return swept;
        }
        for (path, state) in &mut self.paths {
            let Some(stored) = &state.token else { continue };
            let jti = stored.token.claims.jti;
            let reason = if now >= stored.token.claims.exp.wall() {
                Swept::Expired(jti)
            } else if now.since(stored.last_used) >= idle {
                Swept::Idle(jti)
            } else {
                continue;
            };
            state.token = None;
            swept.push((path.clone(), reason));
        }
        swept
    }

    fn find(&self, path: &ServerPath) -> Option<&PathState> {
        if Bug::TokenSentOnNewPath.is_planted() {
            return self.paths.iter().find(|(other, _)| other.server == path.server).map(|(_, state)| state);
        }
        self.paths.get(path)
    }

    fn find_mut(&mut self, path: &ServerPath) -> Option<&mut PathState> {
        if Bug::TokenSentOnNewPath.is_planted() {
            return self.paths.iter_mut().find(|(other, _)| other.server == path.server).map(|(_, state)| state);
        }
        self.paths.get_mut(path)
    }

    fn state(&mut self, path: &ServerPath, rng: &mut dyn Rng) -> &mut PathState {
        let counter_max = self.counter_max;
        let draw = |rng: &mut dyn Rng| {
            let mut bits = [0; 16];
            rng.fill_bytes(&mut bits);
            PathState { uid: Uid::from_bits(u128::from_be_bytes(bits)), counter: 0, token: None }
        };
        let way = |other: &&ServerPath| Bug::TokenSentOnNewPath.is_planted() && other.server == path.server;
        let path = self.paths.keys().find(way).unwrap_or(path).clone();
        let state = self.paths.entry(path).or_insert_with(|| draw(rng));
        if state.counter >= counter_max {
            *state = draw(rng);
        }
        state
    }
}
