//! Attack 7: a captured token whose agent signature is altered. Expected: 403, and the registry is untouched.

use super::{forge::altered_part, hand::Hand};
use crate::{actor::Environment, types::locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let tokens = locked(&hand.loot).tokens();
    let position = hand.draw_below(tokens.len());
    let Some(token) = tokens.get(position).and_then(|captured| captured.message.presented()) else { return };
    let byte = hand.draw_below(256);
    let Some(altered) = altered_part(token, 4, byte) else { return };
    let mut line = hand.line().await;
    hand.present(&mut line, "a captured token whose agent signature is altered", &altered).await;
}
