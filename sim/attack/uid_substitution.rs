//! Attack 14: an insider's nonce with another uid than the token's, properly signed. Expected: refused.

use super::hand::{Hand, PROTECTED_TARGET};
use crate::{actor::Environment, protocol::Nonce};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let (uid, other) = (hand.draw_uid(), hand.draw_uid());
    let node = hand.settings.node;
    let Some(mut line) = hand.line().await else { return };
    let Some(issued) = hand.offer(&mut line, node, uid).await else { return };
    let binding = hand.binding(&line, "GET", PROTECTED_TARGET);
    let nonce = Nonce { uid: other, counter: 1 };
    let Some(token) = hand.countersign(&issued, nonce, binding, &hand.settings.key.clone()) else { return };
    hand.present(&mut Some(line), "a token whose nonce has another uid", token.text()).await;
}
