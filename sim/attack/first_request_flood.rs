//! Hole 18: first requests in numbers, in everybody's name, each of which costs the issuer a signature. Expected:
//! literal signs them all; hardened turns away a source that asks too often.

use super::hand::{Ask, Hand, PROTECTED_TARGET};
use crate::{actor::Environment, event::Carried, plan::Plan, protocol::Credentials, types::ActorId};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let Some(mut line) = hand.line().await else { return };
    let (burst, agents) = (hand.settings.plan.burst, hand.settings.agents.max(1));
    let (mut offered, mut turned_away, mut status) = (0_u32, 0_u32, None);
    for number in 0..burst {
        let agent = Plan::node_of(ActorId::Agent(1 + number % agents));
        let credentials = Credentials::First { agent, uid: hand.draw_uid() }.to_value();
        let ask = Ask::get(PROTECTED_TARGET).authorized(&credentials, Carried::FirstRequest);
        status = hand.exchange(&mut line, ask).await.map(|answer| answer.status().as_u16());
        match status {
            Some(401) => offered += 1,
            Some(429) => turned_away += 1,
            Some(_) => {}
            None => break,
        }
    }
    let what = format!("{burst} first requests in everybody's name: {offered} answered, {turned_away} turned away");
    hand.report(what, status);
}
