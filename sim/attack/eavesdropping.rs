//! Attack 20: somebody who reads everything on plain connections. Expected: batch answers cannot be read; tokens on
//! their way can, and can be stolen (attack 11).

use super::{Direction, Fate, Interceptor, Message, Passing, SharedLoot};
use crate::{
    event::EventKind,
    protocol::{ClientTokensResponse, IssuedToken},
    types::locked,
};

/// Reads, and says what it could read.
pub struct Eavesdropper {
    loot: SharedLoot,
}

impl Eavesdropper {
    pub fn new(loot: SharedLoot) -> Self {
        Self { loot }
    }
}

impl Interceptor for Eavesdropper {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        let Some(message) = Message::parse(passing.bytes) else { return Fate::Pass };
        locked(&self.loot).keep(passing, false);
        if let Some(what) = heard(passing.direction, &message) {
            (passing.report)(EventKind::Overheard { connection: passing.connection, what: what.to_owned() });
        }
        Fate::Pass
    }
}

fn heard(direction: Direction, message: &Message) -> Option<&'static str> {
    if message.presented().is_some() {
        return Some("a token on its way to a server");
    }
    if message.challenge().is_some_and(|challenge| challenge.token.is_some()) {
        return Some("a token offered to an agent");
    }
    if direction == Direction::Request || message.header("signature").is_none() {
        return None;
    }
    if holds_token(&message.body) || serde_json::from_slice::<ClientTokensResponse>(&message.body).is_ok() {
        return Some("a token in a batch answer");
    }
    is_encrypted(&message.body).then_some("a batch answer that cannot be read")
}

/// Whether three base64url parts that are a token stand anywhere in a body.
fn holds_token(body: &[u8]) -> bool {
    let is_token_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let words = body.split(|byte| !is_token_byte(byte)).filter_map(|word| std::str::from_utf8(word).ok());
    words.into_iter().any(|word| IssuedToken::parse(word).is_some())
}

/// Whether a body is a JWE in its compact form.
fn is_encrypted(body: &[u8]) -> bool {
    !body.contains(&b'{') && body.iter().filter(|byte| **byte == b'.').count() == 4
}
