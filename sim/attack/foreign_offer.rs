//! Attack 15: on the way back, a challenge whose token is for somebody else. Expected: the agent stops.
//!
//! Anybody gets genuine tokens for any name and uid, the victim's own uid included, which the first request tells.

use std::collections::BTreeMap;

use super::{Direction, Fate, Interceptor, Message, Passing, SharedLoot, hand::Hand, pace::Pace};
use crate::{
    actor::Environment,
    event::EventKind,
    plan::Plan,
    protocol::{Credentials, IssuedToken, TokenChallenge},
    types::{ActorId, ConnectionId, NodeId, Uid, locked},
};

/// Puts other tokens into challenges.
pub struct Swapper {
    pace: Pace,
    loot: SharedLoot,
    asked: BTreeMap<ConnectionId, (NodeId, Uid)>,
}

impl Swapper {
    pub fn new(interval_ms: u64, loot: SharedLoot) -> Self {
        Self { pace: Pace::new(interval_ms), loot, asked: BTreeMap::new() }
    }
}

impl Interceptor for Swapper {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        let Some(mut message) = Message::parse(passing.bytes) else { return Fate::Pass };
        if passing.direction == Direction::Request {
            self.asked.remove(&passing.connection);
            if let Some(Credentials::First { agent, uid }) = message.credentials() {
                self.asked.insert(passing.connection, (agent, uid));
                locked(&self.loot).victim_uid = Some(uid);
            }
            return Fate::Pass;
        }
        let Some(asked) = self.asked.remove(&passing.connection) else { return Fate::Pass };
        let is_foreign =
            |offer: &String| IssuedToken::parse(offer).is_some_and(|token| (token.claims.sub, token.uid) != asked);
        let Some(challenge) = message.challenge().filter(|_| self.pace.is_due(passing.now)) else { return Fate::Pass };
        let offers = locked(&self.loot).own_offers.clone();
        let Some(offer) = offers.iter().rev().find(|offer| is_foreign(offer)) else { return Fate::Pass };
        let value = TokenChallenge { token: Some(offer), ..challenge }.to_value();
        self.pace.strike(passing.now);
        message.set_header("www-authenticate", value);
        let what = "put a token for somebody else into a challenge".to_owned();
        (passing.report)(EventKind::Intercepted { connection: passing.connection, what });
        Fate::Replace(message.to_bytes())
    }
}

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let victim_uid = locked(&hand.loot).victim_uid;
    let others = (1..=hand.settings.agents).map(|number| Plan::node_of(ActorId::Agent(number)));
    let bystander = others.into_iter().find(|node| *node != hand.settings.victim);
    // In turn a token for the victim with another uid, and one for another agent with the victim's uid.
    let (what, agent, uid) = match (hand.round % 2, victim_uid, bystander) {
        (1, Some(uid), Some(bystander)) => ("a token in another agent's name, for the victim's uid", bystander, uid),
        _ => ("a token in the victim's name, for another uid", hand.settings.victim, hand.draw_uid()),
    };
    let Some(mut line) = hand.line().await else { return };
    let offer = hand.offer(&mut line, agent, uid).await;
    hand.report(what, offer.is_some().then_some(401));
    let mut loot = locked(&hand.loot);
    loot.own_offers.extend(offer.map(|offer| offer.text().to_owned()));
    // Only the newest of each kind is of use.
    let surplus = loot.own_offers.len().saturating_sub(2);
    loot.own_offers.drain(..surplus);
}
