//! Registration and policy, and the server keys that they bring: rule 43, attack 30.

use std::collections::BTreeSet;

use countersign::protocol::{
    BodyError, MessageError, NodeKind, POLICY_PATH, Policy, PolicyError, REGISTER_PATH, RegisterRequest,
    RegisterResponse, RegistrationError, ServerKeys, sign_response, verify_response,
};
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;

use countersign::types::{Authentication, Origin, Scheme};

use super::*;

fn agent(number: u8) -> RegisterRequest {
    let public_key = key(number).public().clone();
    RegisterRequest {
        id: node(number.into()),
        kind: NodeKind::Agent,
        public_key,
        origin: None,
        profile: Profile::Literal,
    }
}

fn verify(body: &[u8], headers: &HeaderMap) -> Result<RegisterRequest, RegistrationError> {
    RegisterRequest::verify(post(REGISTER_PATH), body, headers, MAX_BYTES, &engine()).map(|(request, _)| request)
}

fn respond(body: &[u8], number: u8) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let signed = sign_response(StatusCode::OK, body, answered(REGISTER_PATH, 7), NOW, &key(number), &engine());
    signed.unwrap().write_to(&mut headers);
    headers
}

fn verify_answer(body: &[u8], headers: &HeaderMap, pinned: u8) -> Result<RegisterResponse, RegistrationError> {
    let (answered, pinned) = (answered(REGISTER_PATH, 7), key(pinned).public().thumbprint());
    RegisterResponse::verify(StatusCode::OK, body, headers, answered, pinned, MAX_BYTES, &engine())
        .map(|(response, _)| response)
}

#[test]
fn a_registration_is_signed_by_the_key_that_it_registers() {
    let body = agent(5).encode();
    assert_eq!(verify(&body, &signed(REGISTER_PATH, &body, &key(5))), Ok(agent(5)));
    let refused = MessageError::UnknownKey(key(6).public().thumbprint()).into();
    assert_eq!(verify(&body, &signed(REGISTER_PATH, &body, &key(6))), Err(refused));
    assert!(matches!(verify(&body, &HeaderMap::new()), Err(RegistrationError::Message(MessageError::Unsigned(_)))));
    assert_eq!(verify(&body, &HeaderMap::new()).unwrap_err().status(), 403);
    assert_eq!(verify(b"{}", &HeaderMap::new()).unwrap_err().status(), 400);
    let too_large = RegisterRequest::verify(post(REGISTER_PATH), &body, &HeaderMap::new(), 8, &engine());
    assert_eq!(too_large.unwrap_err().status(), 413);
}

#[test]
fn a_site_has_an_origin_and_an_agent_has_none() {
    let origin = Some("https://site-1".parse().unwrap());
    for (kind, origin, good) in [
        (NodeKind::Agent, None, true),
        (NodeKind::Site, origin.clone(), true),
        (NodeKind::Agent, origin, false),
        (NodeKind::Site, None, false),
    ] {
        let request = RegisterRequest { kind, origin, ..agent(5) };
        let body = request.encode();
        let expected = if good { Ok(request) } else { Err(RegistrationError::Origin(node(5))) };
        assert_eq!(verify(&body, &signed(REGISTER_PATH, &body, &key(5))), expected);
    }
}

