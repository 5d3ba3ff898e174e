//! Attack 4: tokens with too few or too many parts, with empty ones, and with signatures stripped. Expected: 401.
//!
//! The first three parts are genuine: anybody gets them for any agent's name.

use super::{
    forge::{five_parts, part_four},
    hand::Hand,
};
use crate::actor::Environment;

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let Some(mut line) = hand.approach().await else { return };
    let uid = hand.draw_uid();
    let victim = hand.settings.victim;
    let Some(issued) = hand.offer(&mut line, victim, uid).await else { return };
    let draft = hand.draft(Some(&line));
    let whole = five_parts(issued.text(), &part_four(uid, 1, draft.binding.as_ref()), &draft.key, &draft.engine);
    let parts: Vec<_> = whole.split('.').collect();
    let without = |gap: usize| {
        let kept = parts.iter().enumerate().map(|(position, part)| if position == gap { "" } else { *part });
        kept.collect::<Vec<_>>().join(".")
    };
    let tokens = [
        ("no token at all", String::new()),
        ("one part", parts[..1].join(".")),
        ("two parts", parts[..2].join(".")),
        ("the three parts of an offer", issued.text().to_owned()),
        ("four parts", parts[..4].join(".")),
        ("six parts", format!("{whole}.{}", parts.last().copied().unwrap_or_default())),
        ("five parts and a dot", format!("{whole}.")),
        ("five empty parts", "....".to_owned()),
        ("five parts with an empty header", without(0)),
        ("five parts with an empty payload", without(1)),
        ("five parts with the server signature stripped", without(2)),
        ("five parts with an empty nonce", without(3)),
        ("five parts with the agent signature stripped", without(4)),
    ];
    let mut line = Some(line);
    for (what, token) in tokens {
        hand.present(&mut line, what, &token).await;
    }
}
