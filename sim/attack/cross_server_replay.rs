//! Attack 12: a token captured on its way to one server, presented to another. Expected: literal accepts it there;
//! hardened refuses, since the token names its server.

use super::hand::{Ask, Hand, PROTECTED_TARGET};
use crate::{
    actor::{Environment, locked},
    types::ActorId,
};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let tokens = locked(&hand.loot).tokens();
    let Some(captured) = tokens.last() else { return };
    let Some(token) = captured.message.presented() else { return };
    let is_attacked = |server: &ActorId| *server == hand.settings.plan.server;
    // The attacked server, and in between each of the others.
    let mut others: Vec<_> = hand.settings.servers.iter().filter(|(server, _)| *server != captured.server).collect();
    others.sort_by_key(|(server, _)| (!is_attacked(server), *server));
    let position = hand.round.checked_rem(u64::try_from(others.len()).unwrap_or(1)).unwrap_or(0);
    let position = if others.first().is_some_and(|(server, _)| is_attacked(server)) && hand.round % 2 == 0 {
        0
    } else {
        usize::try_from(position).unwrap_or(0)
    };
    let Some((server, origin)) = others.get(position).map(|other| (*other).clone()) else { return };
    let what = format!("a token captured on its way to {}, presented to {server}", captured.server);
    match hand.line_to(server, &origin).await {
        Some(mut line) => drop(hand.attempt(&mut line, &what, Ask::get(PROTECTED_TARGET).with_token(token)).await),
        None => hand.report(what, None),
    }
}
