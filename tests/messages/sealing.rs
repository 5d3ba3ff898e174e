//! How the answer to a batch request is protected on its way: rule 34, attacks 19 and 20.

use countersign::{
    crypto::KeyPool,
    protocol::{
        Answer, Answered, BodyError, CLIENT_TOKENS_PATH, ClientToken, ClientTokensError, ClientTokensRequest,
        ClientTokensResponse, Directory, Holder, IssueError, NodeKind, RegisterRequest, authenticate_site,
        jwe::JweError, sign_request, sign_response, verify_response,
    },
    types::SeedStream,
};
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;

use super::*;

fn response() -> ClientTokensResponse {
    let token = ClientToken { token: "three.part.token".into(), agent_key: key(5).public().clone() };
    let answer = |number, result| Answer { holder: Holder { agent: node(number), uid: uid(number) }, result };
    ClientTokensResponse { tokens: vec![answer(5, Ok(token)), answer(6, Err(IssueError::UnknownAgent))] }
}

fn seal(secure: bool) -> Vec<u8> {
    let mut rng = SeedStream::new(1).rng("seal", 0);
    response().seal(secure, key(1).public(), MAX_BYTES, &engine(), &mut rng).unwrap()
}

fn open(sealed: &[u8], secure: bool, number: u8) -> Result<ClientTokensResponse, ClientTokensError> {
    ClientTokensResponse::open(sealed, secure, &key(number), MAX_BYTES, &engine())
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn over_tls_the_answer_is_plain_json() {
    let sealed = seal(true);
    assert_eq!(sealed, serde_json::to_vec(&response()).unwrap());
    assert_eq!(open(&sealed, true, 1), Ok(response()));
}

/// Attack 20: who listens to plain HTTP sees ciphertext.
#[test]
fn over_plain_http_the_answer_is_encrypted_to_the_site() {
    let sealed = seal(false);
    for secret in ["three.part.token", &node(5).to_string(), &uid(5).to_string(), "agent_key", "unknown_agent"] {
        assert!(contains(&seal(true), secret));
        assert!(!contains(&sealed, secret), "{secret}");
    }
    assert_eq!(sealed.split(|byte| *byte == b'.').count(), 5, "compact form");
    assert_eq!(open(&sealed, false, 1), Ok(response()));
    assert!(matches!(open(&sealed, false, 2), Err(ClientTokensError::Jwe(JweError::Recipient { .. }))), "another site");
}

#[test]
fn what_should_be_encrypted_is_not_accepted_in_the_clear() {
    assert!(matches!(open(&seal(true), false, 1), Err(ClientTokensError::Jwe(_))));
    assert!(matches!(open(&seal(false), true, 1), Err(ClientTokensError::Body(BodyError::Json { .. }))));
    assert_eq!(open(&[0xff], false, 1), Err(BodyError::NotText.into()));
}

#[test]
fn an_answer_is_capped_at_both_ends() {
    for secure in [false, true] {
        let found_bytes = seal(secure).len();
        let max_bytes = found_bytes - 1;
        let refused = ClientTokensError::Body(BodyError::TooLarge { found_bytes, max_bytes });
        let opened = ClientTokensResponse::open(&seal(secure), secure, &key(1), max_bytes, &engine());
        assert_eq!(opened, Err(refused.clone()));
        let mut rng = SeedStream::new(1).rng("seal", 0);
        assert_eq!(response().seal(secure, key(1).public(), max_bytes, &engine(), &mut rng), Err(refused));
    }
}

/// The whole exchange of a batch, in every tier that is built in and over both schemes.
#[test]
fn a_batch_goes_through_in_every_tier_and_no_altered_byte_does() {
    let pool = KeyPool::new(SeedStream::new(1));
    let (smp_key, site_key) = (pool.private_key(0).unwrap(), pool.private_key(1).unwrap());
    let site = node(2);
    let mut directory = Directory::new(SMP, "http://smp".parse().unwrap(), Profile::Literal);
    directory.approve_site(site);
    let origin = Some("http://site-1".parse().unwrap());
    let public_key = site_key.public().clone();
    directory
        .register(&RegisterRequest { id: site, kind: NodeKind::Site, public_key, origin, profile: Profile::Literal })
        .unwrap();
    let asked = ClientTokensRequest::new(site, response().tokens.iter().map(|answer| answer.holder).collect(), 128);
    let asked = asked.unwrap();
    let target = post(CLIENT_TOKENS_PATH);

    for tier in [CryptoTier::AwsLc, CryptoTier::Rsa, CryptoTier::Modelled] {
        let Ok(backend) = backend(tier) else { continue };
        let engine = Engine::new(backend, Arc::default(), None);
        // A key belongs to the first backend that prepares it.
        let (smp_key, site_key) = (fresh(&smp_key), fresh(&site_key));
        let mut directory = directory.clone();
        directory.change_key(site, site_key.public().clone());
        for secure in [false, true] {
            let (body, mut headers) = (asked.encode(), HeaderMap::new());
            sign_request(target, &body, NOW, nonce(7), &site_key, &engine).unwrap().write_to(&mut headers);
            let seen = authenticate_site(&directory, target, &body, &headers, MAX_BYTES, 128, &engine).unwrap();
            assert_eq!(seen.request, asked);

            let mut rng = SeedStream::new(1).rng("seal", 0);
            let body = response().seal(secure, &seen.site_key, MAX_BYTES, &engine, &mut rng).unwrap();
            let answered = Answered { target, nonce: seen.message.nonce };
            let mut headers = HeaderMap::new();
            sign_response(StatusCode::OK, &body, answered, NOW, &smp_key, &engine).unwrap().write_to(&mut headers);

            let trusted: ServerKeys = [smp_key.public().clone()].into_iter().collect();
            let verify = |body: &[u8]| {
                let answered = Answered { target, nonce: nonce(7) };
                verify_response(StatusCode::OK, body, &headers, answered, |kid| trusted.get(kid).cloned(), &engine)
            };
            verify(&body).unwrap();
            let opened = ClientTokensResponse::open(&body, secure, &site_key, MAX_BYTES, &engine).unwrap();
            assert_eq!(opened.matched(&asked), Ok(response().tokens));
            for at in 0..body.len() {
                let mut altered = body.clone();
                altered[at] ^= 1;
                assert!(verify(&altered).is_err(), "{tier} byte {at}");
            }
        }
    }
}

fn fresh(key: &PrivateKey) -> PrivateKey {
    PrivateKey::new(key.pkcs8().unwrap().to_vec(), PublicKey::from_modulus(key.public().modulus()).unwrap())
}

proptest! {
    #[test]
    fn arbitrary_answers_are_refused_without_a_panic(
        body in any::<Vec<u8>>(), compact in "[A-Za-z0-9_-]{0,30}(\\.[A-Za-z0-9_-]{0,30}){0,5}",
    ) {
        for secure in [false, true] {
            prop_assert!(open(&body, secure, 1).is_err());
            prop_assert!(open(compact.as_bytes(), secure, 1).is_err());
        }
    }
}
