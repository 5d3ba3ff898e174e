//! Attack 11: a five-part token that is taken off the line before it arrives, and presented with a request of the
//! thief's own. Expected: literal serves the thief; hardened refuses, since the token is bound to its own request.

use http::Method;

use super::{
    Direction, Fate, Interceptor, Message, Passing, SharedLoot,
    hand::{Ask, Hand, THIEF_TARGET},
    pace::Pace,
};
use crate::{actor::Environment, event::EventKind, types::locked};

/// Takes requests with tokens off the line.
pub struct Thief {
    pace: Pace,
    loot: SharedLoot,
}

impl Thief {
    pub fn new(interval_ms: u64, loot: SharedLoot) -> Self {
        Self { pace: Pace::new(interval_ms), loot }
    }
}

impl Interceptor for Thief {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        let is_token = || Message::parse(passing.bytes).is_some_and(|message| message.presented().is_some());
        if passing.direction != Direction::Request || !self.pace.is_due(passing.now) || !is_token() {
            return Fate::Pass;
        }
        self.pace.strike(passing.now);
        locked(&self.loot).keep(passing, true);
        let what = "took a request with a token off the line".to_owned();
        (passing.report)(EventKind::Intercepted { connection: passing.connection, what });
        Fate::Drop
    }
}

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    loop {
        let stolen = locked(&hand.loot).next_taken();
        let Some(stolen) = stolen else { return };
        let Some(token) = stolen.message.presented() else { continue };
        let mut ask = Ask::get(THIEF_TARGET).with_token(token);
        // Every other request goes further: a request that changes something.
        if hand.round.is_multiple_of(2) {
            ask.method = Method::POST;
            ask.body = b"what the thief wants done".to_vec();
        }
        hand.tell(&mut None, "a stolen, unused token with a request of the thief's own", ask).await;
    }
}
