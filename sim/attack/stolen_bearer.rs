//! Rule 63: a bearer token that was overheard, used as its holder uses it. Expected: it is as good as the holder's, in both
//! profiles, until it expires or is revoked. There is nothing in it that a server could tell a thief by; TLS keeps it from
//! being overheard, and only that.

use super::hand::{Ask, Hand};
use crate::{actor::Environment, event::Carried, types::locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let stolen = locked(&hand.loot).bearers().pop();
    let Some(stolen) = stolen else { return };
    let value = format!("Bearer {}", stolen.token);
    let Some(mut line) = hand.line().await else { return };
    let ask = Ask::get(&stolen.target).authorized(&value, Carried::Bearer);
    hand.attempt(&mut line, "a bearer token that was overheard", ask).await;
}
