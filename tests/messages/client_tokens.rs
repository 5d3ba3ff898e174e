//! The batch request and its answer: rules 33, 34, 40, attacks 18, 19, 20.

use countersign::protocol::{
    Answer, BodyError, CLIENT_TOKENS_PATH, ClientToken, ClientTokensError, ClientTokensRequest, ClientTokensResponse,
    Directory, Holder, IssueError, MessageError, NodeKind, RegisterRequest, SiteDenied, SiteRequest, authenticate_site,
};
use http::HeaderMap;
use proptest::prelude::*;

use super::*;

const SITE: NodeId = NodeId::from_bits(2 << 124);

fn holder(number: u128) -> Holder {
    Holder { agent: node(number), uid: uid(number) }
}

fn request(numbers: impl IntoIterator<Item = u128>) -> ClientTokensRequest {
    ClientTokensRequest::new(SITE, numbers.into_iter().map(holder).collect(), 128).unwrap()
}

fn answer(number: u128) -> Answer {
    let token = ClientToken { token: format!("token.for.{number}"), agent_key: key(number as u8).public().clone() };
    Answer { holder: holder(number), result: if number == 13 { Err(IssueError::AgentRevoked) } else { Ok(token) } }
}

fn response(numbers: impl IntoIterator<Item = u128>) -> ClientTokensResponse {
    ClientTokensResponse { tokens: numbers.into_iter().map(answer).collect() }
}

/// Key 1 is the site's, key 3 an agent's; key 2 belongs to another site.
fn directory() -> Directory {
    let mut directory = Directory::new(SMP, "http://smp".parse().unwrap(), Profile::Literal);
    for (id, number) in [(SITE, 1), (node(2), 2)] {
        directory.approve_site(id);
        let origin = Some(format!("http://site-{number}").parse().unwrap());
        let public_key = key(number).public().clone();
        directory
            .register(&RegisterRequest { id, kind: NodeKind::Site, public_key, origin, profile: Profile::Literal })
            .unwrap();
    }
    let public_key = key(3).public().clone();
    directory
        .register(&RegisterRequest {
            id: node(3),
            kind: NodeKind::Agent,
            public_key,
            origin: None,
            profile: Profile::Literal,
        })
        .unwrap();
    directory
}

fn authenticate(directory: &Directory, body: &[u8], headers: &HeaderMap) -> Result<SiteRequest, SiteDenied> {
    authenticate_site(directory, post(CLIENT_TOKENS_PATH), body, headers, MAX_BYTES, 128, &engine())
}

#[test]
fn a_batch_request_has_the_form_of_the_specification() {
    let body = r#"{"site":"20000000-0000-0000-0000-000000000000","agents":[{"agent":"00000000-0000-0000-0000-000000000005","uid":"AAAAAAAAAAAAAAAAAAAABQ"}]}"#;
    assert_eq!(String::from_utf8(request([5]).encode()).unwrap(), body);
}

#[test]
fn a_batch_answer_has_the_form_of_the_specification() {
    let jwk = serde_json::to_string(&key(5).public().to_jwk()).unwrap();
    let expected = [
        r#"{"tokens":[{"agent":"00000000-0000-0000-0000-000000000005","uid":"AAAAAAAAAAAAAAAAAAAABQ","token":"token.for.5","agent_key":"#,
        &jwk,
        r#"},{"agent":"00000000-0000-0000-0000-00000000000d","uid":"AAAAAAAAAAAAAAAAAAAADQ","error":"agent_revoked"}]}"#,
    ];
    assert_eq!(serde_json::to_string(&response([5, 13])).unwrap(), expected.concat());
}

