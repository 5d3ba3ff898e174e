//! RFC 9421 and RFC 9530 as rules 33 and 34 use them.

use std::cell::Cell;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign::protocol::{
    ContentDigestError, MessageError, RequestTarget, VerifiedMessage, content_digest, sign_request, sign_response,
    verify_request, verify_response,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;

use super::*;

const PATH: &str = "/NS/Agent/GetClientTokens.aspx";
const FIELDS: [HeaderName; 3] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("signature-input"),
    HeaderName::from_static("signature"),
];

fn response(body: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let signed = sign_response(StatusCode::OK, body, answered(PATH, 7), NOW, &key(1), &engine()).unwrap();
    signed.write_to(&mut headers);
    headers
}

fn check_response(status: u16, body: &[u8], headers: &HeaderMap) -> Result<VerifiedMessage, MessageError> {
    let trusted = key(1).public().clone();
    verify_response(
        StatusCode::from_u16(status).unwrap(),
        body,
        headers,
        answered(PATH, 7),
        |kid| Some(trusted).filter(|key| key.thumbprint() == kid),
        &engine(),
    )
}

fn check_request(path: &str, body: &[u8], headers: &HeaderMap) -> Result<VerifiedMessage, MessageError> {
    let trusted = key(1).public().clone();
    let key_for = |kid| Some(trusted).filter(|key| key.thumbprint() == kid);
    verify_request(post(path), body, headers, key_for, &engine())
}

fn set(headers: &HeaderMap, field: &HeaderName, value: &[u8]) -> Option<HeaderMap> {
    let mut changed = headers.clone();
    changed.insert(field, HeaderValue::from_bytes(value).ok()?);
    Some(changed)
}

fn text<'a>(headers: &'a HeaderMap, field: &HeaderName) -> &'a str {
    headers[field].to_str().unwrap()
}

/// Writes down both forms by hand, so that an independent implementation can be built from this test.
#[test]
fn the_two_forms_are_those_of_the_specification() {
    let kid = key(1).public().thumbprint();
    let digest = content_digest(b"{}");

    let parameters = format!(
        r#"("@method" "@path" "content-digest");created=1750000000;nonce="AAAAAAAAAAAAAAAAAAAABw";alg="rsa-v1_5-sha256";keyid="{kid}""#
    );
    let base = format!(
        "\"@method\": POST\n\"@path\": {PATH}\n\"content-digest\": {digest}\n\"@signature-params\": {parameters}"
    );
    let request = signed(PATH, b"{}", &key(1));
    assert_eq!(text(&request, &FIELDS[0]), digest);
    assert_eq!(text(&request, &FIELDS[1]), format!("sig={parameters}"));
    let signature = engine().sign(&key(1), base.as_bytes()).unwrap();
    assert_eq!(text(&request, &FIELDS[2]), format!("sig=:{}:", STANDARD.encode(signature)));
    let expected = VerifiedMessage { keyid: kid, nonce: nonce(7), created: NOW };
    assert_eq!(check_request(PATH, b"{}", &request), Ok(expected));

    let parameters = format!(
        r#"("@status" "content-digest" "@method";req "@path";req);created=1750000000;nonce="AAAAAAAAAAAAAAAAAAAABw";alg="rsa-v1_5-sha256";keyid="{kid}""#
    );
    let base = format!(
        "\"@status\": 200\n\"content-digest\": {digest}\n\"@method\";req: POST\n\"@path\";req: {PATH}\n\"@signature-params\": {parameters}"
    );
    let response = response(b"{}");
    assert_eq!(text(&response, &FIELDS[1]), format!("sig={parameters}"));
    let signature = engine().sign(&key(1), base.as_bytes()).unwrap();
    assert_eq!(text(&response, &FIELDS[2]), format!("sig=:{}:", STANDARD.encode(signature)));
    assert_eq!(check_response(200, b"{}", &response), Ok(expected));
}

