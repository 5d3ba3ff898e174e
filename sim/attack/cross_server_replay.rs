//! Attack 12: a token captured on its way to one server, presented to another. Expected: literal accepts it there;
//! hardened refuses, since the token is bound to its server, and to that server's start. A bearer token is presented as it
//! is: it names no server, and is accepted by all (rules 52, 63).

use super::hand::{Ask, Hand, PROTECTED_TARGET};
use crate::{actor::Environment, event::Carried, types::locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let captured = {
        let loot = locked(&hand.loot);
        let mut agent_tokens = loot.messages().filter(|captured| captured.message.presented().is_some());
        let mut bearers = loot.messages().filter(|captured| captured.message.bearer().is_some());
        let (agent_token, bearer) = (agent_tokens.next_back(), bearers.next_back());
        // Where there are both, in turn.
        let is_turn_of_bearer = agent_token.is_none() || !(hand.round / 2).is_multiple_of(2);
        bearer.filter(|_| is_turn_of_bearer).or(agent_token).cloned()
    };
    let Some(captured) = captured else { return };
    let (token, bearer) = (captured.message.presented(), captured.message.bearer());
    // Every other time the attacked server, in between each of the others.
    let (attacked, elsewhere): (Vec<_>, Vec<_>) = (hand.settings.servers.iter())
        .filter(|(server, _)| *server != captured.server)
        .partition(|(server, _)| *server == hand.settings.plan.server);
    let is_turn = hand.round.is_multiple_of(2) && !attacked.is_empty();
    let others = if is_turn || elsewhere.is_empty() { attacked } else { elsewhere };
    let position = (hand.round / 2).checked_rem(u64::try_from(others.len()).unwrap_or(u64::MAX)).unwrap_or(0);
    let other = usize::try_from(position).ok().and_then(|position| others.get(position));
    let Some((server, origin)) = other.map(|other| (*other).clone()) else { return };
    let ask = match (token, bearer) {
        (Some(token), _) => Ask::get(PROTECTED_TARGET).with_token(token),
        (None, Some(bearer)) => {
            let target = captured.message.target().unwrap_or(PROTECTED_TARGET);
            Ask::get(target).authorized(&format!("Bearer {bearer}"), Carried::Bearer)
        }
        (None, None) => return,
    };
    let what = format!("a token captured on its way to {}, presented to {server}", captured.server);
    match hand.line_to(server, &origin).await {
        Some(mut line) => drop(hand.attempt(&mut line, &what, ask).await),
        None => hand.report(what, None),
    }
}
