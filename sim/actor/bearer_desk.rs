//! How bearer tokens get to those who use them: an administrator hands them out, by no way of this protocol.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::{
    protocol::BearerToken,
    types::{BearerKind, locked},
};

/// Where the tokens of the day lie, one of each kind.
#[derive(Clone, Debug, Default)]
pub struct BearerDesk {
    tokens: Arc<Mutex<BTreeMap<BearerKind, BearerToken>>>,
}

impl BearerDesk {
    /// Hands a token out, in place of the one before.
    pub fn hand_out(&self, token: BearerToken) {
        locked(&self.tokens).insert(token.kind, token);
    }

    /// The token that was handed out last. That it was revoked since, nobody is told.
    pub fn token(&self, kind: BearerKind) -> Option<BearerToken> {
        locked(&self.tokens).get(&kind).cloned()
    }
}
