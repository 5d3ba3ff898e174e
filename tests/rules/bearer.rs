//! Rules 52 and 63 with real signatures: what is issued is an ordinary JWT, typed so that nothing else is taken for it.

use std::{collections::BTreeSet, time::Duration};

use countersign::{
    protocol::{BearerClaims, BearerRules, BearerToken, INSTALLER_PATH, IssuedToken, ServerKeys, base64url},
    types::{Authentication, BearerKind, BearerRefusal},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use crate::stage::{JTI, NOW, SMP, Stage, key, real_engines, seconds};

fn claims(exp_after_s: Option<u64>) -> BearerClaims {
    let exp = exp_after_s.map(|after_s| NOW.after(Duration::from_secs(after_s)));
    BearerClaims { iss: SMP, iat: NOW, jti: JTI, exp }
}

#[test]
fn rule_52_a_bearer_token_is_a_jwt_that_any_library_verifies() {
    for engine in real_engines() {
        for (kind, exp, typ) in [
            (BearerKind::PushInstall, None, "push-install+jwt"),
            (BearerKind::Asdk, Some(60), "asdk+jwt"),
            (BearerKind::Asdk, None, "asdk+jwt"),
        ] {
            let token = BearerToken::sign(kind, claims(exp), &key(0), &engine).unwrap();
            assert_eq!(BearerToken::parse(token.text()).as_ref(), Some(&token));
            let public = key(0).public().clone();
            let n = base64url::encode(public.modulus());
            let decoding = DecodingKey::from_rsa_components(&n, "AQAB").unwrap();
            let mut validation = Validation::new(Algorithm::RS256);
            validation.validate_exp = false;
            validation.required_spec_claims.clear();
            let members: Value = decode(token.text(), &decoding, &validation).unwrap().claims;
            assert_eq!(members["iss"], SMP.to_string());
            assert_eq!(members["jti"], JTI.to_string());
            assert_eq!(members.get("exp").and_then(Value::as_u64), exp.map(|after_s| NOW.0 + after_s));
            let header = decode_header(token.text()).unwrap();
            assert_eq!(header.typ.as_deref(), Some(typ));
            assert_eq!(header.kid, Some(public.thumbprint().to_string()));
        }
    }
}

#[test]
fn every_altered_part_of_a_bearer_token_is_refused() {
    for engine in real_engines() {
        let server_keys: ServerKeys = [key(0).public().clone()].into_iter().collect();
        let rules = BearerRules {
            authentication: Authentication { asdk: true, ..Authentication::TOKENS },
            revoked: &BTreeSet::new(),
            server_keys: &server_keys,
            leeway: Duration::ZERO,
            token_bytes_max: 8_192,
        };
        let token = BearerToken::sign(BearerKind::PushInstall, claims(None), &key(0), &engine).unwrap();
        assert!(rules.check(token.text(), INSTALLER_PATH, seconds(0), &engine).is_ok());
        for at in (0..token.text().len()).step_by(7) {
            let mut bytes = token.text().as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(bytes).unwrap();
            let why = rules.check(&altered, INSTALLER_PATH, seconds(0), &engine).unwrap_err().why;
            let expected = [BearerRefusal::Syntax, BearerRefusal::UnknownServerKey, BearerRefusal::BadSignature];
            assert!(expected.contains(&why), "byte {at}: {why:?}");
        }
    }
}

#[test]
fn neither_an_agent_token_nor_a_bearer_token_is_taken_for_the_other() {
    for engine in real_engines() {
        let token = BearerToken::sign(BearerKind::Asdk, claims(None), &key(0), &engine).unwrap();
        assert_eq!(IssuedToken::parse(token.text()), None);
    }
    let stage = Stage::new(countersign::types::Profile::Literal);
    assert_eq!(BearerToken::parse(stage.issue().text()), None);
    assert_eq!(BearerToken::parse(stage.countersign(&stage.issue(), 1).text()), None);
}
