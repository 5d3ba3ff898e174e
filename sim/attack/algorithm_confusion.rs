//! Attack 1: tokens that name another algorithm, or none. Expected: 401 before any key is used.
//!
//! The attacker is an insider: for tokens of its own nothing but the issuer's signature stands in its way.

use super::{
    forge::{Draft, Forgery, hmac_sha256, pem},
    hand::Hand,
};
use crate::actor::Environment;

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let mut line = hand.approach().await;
    let draft = hand.draft(line.as_ref());
    let smp_key = hand.settings.smp_key.clone();
    let forged = |algorithm: Option<&str>, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut header = draft.forgery.header();
        match (header.as_object_mut(), algorithm) {
            (Some(header), Some(algorithm)) => drop(header.insert("alg".into(), algorithm.into())),
            (Some(header), None) => drop(header.shift_remove("alg")),
            (None, _) => {}
        }
        draft.token(&header.to_string(), &draft.forgery.payload().to_string(), sign)
    };
    let own = |signed: &[u8]| draft.own_signature(signed);
    let pem = pem(&smp_key);
    let tokens = [
        ("a token with alg none and no signature", forged(Some("none"), &|_| Vec::new())),
        ("a token with alg none and some signature", forged(Some("none"), &|_| vec![1; 256])),
        ("a token with alg NONE and no signature", forged(Some("NONE"), &|_| Vec::new())),
        (
            "a token with alg HS256, keyed with the server's public key in PEM",
            forged(Some("HS256"), &|signed| hmac_sha256(pem.as_bytes(), signed)),
        ),
        (
            "a token with alg HS256, keyed with the server's modulus",
            forged(Some("HS256"), &|signed| hmac_sha256(smp_key.modulus(), signed)),
        ),
        ("a token with alg RS384, signed with another key", forged(Some("RS384"), &own)),
        ("a token with alg PS256, signed with another key", forged(Some("PS256"), &own)),
        ("a token without alg, signed with another key", forged(None, &own)),
    ];
    for (what, token) in tokens {
        hand.present(&mut line, what, &token).await;
    }
    attempt_with_own(hand).await;
}

/// Tokens in its own name, which it has made itself after it was offered one.
async fn attempt_with_own<E: Environment>(hand: &mut Hand<E>) {
    let (node, uid) = (hand.settings.node, hand.draw_uid());
    let Some(mut line) = hand.line().await else { return };
    let Some(offered) = hand.offer(&mut line, node, uid).await else { return };
    let draft = hand.draft(Some(&line));
    let jkt = draft.key.public().thumbprint();
    let forgery = Forgery { sub: node, aud: offered.claims.aud.clone(), kid: offered.kid, uid, jkt, ..draft.forgery };
    let draft = Draft { forgery, ..draft };
    let payload = draft.forgery.payload().to_string();
    let mut unsigned = draft.forgery.header();
    if let Some(header) = unsigned.as_object_mut() {
        header.insert("alg".into(), "none".into());
    }
    let header = draft.forgery.header().to_string();
    let tokens = [
        ("a token of its own with alg none", draft.token(&unsigned.to_string(), &payload, |_| Vec::new())),
        ("a token of its own, signed by itself", draft.token(&header, &payload, |signed| draft.own_signature(signed))),
    ];
    let mut line = Some(line);
    for (what, token) in tokens {
        hand.present(&mut line, what, &token).await;
    }
}
