//! Attack 13: an insider's counters that roll back, skip and jump. Expected: what is within the window and unused is
//! accepted, what was used or lies below is refused, and jumps are capped.

use super::hand::{Ask, Hand, PROTECTED_TARGET};
use crate::{actor::Environment, protocol::Nonce};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let uid = hand.draw_uid();
    let node = hand.settings.node;
    let Some(mut line) = hand.line().await else { return };
    let Some(issued) = hand.offer(&mut line, node, uid).await else { return };
    let window = u64::from(hand.settings.parameters.registry_window);
    let jump_max = hand.settings.parameters.counter_jump_max;
    let first = window + 10;
    let high = first.saturating_add(jump_max.min(3 * window));
    let tricks = [
        ("a first counter that skips some", first),
        ("the counter just used", first),
        ("a counter that was skipped, within the window", first - window / 2),
        ("the skipped counter, once more", first - window / 2),
        ("the lowest counter within the window", first + 1 - window),
        ("the highest counter below the window", first - window),
        ("counter 1", 1),
        ("counter 0", 0),
        ("a counter beyond the greatest jump", first.saturating_add(jump_max).saturating_add(1)),
        ("the greatest counter of all", u64::MAX),
        ("a counter after a jump that is allowed", high),
        ("a counter from before the jump", first.saturating_add(1)),
    ];
    let key = hand.settings.key.clone();
    for (what, counter) in tricks {
        // An accept authenticates the whole connection, so that each trick has a connection of its own.
        let Some(mut line) = hand.approach().await else { return };
        let binding = hand.binding(&line, "GET", PROTECTED_TARGET);
        let Some(token) = hand.countersign(&issued, Nonce { uid, counter }, binding, &key) else { return };
        hand.attempt(&mut line, what, Ask::get(PROTECTED_TARGET).with_token(token.text())).await;
    }
}
