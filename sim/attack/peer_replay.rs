//! Rule 50: a response to a peer's challenge that was overheard. Expected: it is good for nothing. Sent again it meets a
//! challenge that is gone; under a new challenge the old hash does not fit; and without the fleet's key nobody makes another.

use http::header::WWW_AUTHENTICATE;
use rand_core::Rng;

use super::{
    Direction, Fate, Interceptor, Message, Passing, SharedLoot,
    hand::{Ask, Hand},
};
use crate::{
    actor::Environment,
    event::{Carried, EventKind},
    plan::Plan,
    protocol::{KmsKey, PeerCredentials},
    types::locked,
};

/// Reads responses in what passes, and changes nothing.
pub struct Reader {
    loot: SharedLoot,
}

impl Reader {
    /// Keeps the latest as loot.
    pub fn new(loot: SharedLoot) -> Self {
        Self { loot }
    }
}

impl Interceptor for Reader {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        let message = Message::parse(passing.bytes).filter(|_| passing.direction == Direction::Request);
        let read = message.as_ref().and_then(|message| {
            Some((message.target()?.to_owned(), PeerCredentials::parse(message.header("authorization")?)?))
        });
        if let Some(read) = read {
            locked(&self.loot).peer_response = Some(read);
            let what = "a response to a peer's challenge".to_owned();
            (passing.report)(EventKind::Overheard { connection: passing.connection, what });
        }
        Fate::Pass
    }
}

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let Some((target, stolen)) = locked(&hand.loot).peer_response.clone() else { return };
    let Some(mut line) = hand.line().await else { return };
    let ask =
        |credentials: &PeerCredentials| Ask::get(&target).authorized(&credentials.to_value(), Carried::PeerResponse);
    let answer = hand.attempt(&mut line, "a peer's response that was overheard", ask(&stolen)).await;
    // The refusal brings a challenge of the attacker's own.
    let values = answer.iter().flat_map(|answer| answer.headers().get_all(WWW_AUTHENTICATE));
    let offered: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    let mut key = [0; 32];
    hand.rng.fill_bytes(&mut key);
    let peer = Plan::node_of(hand.settings.plan.server);
    let made = PeerCredentials::answer(&offered, &KmsKey::new(key), stolen.peer, peer, &target);
    let Some(made) = made else { return };
    let spliced = PeerCredentials { response: stolen.response.clone(), ..made.clone() };
    hand.attempt(&mut line, "an old response under a new challenge", ask(&spliced)).await;
    hand.attempt(&mut line, "a response by another key", ask(&made)).await;
}
