//! Push-install and ASDK tokens that the SMP never signed: made up, or an overheard one altered. Expected: refused (rules
//! 52, 63).

use serde_json::{Value, json};

use super::{
    forge::altered_part,
    hand::{Ask, Hand},
};
use crate::{
    actor::Environment,
    event::Carried,
    protocol::{BearerToken, base64url},
    types::{BearerKind, locked},
};

const KINDS: u64 = 6;

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let Some(stolen) = locked(&hand.loot).bearers().pop() else { return };
    let Some((header, payload)) = parts_of(&stolen.token) else { return };
    let byte = hand.draw_below(256);
    let now = hand.environment.wall().seconds().0;
    let forged = match hand.round % KINDS {
        0 => altered_part(&stolen.token, 1, byte).map(|text| ("an overheard token, its payload altered", text)),
        1 => altered_part(&stolen.token, 2, byte).map(|text| ("an overheard token, its signature altered", text)),
        2 => {
            let longer = with(&payload, "exp", json!(now + 365 * 86_400));
            Some(("an overheard token that lasts for another year", again(&stolen.token, &header, &longer)))
        }
        3 => {
            let other = with(&header, "typ", json!(other_kind(&stolen.token)));
            Some(("an overheard token of the other kind", again(&stolen.token, &other, &payload)))
        }
        4 => {
            let none = with(&header, "alg", json!("none"));
            Some(("a token of its own, signed by nobody", again(&stolen.token, &none, &payload)))
        }
        _ => Some(("a token of its own, signed with a key of its own", own(hand, &header, &payload))),
    };
    let Some((what, text)) = forged else { return };
    let Some(mut line) = hand.line().await else {
        hand.report(what, None);
        return;
    };
    let ask = Ask::get(&stolen.target).authorized(&format!("Bearer {text}"), Carried::Bearer);
    hand.attempt(&mut line, what, ask).await;
}

fn parts_of(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.').map(base64url::decode);
    let mut next = || serde_json::from_slice(&parts.next()??).ok();
    Some((next()?, next()?))
}

fn with(part: &Value, name: &str, value: Value) -> Value {
    let mut part = part.clone();
    part.as_object_mut().into_iter().for_each(|object| drop(object.insert(name.to_owned(), value.clone())));
    part
}

fn encoded(part: &Value) -> String {
    base64url::encode(part.to_string().as_bytes())
}

/// Other parts under the signature of the overheard one.
fn again(token: &str, header: &Value, payload: &Value) -> String {
    let signature = token.rsplit('.').next().unwrap_or_default();
    format!("{}.{}.{signature}", encoded(header), encoded(payload))
}

fn own<E: Environment>(hand: &Hand<E>, header: &Value, payload: &Value) -> String {
    let key = &hand.settings.key;
    let header = with(header, "kid", json!(key.public().thumbprint().to_string()));
    let signed = format!("{}.{}", encoded(&header), encoded(payload));
    let signature = hand.engine.sign(key, signed.as_bytes()).unwrap_or_default();
    format!("{signed}.{}", base64url::encode(&signature))
}

fn other_kind(token: &str) -> &'static str {
    match BearerToken::parse(token).map(|token| token.kind) {
        Some(BearerKind::Asdk) => "push-install+jwt",
        _ => "asdk+jwt",
    }
}
