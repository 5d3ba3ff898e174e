//! Rules 4, 7 and 18: the token, byte by byte.

use countersign::{
    crypto::PublicKey,
    protocol::{Binding, Claims, Confirmation, CountersignedToken, IssuedToken, Nonce, base64url, content_digest},
    types::{CryptoTier, Epoch, Jti, NodeId, Origin, Profile, Scheme, Thumbprint, Uid, UnixSeconds},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::stage::{CHANNEL, JTI, NOW, PROFILES, Stage, UID, engine, key, origin, real_engines, sent_token};

/// A part's JSON, with its members in the order in which they stand there.
fn members(part: &str) -> Vec<(String, Value)> {
    let json = base64url::decode(part).expect("base64url without padding");
    let value: Value = serde_json::from_slice(&json).expect("JSON");
    let Value::Object(members) = value else { panic!("a part is an object, not {value}") };
    members.into_iter().collect()
}

fn pairs<const N: usize>(members: [(&str, &str); N]) -> Vec<(String, Value)> {
    members.map(|(name, value)| (name.to_owned(), Value::from(value))).into()
}

/// RFC 7638 section 3.1, written out again: nothing of the key's own thumbprint is used.
fn thumbprint(key: &PublicKey) -> String {
    let n = base64url::encode(key.modulus());
    base64url::encode(&Sha256::digest(format!(r#"{{"e":"AQAB","kty":"RSA","n":"{n}"}}"#)))
}

#[test]
fn rule_07_the_five_parts_have_the_members_and_the_order_of_the_specification() {
    for (profile, engine) in
        PROFILES.into_iter().flat_map(|profile| real_engines().into_iter().map(move |e| (profile, e)))
    {
        let stage = Stage::with(profile, engine);
        let token = stage.countersign(&stage.issue(), 1);
        let parts: Vec<_> = token.text().split('.').collect();
        let [header, payload, server_signature, nonce, agent_signature] = parts[..] else { panic!("{parts:?}") };

        let uid = "ASNFZ4mrze8BI0VniavN7w";
        let kid = thumbprint(key(0).public());
        let expected = pairs([("alg", "RS256"), ("typ", "JWT"), ("kid", &kid), ("nonce", &format!("{uid}.0"))]);
        assert_eq!(members(header), expected);

        let jkt = thumbprint(key(1).public());
        let expected = vec![
            ("iss".to_owned(), Value::from("10000000-0000-8000-8000-000000000000")),
            ("sub".to_owned(), Value::from("30000000-0000-8000-8000-000000000001")),
            ("aud".to_owned(), Value::from("https://smp")),
            ("iat".to_owned(), Value::from(1_750_000_000_u64)),
            ("exp".to_owned(), Value::from(1_750_003_600_u64)),
            ("jti".to_owned(), Value::from("_ty6mHZUMhD-3LqYdlQyEA")),
            ("cnf".to_owned(), serde_json::json!({ "jkt": jkt })),
        ];
        assert_eq!(members(payload), expected);

        let mut expected = pairs([("nonce", &format!("{uid}.1"))]);
        if profile == Profile::Hardened {
            expected.extend(pairs([
                ("aud", "https://smp"),
                ("epoch", "EREiIjMzRERVVWZmd3eIiA"),
                ("htm", "GET"),
                ("htu", "/Altiris/Packages/index?part=1"),
                // RFC 9530 of the empty body.
                ("content_digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
                ("cb", CHANNEL),
            ]));
        }
        assert_eq!(members(nonce), expected);

        // The signatures cover exactly the ASCII text before them.
        for (signature, signed, signer) in
            [(server_signature, parts[..2].join("."), key(0)), (agent_signature, parts[..4].join("."), key(1))]
        {
            let expected = stage.engine.sign(&signer, signed.as_bytes()).expect("the key signs");
            assert_eq!(base64url::decode(signature), Some(expected));
        }
    }
}

/// The same token in every build and for ever: a client written from the specification alone relies on it.
#[test]
fn rule_07_a_whole_token_is_the_same_to_the_byte_in_every_real_tier() {
    let fixtures = [
        (Profile::Literal, 1_203, "a0dd91e064d9fee468b1df2a7955f53b9c559bef8ba2387bfa03e66a4532cb48"),
        (Profile::Hardened, 1_509, "3d30d2d4b2afc55bcdccbeae6df3b6f6c993e335a0166826e938cbb9aed57206"),
    ];
    for (profile, length, expected) in fixtures {
        for engine in real_engines() {
            let stage = Stage::with(profile, engine);
            let token = stage.countersign(&stage.issue(), 1);
            let digest = hex::encode(Sha256::digest(token.text()));
            assert_eq!((token.text().len(), &*digest), (length, expected), "{profile:?}, {}", stage.engine.backend());
        }
    }
}

#[test]
fn rule_07_the_counter_starts_at_0_and_rises_by_one_with_every_use() {
    for profile in PROFILES {
        let stage = Stage::new(profile);
        let (mut agent, path, digest) = (stage.agent(), crate::stage::path(), crate::stage::empty_digest());
        let facts = crate::stage::facts(&digest);
        let rng = &mut crate::stage::rng(1);
        let first = agent.authorize(&path, &facts, NOW.wall(), &stage.engine, rng).expect("the key signs");
        let issued = stage.issue_for(crate::stage::asked_uid(&first), 1);
        for counter in 1..=5 {
            let answer = agent.answer(&path, &stage.challenge(&issued), &facts, &stage.engine).expect("trusted");
            assert_eq!(sent_token(&answer).0.nonce, Nonce { uid: issued.uid, counter });
        }
    }
}

#[test]
fn rule_07_the_first_three_parts_are_an_ordinary_jwt() {
    for engine in real_engines() {
        let stage = Stage::with(Profile::Hardened, engine);
        let issued = stage.issue();
        let server_key = key(0).public().clone();
        let jwk = server_key.to_jwk();
        let as_jwk = serde_json::from_value(serde_json::to_value(&jwk).expect("a JWK")).expect("a JWK");
        let judges = [
            DecodingKey::from_rsa_components(&jwk.n, &jwk.e).expect("components"),
            DecodingKey::from_jwk(&as_jwk).expect("a JWK"),
            DecodingKey::from_rsa_pem(pem(&server_key).as_bytes()).expect("a PEM"),
        ];
        let mut validation = Validation::new(Algorithm::RS256);
        // The judge would read the real clock.
        validation.validate_exp = false;
        validation.set_audience(&["https://smp"]);
        validation.set_issuer(&["10000000-0000-8000-8000-000000000000"]);
        validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
        for judge in &judges {
            let judged = decode::<Value>(issued.text(), judge, &validation).expect("the judge accepts it");
            assert_eq!(judged.header.kid, Some(server_key.thumbprint().to_string()));
            assert_eq!(judged.claims["jti"], Value::from(JTI.to_string()));
            let altered = issued.text().replacen('e', "f", 1);
            assert!(decode::<Value>(altered, judge, &validation).is_err());
        }
        let stranger = key(5).public().to_jwk();
        let stranger = DecodingKey::from_rsa_components(&stranger.n, &stranger.e).expect("components");
        assert!(decode::<Value>(issued.text(), &stranger, &validation).is_err());
    }
}

/// SubjectPublicKeyInfo (RFC 5280) of an RSA-2048 key with exponent 65537, as PEM (RFC 7468).
fn pem(key: &PublicKey) -> String {
    let prefix = "30820122300d06092a864886f70d01010105000382010f003082010a0282010100";
    let mut der = hex::decode(prefix).expect("hexadecimal");
    der.extend_from_slice(key.modulus());
    der.extend_from_slice(&[2, 3, 1, 0, 1]);
    let base64 = base64url_to_base64(&base64url::encode(&der), der.len());
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn base64url_to_base64(text: &str, bytes: usize) -> String {
    text.replace('-', "+").replace('_', "/") + ["", "==", "="][bytes % 3]
}

#[test]
fn rule_04_only_the_agents_own_key_countersigns_its_token() {
    for profile in PROFILES {
        for engine in real_engines() {
            let mut stage = Stage::with(profile, engine);
            let issued = stage.issue();
            let by_another = stage.countersign_with(&issued, Nonce { uid: UID, counter: 1 }, stage.binding(), &key(2));
            assert_eq!(stage.refusal(by_another.text()), (Some(countersign::types::Refusal::BadAgentSignature), 2));
            let own = stage.countersign(&issued, 1);
            assert_eq!(stage.refusal(own.text()), (None, 2));
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    "[ -~]{0,40}"
}

fn any_binding() -> impl Strategy<Value = Option<Binding>> {
    let cb = prop::option::of(any_text());
    prop::option::of((any::<u128>(), any_text(), any_text(), any::<Vec<u8>>(), cb).prop_map(
        |(epoch, htm, htu, body, cb)| Binding {
            aud: Origin::new(Scheme::Http, "site-1", 8_080),
            epoch: Epoch::from_bits(epoch),
            htm,
            htu,
            content_digest: content_digest(&body),
            cb,
        },
    ))
}

proptest! {
    #[test]
    fn rule_07_what_is_signed_is_read_back_to_the_same(
        (uid, counter, jti, sub) in any::<(u128, u64, u128, u128)>(),
        (iat, exp) in any::<(u64, u64)>(),
        jkt in any::<[u8; 32]>(),
        binding in any_binding(),
    ) {
        let engine = engine();
        let claims = Claims {
            iss: NodeId::from_bits(1),
            sub: NodeId::from_bits(sub),
            aud: origin("https://site-1:8443"),
            iat: UnixSeconds(iat),
            exp: UnixSeconds(exp),
            jti: Jti::from_bits(jti),
            cnf: Confirmation { jkt: Thumbprint(jkt) },
        };
        let uid = Uid::from_bits(uid);
        let issued = IssuedToken::sign(uid, claims, &key(0), &engine).unwrap();
        prop_assert_eq!(IssuedToken::parse(issued.text()), Some(issued.clone()));
        let nonce = Nonce { uid, counter };
        let token = CountersignedToken::sign(&issued, nonce, binding, &key(1), &engine).unwrap();
        let read = CountersignedToken::parse(token.text());
        prop_assert_eq!(read.as_ref(), Some(&token));
        prop_assert!(token.issued.is_signed_by(key(0).public(), &engine));
        prop_assert!(token.is_signed_by(key(1).public(), &engine));
    }
}

#[test]
fn the_modelled_tier_makes_tokens_of_the_real_length() {
    for profile in PROFILES {
        let lengths: std::collections::BTreeSet<_> = real_engines()
            .into_iter()
            .chain([engine()])
            .map(|engine| Stage::with(profile, engine))
            .map(|stage| stage.countersign(&stage.issue(), 1).text().len())
            .collect();
        assert_eq!(lengths.len(), 1, "{profile:?}: {lengths:?}");
    }
    assert_eq!(engine().backend(), CryptoTier::Modelled.name());
}
