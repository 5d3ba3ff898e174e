//! Attack 24: first requests for many uids in one agent's name. Expected: the cache holds so many of them and no more,
//! and the victim's own entry stays.

use super::hand::{Ask, Hand, PROTECTED_TARGET};
use crate::{actor::Environment, event::Carried, protocol::Credentials};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let Some(mut line) = hand.line().await else { return };
    let agent = hand.settings.victim;
    let mut status = None;
    for _ in 0..hand.settings.plan.burst {
        let credentials = Credentials::First { agent, uid: hand.draw_uid() }.to_value();
        let ask = Ask::get(PROTECTED_TARGET).authorized(&credentials, Carried::FirstRequest);
        status = hand.exchange(&mut line, ask).await.map(|answer| answer.status().as_u16());
        if status.is_none() {
            break;
        }
    }
    hand.report(
        format!("{} first requests in one agent's name, each for another uid", hand.settings.plan.burst),
        status,
    );
}
