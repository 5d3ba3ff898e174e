//! Attack 10: a three-part token out of somebody else's challenge, countersigned with another key. Expected: useless.

use super::{
    forge::{five_parts, part_four},
    hand::Hand,
};
use crate::{actor::Environment, protocol::IssuedToken, types::locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let offers = locked(&hand.loot).offers();
    let Some(offer) = offers.last() else { return };
    let Some(issued) = IssuedToken::parse(offer) else { return };
    let mut line = hand.approach().await;
    let draft = hand.draft(line.as_ref());
    let signed = five_parts(offer, &part_four(issued.uid, 1, draft.binding.as_ref()), &draft.key, &draft.engine);
    hand.present(&mut line, "a token offered to somebody else, countersigned with another key", &signed).await;
    hand.present(&mut line, "a token offered to somebody else, as it was offered", offer).await;
}