#[test]
fn a_registration_is_read_strictly() {
    let good = String::from_utf8(agent(5).encode()).unwrap();
    for (from, to) in [
        ("\"kind\":", "\"more\":1,\"kind\":"),
        ("\"kind\":", "\"origin\":null,\"kind\":"),
        ("\"kind\":", "\"kind\":\"site\",\"kind\":"),
        ("\"kty\":", "\"d\":\"AQAB\",\"kty\":"),
        ("agent", "smp"),
        ("AQAB", "Aw"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        let refused = verify(bad.as_bytes(), &signed(REGISTER_PATH, bad.as_bytes(), &key(5)));
        assert!(matches!(refused, Err(RegistrationError::Body(BodyError::Json { .. }))), "{bad}");
    }
}

/// Rule 43: a key is unknown until it is delivered.
#[test]
fn server_keys_come_by_registration_and_by_policy() {
    let mut trusted = ServerKeys::default();
    let kid = |number| key(number).public().thumbprint();
    assert_eq!(trusted.get(kid(1)), None);

    let body = RegisterResponse::new(policy([1])).encode();
    let registered = verify_answer(&body, &respond(&body, 1), 1).unwrap();
    assert!(trusted.replace(registered.jwks));
    assert_eq!(trusted.get(kid(1)), Some(key(1).public()));
    assert_eq!(trusted.get(kid(2)), None);

    // The key of another server of the hierarchy arrives with policy, signed by a key that is trusted already.
    let body = policy([1, 2]).encode();
    let mut headers = HeaderMap::new();
    let answered = answered(POLICY_PATH, 8);
    sign_response(StatusCode::OK, &body, answered, NOW, &key(1), &engine()).unwrap().write_to(&mut headers);
    let key_for = |kid| trusted.get(kid).cloned();
    verify_response(StatusCode::OK, &body, &headers, answered, key_for, &engine()).unwrap();
    trusted.replace(Policy::decode(&body, MAX_BYTES).unwrap().jwks);
    assert_eq!(trusted.get(kid(2)), Some(key(2).public()));
}

/// Attack 30: the man in the middle has keys, not the pinned one.
#[test]
fn swapped_keys_are_refused_by_the_pinned_thumbprint() {
    let honest = RegisterResponse::new(policy([1])).encode();
    let swapped = RegisterResponse::new(policy([2])).encode();
    let both = RegisterResponse::new(policy([1, 2])).encode();
    let unknown = |number| Err(MessageError::UnknownKey(key(number).public().thumbprint()).into());
    assert_eq!(verify_answer(&swapped, &respond(&swapped, 2), 1), unknown(2));
    assert_eq!(verify_answer(&both, &respond(&both, 2), 1), unknown(2));
    // Signed in the name of a key that the answer does not bring.
    assert_eq!(verify_answer(&swapped, &respond(&swapped, 1), 1), unknown(1));
    let altered = verify_answer(&both, &respond(&honest, 1), 1);
    assert!(matches!(altered, Err(RegistrationError::Message(MessageError::Digest(_)))));
    assert!(verify_answer(&both, &respond(&both, 1), 1).is_ok());
}

#[test]
fn an_answer_with_two_different_key_sets_is_refused() {
    let answer = RegisterResponse { policy: policy([1]), jwks: policy([1, 2]).jwks };
    let body = answer.encode();
    assert_eq!(verify_answer(&body, &respond(&body, 1), 1), Err(RegistrationError::TwoKeySets));
}

#[test]
fn a_policy_that_no_node_can_work_with_is_refused() {
    let refused = |change: fn(&mut Policy)| {
        let mut policy = policy([1]);
        change(&mut policy);
        Policy::decode(&policy.encode(), MAX_BYTES).unwrap_err()
    };
    let member = |error| match error {
        PolicyError::OutOfRange { member, .. } => member,
        other => panic!("{other}"),
    };
    assert_eq!(member(refused(|policy| policy.token_lifetime_s = 59)), "token_lifetime_s");
    assert_eq!(member(refused(|policy| policy.token_lifetime_s = 86_401)), "token_lifetime_s");
    assert_eq!(member(refused(|policy| policy.validation_period_s = Some(0))), "validation_period_s");
    assert_eq!(member(refused(|policy| policy.validation_tokens_max = 0)), "validation_tokens_max");
    assert_eq!(member(refused(|policy| policy.batch_size_max = 0)), "batch_size_max");
    assert_eq!(member(refused(|policy| policy.registry_window = 0)), "registry_window");
    assert_eq!(member(refused(|policy| policy.registry_window = 1_025)), "registry_window");
    assert_eq!(member(refused(|policy| policy.counter_jump_max = 0)), "counter_jump_max");
    assert_eq!(member(refused(|policy| policy.policy_interval_s = 0)), "policy_interval_s");
    let repeated = refused(|policy| policy.servers.push(policy.servers[0].clone()));
    assert_eq!(repeated, PolicyError::RepeatedServer(SMP));
    let large = policy([1]).encode();
    assert!(matches!(Policy::decode(&large, large.len() - 1), Err(PolicyError::Body(BodyError::TooLarge { .. }))));
}

#[test]
fn policy_tells_origins_and_revocations() {
    let policy = policy([1]);
    assert_eq!(policy.origin_of(SMP).unwrap().to_string(), "http://smp");
    assert_eq!(policy.origin_of(node(9)), None);
    assert!(policy.is_revoked(node(9)));
    assert!(!policy.is_revoked(node(8)));
}

#[test]
fn an_unknown_member_of_policy_is_refused() {
    let good = String::from_utf8(policy([1]).encode()).unwrap();
    assert!(Policy::decode(good.as_bytes(), MAX_BYTES).is_ok());
    for (from, to) in [
        ("{\"version\"", "{\"more\":1,\"version\""),
        ("\"acc\":", "\"kerberos\":true,\"acc\":"),
        ("\"kind\":\"smp\"", "\"kind\":\"portal\""),
        ("\"look_ahead_s\":", "\"validation_period_s\":null,\"look_ahead_s\":"),
        ("\"version\":3", "\"version\":-3"),
        ("\"version\":3", "\"version\":3,\"version\":3"),
        ("\"version\":3,", ""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert!(Policy::decode(bad.as_bytes(), MAX_BYTES).is_err(), "{bad}");
    }
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let servers =
        prop::collection::btree_map(any::<u128>(), ("[a-z][a-z0-9.-]{0,20}", any::<u16>(), any::<bool>()), 0..5);
    (
        any::<u64>(),
        servers,
        any::<[bool; 4]>(),
        (60..=86_400_u64, prop::option::of(1..=86_400_u64), 0..=86_400_u64, 1..=1_024_u32),
        prop::collection::btree_set(0_u8..20, 0..4),
        prop::collection::btree_set(any::<u128>(), 0..5),
    )
        .prop_map(
            |(version, servers, [token, asdk, windows, acc], (lifetime, period, leeway, window), keys, revoked)| {
                let entry = |(id, (host, port, secure))| {
                    let scheme = if secure { Scheme::Https } else { Scheme::Http };
                    let kind = if secure { ServerKind::Smp } else { ServerKind::Site };
                    ServerEntry {
                        id: node(id),
                        kind,
                        origin: Origin::new(scheme, host, port),
                        profile: Profile::Literal,
                    }
                };
                let parameters = Parameters {
                    authentication: Authentication { token, asdk, windows, acc },
                    token_lifetime_s: lifetime,
                    validation_period_s: period,
                    leeway_s: leeway,
                    registry_window: window,
                    ..Parameters::defaults(Profile::Hardened)
                };
                Policy::new(
                    version,
                    servers.into_iter().map(entry).collect(),
                    &parameters,
                    policy(keys).jwks,
                    revoked.into_iter().map(node).collect::<BTreeSet<_>>(),
                )
            },
        )
}

proptest! {
    #[test]
    fn policy_and_registration_round_trip(policy in any_policy()) {
        prop_assert_eq!(Policy::decode(&policy.encode(), MAX_BYTES).unwrap(), policy.clone());
        let mut parameters = Parameters::defaults(Profile::Hardened);
        policy.apply_to(&mut parameters);
        let again = Policy::new(
            policy.version, policy.servers.clone(), &parameters, policy.jwks.clone(),
            policy.revoked.clone(),
        );
        prop_assert_eq!(&again, &policy);
        if let Some(signer) = (0..20).find(|number| policy.jwks.get(key(*number).public().thumbprint()).is_some()) {
            let response = RegisterResponse::new(policy);
            let body = response.encode();
            prop_assert_eq!(verify_answer(&body, &respond(&body, signer), signer), Ok(response));
        }
    }

    #[test]
    fn arbitrary_bodies_are_refused_without_a_panic(body in any::<Vec<u8>>(), json in "[{}\\[\\]\":,a-z0-9]{0,80}") {
        for body in [body.as_slice(), json.as_bytes()] {
            prop_assert!(Policy::decode(body, MAX_BYTES).is_err());
            prop_assert!(verify(body, &signed(REGISTER_PATH, body, &key(5))).is_err());
            prop_assert!(verify_answer(body, &respond(body, 1), 1).is_err());
        }
    }
}
