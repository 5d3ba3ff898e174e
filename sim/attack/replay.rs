//! Attack 9: a captured token, presented again to the same server. Expected: refused; literal takes it once more after
//! it has lost its registry.
//!
//! New tokens are presented at once, and old ones for as long as they may live, so that a restart or a purge with a
//! clock that is set back does not go by unnoticed. Only tokens whose use was seen to be served: one that got lost on its
//! way is unused, and over plain HTTP good for the very same request once (SPEC section 2, attack 11).

use super::hand::Hand;
use crate::{actor::Environment, types::locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let mut tokens = locked(&hand.loot).tokens();
    tokens.retain(|captured| captured.was_served);
    let half = hand.round / 2;
    // The newest and the oldest in turn; the oldest one after the other, since some have expired.
    let (what, captured) = if hand.round.is_multiple_of(2) {
        ("the token captured last, once more", tokens.last())
    } else {
        let position = half.checked_rem(u64::try_from(tokens.len()).unwrap_or(u64::MAX)).unwrap_or(0);
        ("a token captured some time ago, once more", usize::try_from(position).ok().and_then(|at| tokens.get(at)))
    };
    let Some(token) = captured.and_then(|captured| captured.message.presented()) else { return };
    let mut line = hand.line().await;
    hand.present(&mut line, what, token).await;
}
