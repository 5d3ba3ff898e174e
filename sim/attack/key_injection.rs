//! Attack 2: tokens whose header leads to a key of the attacker's. Expected: 401, and nothing is looked up but a name.

use serde_json::{Value, json};

use super::hand::Hand;
use crate::actor::Environment;

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let mut line = hand.approach().await;
    let draft = hand.draft(line.as_ref());
    let own_name = hand.settings.key.public().thumbprint().to_string();
    let own_key = serde_json::to_value(hand.settings.key.public().to_jwk()).unwrap_or_default();
    let with = |members: &[(&str, Value)]| {
        let mut header = draft.forgery.header();
        if let Some(header) = header.as_object_mut() {
            header.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        draft.with_header(&header.to_string())
    };
    let tokens = [
        ("a token whose kid is a path to a file", with(&[("kid", json!("../../../../../../dev/null"))])),
        ("a token whose kid is an SQL expression", with(&[("kid", json!("x' UNION SELECT 'AA' --"))])),
        ("a token whose kid is an address", with(&[("kid", json!("http://attackers/jwks.json"))])),
        ("a token whose kid is empty", with(&[("kid", json!(""))])),
        ("a token whose kid is the attacker's own key", with(&[("kid", json!(own_name))])),
        ("a token that brings its key as jwk", with(&[("jwk", own_key.clone())])),
        ("a token that brings its key as jwk and names it", with(&[("kid", json!(own_name)), ("jwk", own_key)])),
        ("a token that names its key set by jku", with(&[("jku", json!("http://attackers/jwks.json"))])),
        ("a token that names its certificate by x5u", with(&[("x5u", json!("http://attackers/cert.pem"))])),
    ];
    for (what, token) in tokens {
        hand.present(&mut line, what, &token).await;
    }
}
