//! A login token that is copied on its way, and used until it expires. Expected: accepted every time, in both profiles
//! (rule 83): nothing in a login token says who may use it, or how often.

use super::hand::Hand;
use crate::{actor::Environment, types::locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let Some(token) = locked(&hand.loot).login_tokens.first().cloned() else { return };
    hand.present_login("a copied login token, once more", &token).await;
}