/// Rule 34, attack 19: every single bit of what is sent matters.
#[test]
fn any_flipped_byte_of_a_signed_response_is_refused() {
    let body = br#"{"tokens":[]}"#;
    let headers = response(body);
    assert!(check_response(200, body, &headers).is_ok());
    for status in (100..600).filter(|status| *status != 200) {
        assert!(matches!(check_response(status, body, &headers), Err(MessageError::BadSignature(_))), "{status}");
    }
    for (at, bit) in (0..body.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut altered = *body;
        altered[at] ^= 1 << bit;
        let refused = MessageError::Digest(ContentDigestError::Mismatch { body_bytes: body.len() });
        assert_eq!(check_response(200, &altered, &headers), Err(refused), "body byte {at}");
        // Whoever repairs the digest breaks the signature.
        let repaired = set(&headers, &FIELDS[0], content_digest(&altered).as_bytes()).unwrap();
        assert!(matches!(check_response(200, &altered, &repaired), Err(MessageError::BadSignature(_))));
    }
    for field in FIELDS {
        let value = headers[&field].as_bytes();
        for (at, bit) in (0..value.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut altered = value.to_vec();
            altered[at] ^= 1 << bit;
            // What no header may contain does not get past the HTTP library.
            if let Some(altered) = set(&headers, &field, &altered) {
                assert!(check_response(200, body, &altered).is_err(), "{field} byte {at} bit {bit}");
            }
        }
        for cut in 0..value.len() {
            let shorter = set(&headers, &field, &value[..cut]).unwrap();
            assert!(check_response(200, body, &shorter).is_err(), "{field} cut to {cut}");
        }
    }
    for cut in 0..body.len() {
        assert!(check_response(200, &body[..cut], &headers).is_err(), "truncated to {cut}");
    }
}

/// Rule 33: the same for a request.
#[test]
fn any_flipped_byte_of_a_signed_request_is_refused() {
    let body = br#"{"agents":[]}"#;
    let headers = signed(PATH, body, &key(1));
    for field in FIELDS {
        let value = headers[&field].as_bytes();
        for (at, bit) in (0..value.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut altered = value.to_vec();
            altered[at] ^= 1 << bit;
            if let Some(altered) = set(&headers, &field, &altered) {
                assert!(check_request(PATH, body, &altered).is_err(), "{field} byte {at} bit {bit}");
            }
        }
    }
    assert!(matches!(check_request("/NS/Agent/Register", body, &headers), Err(MessageError::BadSignature(_))));
    let trusted = key(1).public().clone();
    let get = RequestTarget::new(&Method::GET, PATH).unwrap();
    let refused = verify_request(get, body, &headers, |_| Some(trusted), &engine());
    assert!(matches!(refused, Err(MessageError::BadSignature(_))));
}

/// Attack 19: stale, or for another site, whose nonce is its own.
#[test]
fn a_response_to_another_request_is_refused() {
    let headers = response(b"{}");
    let key_for = |_| Some(key(1).public().clone());
    let verify = |answered| verify_response(StatusCode::OK, b"{}", &headers, answered, key_for, &engine());
    assert!(verify(answered(PATH, 7)).is_ok());
    assert_eq!(verify(answered(PATH, 8)), Err(MessageError::ForeignNonce { expected: nonce(8), found: nonce(7) }));
    assert!(matches!(verify(answered("/NS/Agent/Policy", 7)), Err(MessageError::BadSignature(_))));
    let get = RequestTarget::new(&Method::GET, PATH).unwrap();
    let other_method = Answered { target: get, nonce: nonce(7) };
    assert!(matches!(verify(other_method), Err(MessageError::BadSignature(_))));
}

/// A request sent back to its sender is no response, nor the other way round.
#[test]
fn a_request_is_no_response() {
    assert!(matches!(
        check_response(200, b"{}", &signed(PATH, b"{}", &key(1))),
        Err(MessageError::SignatureInput { .. })
    ));
    assert!(matches!(check_request(PATH, b"{}", &response(b"{}")), Err(MessageError::SignatureInput { .. })));
}