#[test]
fn a_request_names_at_most_128_agents() {
    let names = |count: u128| (0..count).map(holder).collect::<Vec<_>>();
    assert!(ClientTokensRequest::new(SITE, names(1), 128).is_ok());
    assert!(ClientTokensRequest::new(SITE, names(128), 128).is_ok());
    for found in [0, 129] {
        let refused = ClientTokensError::BatchSize { found, max: 128 };
        assert_eq!(ClientTokensRequest::new(SITE, names(found as u128), 128), Err(refused.clone()));
        // Who writes such a request all the same does not get it read.
        let body = ClientTokensRequest { site: SITE, agents: names(found as u128) }.encode();
        assert_eq!(ClientTokensRequest::decode(&body, MAX_BYTES, 128), Err(refused));
    }
    let twice = vec![holder(1), holder(2), holder(1)];
    assert_eq!(ClientTokensRequest::new(SITE, twice, 128), Err(ClientTokensError::Repeated(holder(1))));
    // Clones of one machine share the agent's id, not the uid (hole 15).
    let clones = vec![holder(1), Holder { uid: uid(2), ..holder(1) }];
    assert!(ClientTokensRequest::new(SITE, clones, 128).is_ok());
}

#[test]
fn a_size_cap_is_checked_before_parsing() {
    let body = request([1]).encode();
    let refused = ClientTokensError::Body(BodyError::TooLarge { found_bytes: body.len(), max_bytes: body.len() - 1 });
    assert_eq!(ClientTokensRequest::decode(&body, body.len() - 1, 128), Err(refused));
    assert!(ClientTokensRequest::decode(&body, body.len(), 128).is_ok());
    let denied =
        authenticate_site(&directory(), post(CLIENT_TOKENS_PATH), &[0; 9], &HeaderMap::new(), 8, 128, &engine());
    assert_eq!(denied.unwrap_err().status(), 413);
}

/// Rule 33.
#[test]
fn a_legitimate_site_gets_its_request_read() {
    let body = request([5]).encode();
    let site = authenticate(&directory(), &body, &signed(CLIENT_TOKENS_PATH, &body, &key(1))).unwrap();
    assert_eq!((site.request, site.site_key, site.message.nonce), (request([5]), key(1).public().clone(), nonce(7)));
}

/// Rule 33, attack 18.
#[test]
fn an_unsigned_unknown_or_removed_site_is_denied() {
    let body = request([5]).encode();
    let denied = |directory: &Directory, headers: &HeaderMap| {
        let denied = authenticate(directory, &body, headers).unwrap_err();
        assert_eq!(denied.status(), 403, "{denied}");
        denied
    };
    let directory = directory();
    let kid = |number| key(number).public().thumbprint();
    let by = |number| signed(CLIENT_TOKENS_PATH, &body, &key(number));

    assert!(matches!(denied(&directory, &HeaderMap::new()), SiteDenied::Message(MessageError::Unsigned(_))));
    assert_eq!(denied(&directory, &by(9)), SiteDenied::Message(MessageError::UnknownKey(kid(9))));
    assert_eq!(denied(&directory, &by(2)), SiteDenied::NotThatSite { site: SITE, keyid: kid(2) }, "another site");
    assert_eq!(denied(&directory, &by(3)), SiteDenied::NotThatSite { site: SITE, keyid: kid(3) }, "an agent");

    let mut removed = directory.clone();
    assert!(removed.remove_site(SITE));
    assert_eq!(denied(&removed, &by(1)), SiteDenied::Message(MessageError::UnknownKey(kid(1))));
    let mut revoked = directory.clone();
    revoked.revoke(SITE);
    assert_eq!(denied(&revoked, &by(1)), SiteDenied::Message(MessageError::UnknownKey(kid(1))));

    // A signature made for another endpoint, and an agent that calls itself a site.
    let elsewhere = signed("/NS/Agent/Register", &body, &key(1));
    assert!(matches!(denied(&directory, &elsewhere), SiteDenied::Message(MessageError::BadSignature(_))));
    let as_itself = ClientTokensRequest { site: node(3), agents: vec![holder(5)] }.encode();
    let headers = signed(CLIENT_TOKENS_PATH, &as_itself, &key(3));
    let denied = authenticate(&directory, &as_itself, &headers);
    assert_eq!(denied, Err(SiteDenied::NotThatSite { site: node(3), keyid: kid(3) }));
}

#[test]
fn a_signed_request_that_is_malformed_is_a_bad_request() {
    let body = br#"{"site":1}"#;
    let refused = authenticate(&directory(), body, &signed(CLIENT_TOKENS_PATH, body, &key(1))).unwrap_err();
    assert_eq!(refused.status(), 400);
}

