//! Attack 1: tokens that name another algorithm, or none. Expected: 401 before any key is used.

use super::{
    forge::{hmac_sha256, pem},
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
}