/// A message with several faults gives the first of: digest, form, nonce, key, signature.
#[test]
fn the_digest_is_checked_before_the_key_and_the_key_before_the_signature() {
    let headers = response(b"{}");
    let bad_signature = set(&headers, &FIELDS[2], b"sig=:AAAA:").unwrap();
    let bad_digest = set(&bad_signature, &FIELDS[0], content_digest(b"other").as_bytes()).unwrap();
    let looked_up = Cell::new(0);
    let verify = |headers: &HeaderMap, number, known: bool| {
        let key_for = |_| {
            looked_up.set(looked_up.get() + 1);
            Some(key(1).public().clone()).filter(|_| known)
        };
        verify_response(StatusCode::OK, b"{}", headers, answered(PATH, number), key_for, &engine())
    };
    assert!(matches!(verify(&bad_digest, 8, false), Err(MessageError::Digest(_))));
    assert!(matches!(verify(&bad_signature, 8, false), Err(MessageError::ForeignNonce { .. })));
    assert_eq!(looked_up.get(), 0);
    assert!(matches!(verify(&bad_signature, 7, false), Err(MessageError::UnknownKey(_))));
    assert!(matches!(verify(&bad_signature, 7, true), Err(MessageError::BadSignature(_))));
    assert_eq!(looked_up.get(), 2);
}

#[test]
fn a_look_up_that_gives_another_key_verifies_nothing() {
    let headers = signed(PATH, b"{}", &key(1));
    let refused = verify_request(post(PATH), b"{}", &headers, |_| Some(key(2).public().clone()), &engine());
    assert_eq!(refused, Err(MessageError::UnknownKey(key(1).public().thumbprint())));
}

#[test]
fn an_unsigned_or_doubly_signed_message_is_refused() {
    let headers = signed(PATH, b"{}", &key(1));
    for field in FIELDS {
        let mut without = headers.clone();
        without.remove(&field);
        assert_eq!(check_request(PATH, b"{}", &without), Err(MessageError::Unsigned(field.clone())));
        let mut doubled = headers.clone();
        doubled.append(&field, headers[&field].clone());
        assert_eq!(check_request(PATH, b"{}", &doubled), Err(MessageError::Repeated(field)));
    }
}

#[test]
fn other_spellings_of_signature_input_are_refused() {
    let headers = signed(PATH, b"{}", &key(1));
    let good = text(&headers, &FIELDS[1]).to_owned();
    for (from, to) in [
        ("sig=", "sig1="),
        ("sig=", "sig= "),
        ("sig=", "other=();created=1, sig="),
        ("\"@path\" ", ""),
        ("\"@method\" \"@path\"", "\"@path\" \"@method\""),
        ("content-digest", "content-type"),
        ("\"@path\"", "\"@path\";req"),
        ("=1750000000", "=01750000000"),
        ("=1750000000", "=+1750000000"),
        ("=1750000000", "=-1750000000"),
        ("=1750000000", "=1750000000.0"),
        ("=1750000000", "=1000000000000000"),
        ("=1750000000", "=99999999999999999999999"),
        ("=1750000000", "="),
        ("AAAAAAAAAAAAAAAAAAAABw", "AAAAAAAAAAAAAAAAAAAABx"),
        ("AAAAAAAAAAAAAAAAAAAABw", "AAAAAAAAAAAAAAAAAAAABw=="),
        ("AAAAAAAAAAAAAAAAAAAABw", ""),
        ("rsa-v1_5-sha256", "rsa-pss-sha512"),
        ("rsa-v1_5-sha256", "hmac-sha256"),
        (";alg=\"rsa-v1_5-sha256\"", ""),
        (";nonce=", "; nonce="),
        (";keyid=\"", ";keyid=\"A"),
    ] {
        let other = good.replacen(from, to, 1);
        assert_ne!(other, good, "{from}");
        let headers = set(&headers, &FIELDS[1], other.as_bytes()).unwrap();
        let refused = check_request(PATH, b"{}", &headers);
        assert!(matches!(refused, Err(MessageError::SignatureInput { .. })), "{other}: {refused:?}");
    }
    for more in [";tag=\"x\"", ";expires=1", ", sig2=()", " "] {
        let headers = set(&headers, &FIELDS[1], format!("{good}{more}").as_bytes()).unwrap();
        assert!(matches!(check_request(PATH, b"{}", &headers), Err(MessageError::SignatureInput { .. })), "{more}");
    }
}