/// Attack 19: by order, by omission, by addition.
#[test]
fn entries_are_matched_by_agent_and_uid() {
    let request = request([1, 2, 13]);
    let in_order: Vec<Answer> = [1, 2, 13].map(answer).into();
    assert_eq!(response([13, 1, 2]).matched(&request), Ok(in_order));
    assert_eq!(response([1, 13]).matched(&request), Err(ClientTokensError::Missing(holder(2))));
    assert_eq!(response([]).matched(&request), Err(ClientTokensError::Missing(holder(1))));
    assert_eq!(response([1, 2, 13, 4]).matched(&request), Err(ClientTokensError::Foreign(holder(4))));
    assert_eq!(response([1, 2, 13, 2]).matched(&request), Err(ClientTokensError::Doubled(holder(2))));
    let other_uid = Holder { uid: uid(9), ..holder(2) };
    let mut swapped = response([1, 2, 13]);
    swapped.tokens[1].holder = other_uid;
    assert_eq!(swapped.matched(&request), Err(ClientTokensError::Foreign(other_uid)));
}

#[test]
fn an_entry_has_either_a_token_with_its_key_or_an_error() {
    let good = serde_json::to_string(&response([5])).unwrap();
    let read = |json: &str| serde_json::from_str::<ClientTokensResponse>(json);
    assert!(read(&good).is_ok());
    let jwk = serde_json::to_string(&key(5).public().to_jwk()).unwrap();
    for bad in [
        good.replace(r#""token":"token.for.5","#, ""),
        good.replace(&format!(r#","agent_key":{jwk}"#), ""),
        good.replace(r#""token":"#, r#""error":"agent_revoked","token":"#),
        good.replace(r#""token":"token.for.5""#, r#""token":null"#),
        good.replace(r#""token":"#, r#""error":null,"token":"#),
        good.replace(r#""token":"#, r#""more":1,"token":"#),
        good.replace(r#""token":"#, r#""token":"twice","token":"#),
        good.replace("AQAB", "AQAC"),
        good.replace(r#""token":"token.for.5""#, r#""error":"other""#),
        format!("{good}{good}"),
        good[..good.len() - 1].to_owned(),
    ] {
        assert_ne!(bad, good);
        assert!(read(&bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn requests_and_answers_round_trip(numbers in prop::collection::btree_set(any::<u128>(), 1..20)) {
        let request = request(numbers.iter().copied());
        prop_assert_eq!(ClientTokensRequest::decode(&request.encode(), MAX_BYTES, 128).unwrap(), request);
        let response = response(numbers);
        let json = serde_json::to_vec(&response).unwrap();
        prop_assert_eq!(serde_json::from_slice::<ClientTokensResponse>(&json).unwrap(), response);
    }

    /// A model: the answer is accepted if and only if it is a permutation of the request.
    #[test]
    fn an_answer_is_accepted_exactly_if_it_is_a_permutation(
        asked in prop::collection::btree_set(0_u128..6, 1..5), given in prop::collection::vec(0_u128..6, 0..7),
    ) {
        let asked: Vec<u128> = asked.into_iter().rev().collect();
        let mut sorted = (asked.clone(), given.clone());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        match response(given).matched(&request(asked.iter().copied())) {
            Ok(answers) => {
                prop_assert_eq!(&sorted.0, &sorted.1);
                prop_assert_eq!(answers, asked.into_iter().map(answer).collect::<Vec<_>>());
            }
            Err(_) => prop_assert_ne!(&sorted.0, &sorted.1),
        }
    }

    #[test]
    fn arbitrary_bodies_are_refused_without_a_panic(body in any::<Vec<u8>>(), json in "[{}\\[\\]\":,a-z0-9]{0,80}") {
        for body in [body.as_slice(), json.as_bytes()] {
            prop_assert!(ClientTokensRequest::decode(body, MAX_BYTES, 128).is_err());
            prop_assert!(authenticate(&directory(), body, &signed(CLIENT_TOKENS_PATH, body, &key(1))).is_err());
        }
    }
}
