//! The answer of an account to a server's challenge, overheard and sent again: at once and long after, to the same server
//! and to others. Expected: refused. Each challenge is drawn anew, for one connection and one answer (rule 16).

use super::{
    hand::{Ask, Hand, PROTECTED_TARGET},
    loot::AccountAnswer,
};
use crate::{
    actor::Environment,
    event::Carried,
    types::{ActorId, Origin, locked},
};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let answers = locked(&hand.loot).account_answers.clone();
    // The newest and the oldest in turn: what was said before a restart is of use only if challenges come again.
    let answer = if hand.round.is_multiple_of(2) { answers.last() } else { answers.first() };
    let Some(answer) = answer else { return };
    for (whose, server, origin) in places(hand, answer) {
        let Some(mut line) = hand.line_to(server, &origin).await else {
            hand.report(format!("the answer of an account, {whose}"), None);
            continue;
        };
        let without = format!("the answer of an account without a challenge, {whose}");
        hand.attempt(&mut line, &without, sent_again(&answer.value)).await;
        hand.ask_for_challenge(&mut line, answer.scheme).await;
        let to_another = format!("the answer of an account to another challenge, {whose}");
        hand.attempt(&mut line, &to_another, sent_again(&answer.value)).await;
    }
}

/// The server to which it was said, and one to which it was not.
fn places<E: Environment>(hand: &Hand<E>, answer: &AccountAnswer) -> Vec<(&'static str, ActorId, Origin)> {
    let servers = || hand.settings.servers.iter().cloned();
    let same = servers().find(|(server, _)| *server == answer.server);
    let other = servers().find(|(server, _)| *server != answer.server);
    let named = |whose, place: Option<(ActorId, Origin)>| place.map(|(server, origin)| (whose, server, origin));
    [named("to the same server", same), named("to another server", other)].into_iter().flatten().collect()
}

fn sent_again(value: &str) -> Ask<'static> {
    Ask::get(PROTECTED_TARGET).authorized(value, Carried::AccountResponse)
}
