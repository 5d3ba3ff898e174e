//! Attack 23: forged tokens in numbers. Expected: what is not signed adds no entry to the registry.

use super::hand::{Ask, Hand, PROTECTED_TARGET};
use crate::{actor::Environment, types::Jti};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let Some(mut line) = hand.approach().await else { return };
    let mut draft = hand.draft(Some(&line));
    let mut status = None;
    for number in 0..hand.settings.plan.burst {
        // Each for a jti of its own: an entry each, if they were believed.
        draft.forgery.uid = hand.draw_uid();
        draft.forgery.jti = Jti::from_bits(hand.draw_uid().bits());
        let header = draft.forgery.header().to_string();
        // Every other one has no server signature to speak of, which costs its maker nothing.
        let token = if number % 2 == 0 {
            draft.with_header(&header)
        } else {
            draft.token(&header, &draft.forgery.payload().to_string(), |_| vec![1; 256])
        };
        let answer = hand.exchange(&mut line, Ask::get(PROTECTED_TARGET).with_token(&token)).await;
        status = answer.map(|answer| answer.status().as_u16());
        if status.is_none() {
            break;
        }
    }
    hand.report(format!("{} forged tokens, each of another name", hand.settings.plan.burst), status);
}
