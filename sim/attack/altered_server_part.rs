//! Attack 8: a captured token whose payload or server signature is altered. Expected: 401.

use super::{forge::altered_part, hand::Hand};
use crate::{actor::Environment, protocol::base64url, types::locked};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let tokens = locked(&hand.loot).tokens();
    let position = hand.draw_below(tokens.len());
    let Some(token) = tokens.get(position).and_then(|captured| captured.message.presented()) else { return };
    let byte = hand.draw_below(256);
    let altered = [
        ("a captured token whose server signature is altered", altered_part(token, 2, byte)),
        ("a captured token whose payload is altered somewhere", altered_part(token, 1, byte)),
        ("a captured token that lives longer", longer_lived(token)),
    ];
    let mut line = hand.line().await;
    for (what, altered) in altered {
        if let Some(altered) = altered {
            hand.present(&mut line, what, &altered).await;
        }
    }
}

/// The token with an expiry that is a year later, all else as it was.
fn longer_lived(token: &str) -> Option<String> {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut payload: serde_json::Value = serde_json::from_slice(&base64url::decode(parts.get(1)?)?).ok()?;
    let expires = payload.get("exp")?.as_u64()?.checked_add(365 * 86_400)?;
    payload.as_object_mut()?.insert("exp".into(), expires.into());
    parts[1] = base64url::encode(payload.to_string().as_bytes());
    Some(parts.join("."))
}
