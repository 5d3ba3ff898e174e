//! Attack 11 with nothing changed: a whole request that is taken off the line, and sent on by the thief. Expected: over
//! plain HTTP the thief gets the answer in its victim's place, once, in both profiles; that much is conceded (SPEC
//! section 2). Over TLS there is nothing to take.

use super::hand::{Ask, Hand};
use crate::{actor::Environment, types::locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    loop {
        let stolen = locked(&hand.loot).next_taken();
        let Some(stolen) = stolen else { return };
        let message = &stolen.message;
        let (Some(token), Some(target), Some(method)) = (message.presented(), message.target(), message.method())
        else {
            continue;
        };
        // Once, and once more: the second time the counter is used.
        for what in ["a stolen request, as it was", "a stolen request, as it was, once more"] {
            let mut ask = Ask::get(target).with_token(token);
            ask.method = method.clone();
            ask.body.clone_from(&message.body);
            hand.tell(&mut None, what, ask).await;
        }
    }
}
