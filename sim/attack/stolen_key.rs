//! An agent's stolen key, used from elsewhere, again and again. Expected: accepted until the agent is revoked, and for
//! no longer than revocation takes (S7).

use super::hand::{Hand, PROTECTED_TARGET};
use crate::{actor::Environment, protocol::Nonce};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    const WHAT: &str = "a token of its own, countersigned with the stolen key";
    let Some(key) = hand.settings.stolen_key.clone() else { return };
    let uid = hand.draw_uid();
    let victim = hand.settings.victim;
    let Some(mut line) = hand.line().await else { return };
    let Some(issued) = hand.offer(&mut line, victim, uid).await else {
        hand.report("a first request in the victim's name, which brought no token", None);
        return;
    };
    let binding = hand.binding(&line, "GET", PROTECTED_TARGET);
    let Some(token) = hand.countersign(&issued, Nonce { uid, counter: 1 }, binding, &key) else { return };
    hand.present(&mut Some(line), WHAT, token.text()).await;
}
