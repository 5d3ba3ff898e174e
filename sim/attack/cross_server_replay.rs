//! Attack 12: a token captured on its way to one server, presented to another. Expected: literal accepts it there;
//! hardened refuses, since the token is bound to its server, and to that server's start.

use super::hand::{Ask, Hand, PROTECTED_TARGET};
use crate::actor::{Environment, locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let tokens = locked(&hand.loot).tokens();
    let Some(captured) = tokens.last() else { return };
    let Some(token) = captured.message.presented() else { return };
    // Every other time the attacked server, in between each of the others.
    let (attacked, elsewhere): (Vec<_>, Vec<_>) = (hand.settings.servers.iter())
        .filter(|(server, _)| *server != captured.server)
        .partition(|(server, _)| *server == hand.settings.plan.server);
    let is_turn = hand.round.is_multiple_of(2) && !attacked.is_empty();
    let others = if is_turn || elsewhere.is_empty() { attacked } else { elsewhere };
    let position = (hand.round / 2).checked_rem(u64::try_from(others.len()).unwrap_or(u64::MAX)).unwrap_or(0);
    let other = usize::try_from(position).ok().and_then(|position| others.get(position));
    let Some((server, origin)) = other.map(|other| (*other).clone()) else { return };
    let what = format!("a token captured on its way to {}, presented to {server}", captured.server);
    match hand.line_to(server, &origin).await {
        Some(mut line) => drop(hand.attempt(&mut line, &what, Ask::get(PROTECTED_TARGET).with_token(token)).await),
        None => hand.report(what, None),
    }
}