#[test]
fn other_spellings_of_signature_are_refused() {
    let headers = signed(PATH, b"{}", &key(1));
    let good = text(&headers, &FIELDS[2]).to_owned();
    for other in [
        good.replace("sig=", "sig1="),
        good.replace("==:", ":"),
        good.replace("==:", "= =:"),
        format!("{good}, {good}"),
        format!("{good};a"),
        good.replace(':', "\""),
        String::new(),
    ] {
        let headers = set(&headers, &FIELDS[2], other.as_bytes()).unwrap();
        assert!(matches!(check_request(PATH, b"{}", &headers), Err(MessageError::Signature { .. })), "{other}");
    }
    for other in ["sig=::", "sig=:AAAA:"] {
        let headers = set(&headers, &FIELDS[2], other.as_bytes()).unwrap();
        assert!(matches!(check_request(PATH, b"{}", &headers), Err(MessageError::BadSignature(_))), "{other}");
    }
}

/// A fleet whose clocks are wrong must still get policy.
#[test]
fn no_clock_is_compared() {
    for created in [0, 1, 4_000_000_000, 999_999_999_999_999, u64::MAX] {
        let mut headers = HeaderMap::new();
        let signed = sign_request(post(PATH), b"", UnixSeconds(created), nonce(7), &key(1), &engine()).unwrap();
        signed.write_to(&mut headers);
        let verified = check_request(PATH, b"", &headers).unwrap();
        assert_eq!(verified.created, UnixSeconds(created.min(999_999_999_999_999)));
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        body in any::<Vec<u8>>(), path in "/[!-\"$->@-~]{0,40}", nonce in any::<u128>(), created in 0..=999_999_999_999_999_u64,
        status in 100_u16..1000, number in 0_u8..4,
    ) {
        let nonce = MessageNonce::from_bits(nonce);
        let (engine, key, created) = (engine(), key(number), UnixSeconds(created));
        let key_for = |kid| Some(key.public().clone()).filter(|key| key.thumbprint() == kid);
        let expected = VerifiedMessage { keyid: key.public().thumbprint(), nonce, created };
        let target = RequestTarget::new(&Method::PUT, &path).unwrap();

        let mut headers = HeaderMap::new();
        sign_request(target, &body, created, nonce, &key, &engine).unwrap().write_to(&mut headers);
        prop_assert_eq!(verify_request(target, &body, &headers, key_for, &engine), Ok(expected));

        let (status, answered) = (StatusCode::from_u16(status).unwrap(), Answered { target, nonce });
        sign_response(status, &body, answered, created, &key, &engine).unwrap().write_to(&mut headers);
        prop_assert_eq!(verify_response(status, &body, &headers, answered, key_for, &engine), Ok(expected));
    }

    #[test]
    fn arbitrary_headers_and_bodies_are_refused_without_a_panic(
        body in any::<Vec<u8>>(), values in prop::array::uniform3(any::<Vec<u8>>()), target in any::<String>(),
        digest_fits in any::<bool>(),
    ) {
        let mut headers = HeaderMap::new();
        for (field, value) in FIELDS.into_iter().zip(&values) {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.insert(field, value);
            }
        }
        if digest_fits {
            headers.insert(&FIELDS[0], HeaderValue::try_from(content_digest(&body)).unwrap());
        }
        let _ = RequestTarget::new(&Method::POST, &target);
        prop_assert!(check_request(PATH, &body, &headers).is_err());
        prop_assert!(check_response(200, &body, &headers).is_err());
    }

    /// Text that looks like ours up to the point where it does not.
    #[test]
    fn a_signature_input_spliced_at_random_is_refused_without_a_panic(cut in 0_usize..200, splice in any::<Vec<u8>>(), skip in 0_usize..40) {
        let headers = signed(PATH, b"{}", &key(1));
        let good = headers[&FIELDS[1]].as_bytes();
        let cut = cut.min(good.len());
        let spliced = [&good[..cut], &splice, &good[(cut + skip).min(good.len())..]].concat();
        if spliced != good && let Some(headers) = set(&headers, &FIELDS[1], &spliced) {
            let refused = check_request(PATH, b"{}", &headers).is_err();
            prop_assert!(refused);
        }
    }
}
