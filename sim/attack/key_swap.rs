//! Attack 30: other keys in the answer to a registration. Expected: the node trusts the pinned key only, and registers
//! again until nobody interferes.

use std::{collections::BTreeSet, sync::Arc};

use http::Method;

use super::{AttackerSettings, Direction, Fate, Interceptor, Message, Passing, pace::Pace, tampered_batch::sign_anew};
use crate::{
    crypto::{Engine, PrivateKey},
    event::EventKind,
    protocol::{REGISTER_PATH, RegisterResponse, ServerKeys},
    types::ConnectionId,
};

/// Puts its own key among the server keys, or in their place.
pub struct KeySwapper {
    pace: Pace,
    key: PrivateKey,
    engine: Arc<Engine>,
    registrations: BTreeSet<ConnectionId>,
}

impl KeySwapper {
    pub fn new(settings: &AttackerSettings, engine: &Arc<Engine>) -> Self {
        Self {
            pace: Pace::new(settings.plan.interval_ms),
            key: settings.key.clone(),
            engine: Arc::clone(engine),
            registrations: BTreeSet::new(),
        }
    }

    fn swapped(&self, strike: u64, message: &Message) -> Option<(&'static str, Message)> {
        let mut message = message.clone();
        let mut answer: RegisterResponse = serde_json::from_slice(&message.body).ok()?;
        let own = self.key.public().clone();
        let keys: ServerKeys = match strike % 3 {
            2 => answer.jwks.iter().cloned().chain([own]).collect(),
            _ => [own].into_iter().collect(),
        };
        answer.jwks = keys.clone();
        answer.policy.jwks = keys;
        message.body = answer.encode();
        let what = match strike % 3 {
            0 => "put its own key in the place of the server keys and signed with it",
            1 => {
                return Some(("put its own key in the place of the server keys under the old signature", message));
            }
            _ => "put its own key beside the server keys and signed with it",
        };
        sign_anew(&mut message, &Method::POST, REGISTER_PATH, &self.key, &self.engine)?;
        Some((what, message))
    }
}

impl Interceptor for KeySwapper {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        let Some(message) = Message::parse(passing.bytes) else { return Fate::Pass };
        let connection = passing.connection;
        if passing.direction == Direction::Request {
            if message.target() == Some(REGISTER_PATH) {
                self.registrations.insert(connection);
            }
            return Fate::Pass;
        }
        let is_answer = self.registrations.remove(&connection);
        if !is_answer || message.status() != Some(200) || !self.pace.is_due(passing.now) {
            return Fate::Pass;
        }
        let strike = self.pace.strike(passing.now);
        let Some((what, swapped)) = self.swapped(strike, &message) else { return Fate::Pass };
        (passing.report)(EventKind::Intercepted { connection, what: what.to_owned() });
        Fate::Replace(swapped.to_bytes())
    }
}
