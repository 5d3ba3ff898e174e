//! The documents say what the code does. PROTOCOL.md: its examples are made anew and compared, its bodies are read and its
//! signatures verified by the library, and its tables are those of the code.
//!
//! To write the examples anew (after changing the wire format), run
//! `cargo test --release --test documents -- --ignored` and then the tests.

mod examples;
mod others;
mod rules;
mod tables;
mod workflow;
#[path = "../yaml/mod.rs"]
mod yaml;

use countersign::{
    crypto::PublicKey,
    protocol::{
        Answered, ClientTokensResponse, CountersignedToken, Credentials, Directory, IssuedToken, Policy,
        RegisterRequest, RegisterResponse, RequestTarget, ServerKeys, TokenChallenge, authenticate_site,
        verify_request, verify_response,
    },
};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use self::examples::{Cast, examples};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/PROTOCOL.md");
const BYTES_MAX: usize = 1 << 20;

#[test]
fn every_example_is_what_the_library_makes() {
    let document = document();
    for (name, made) in examples() {
        assert_eq!(example(&document, name), made, "the example `{name}` of PROTOCOL.md");
    }
    let marked = document.matches("<!-- example: ").count();
    assert_eq!(marked, examples().len(), "examples of PROTOCOL.md that nothing makes");
}

#[test]
#[ignore = "writes the examples of PROTOCOL.md anew"]
fn write_the_examples_anew() {
    let mut document = document();
    for (name, made) in examples() {
        let (start, end) = place(&document, name);
        document.replace_range(start..end, &made);
    }
    std::fs::write(PATH, document).unwrap();
}

#[test]
fn the_token_verifies_with_the_keys_shown() {
    let (cast, document) = (Cast::new(), document());
    let text = joined(&document, "token, literal", ".");
    let token = CountersignedToken::parse(&text).expect("a five-part token");
    assert_eq!(token.text(), cast.countersigned(1, None).text());
    let keys: ServerKeys = serde_json::from_str(&example(&document, "jwks")).unwrap();
    let server_key = keys.get(token.issued.kid).expect("the key of the key set");
    assert!(token.issued.is_signed_by(server_key, &cast.engine));
    let request: serde_json::Value = serde_json::from_str(&example(&document, "register request")).unwrap();
    let jwk = serde_json::from_value(request["public_key"].clone()).unwrap();
    let agent_key = PublicKey::from_jwk(&jwk).unwrap();
    assert!(token.is_signed_by(&agent_key, &cast.engine));
    assert_eq!(token.issued.claims.cnf.jkt, agent_key.thumbprint());
}

#[test]
fn the_header_values_are_read_by_the_library() {
    let (cast, document) = (Cast::new(), document());
    let first = example(&document, "first request");
    let value = first.strip_prefix("Authorization: ").unwrap();
    assert_eq!(Credentials::parse(value), Some(Credentials::First { agent: cast.agent, uid: cast.uid }));
    for line in example(&document, "challenges").lines() {
        let value = line.strip_prefix("WWW-Authenticate: ").unwrap();
        assert_eq!(TokenChallenge::parse(value).map(|challenge| challenge.to_value()).as_deref(), Some(value));
    }
}

#[test]
fn the_registration_and_its_answer_are_accepted() {
    let (cast, document) = (Cast::new(), document());
    let target = RequestTarget::new(&Method::POST, "/NS/Agent/Register").unwrap();
    let headers = headers(&document, "register request headers");
    let body = compact(&document, "register request");
    let (request, message) = RegisterRequest::verify(target, &body, &headers, BYTES_MAX, &cast.engine).unwrap();
    assert_eq!(request, cast.register());

    let answered = Answered { target, nonce: message.nonce };
    let headers = self::headers(&document, "register response headers");
    let body = compact(&document, "register response");
    let pinned = cast.smp_key.public().thumbprint();
    let response =
        RegisterResponse::verify(StatusCode::OK, &body, &headers, answered, pinned, BYTES_MAX, &cast.engine).unwrap().0;
    assert_eq!(response.policy, cast.policy());
    assert_eq!(Policy::decode(&response.policy.encode(), BYTES_MAX), Ok(response.policy));
}

#[test]
fn the_signature_bases_are_what_is_signed() {
    let (cast, document) = (Cast::new(), document());
    for (base, headers, key) in [
        ("register request base", "register request headers", &cast.agent_key),
        ("register response base", "register response headers", &cast.smp_key),
    ] {
        let headers = self::headers(&document, headers);
        let field = headers["signature"].to_str().unwrap();
        let base64 = field.strip_prefix("sig=:").unwrap().strip_suffix(':').unwrap();
        let signature = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, base64).unwrap();
        assert!(cast.engine.verify(key.public(), example(&document, base).as_bytes(), &signature), "{base}");
    }
}

#[test]
fn the_policy_request_is_accepted() {
    let (cast, document) = (Cast::new(), document());
    let target = RequestTarget::new(&Method::GET, "/NS/Agent/Policy").unwrap();
    let headers = headers(&document, "policy request headers");
    let key_for = |_| Some(cast.agent_key.public().clone());
    assert!(verify_request(target, b"", &headers, key_for, &cast.engine).is_ok());
}

#[test]
fn the_batch_request_and_its_sealed_answer_are_accepted() {
    let (cast, document) = (Cast::new(), document());
    let mut directory = Directory::new(cast.smp, cast.smp_origin.clone(), countersign::types::Profile::Literal);
    directory.approve_site(cast.site);
    let site = serde_json::json!({
        "id": cast.site, "kind": "site", "public_key": cast.site_key.public().to_jwk(), "origin": "http://site-1",
    });
    directory.register(&serde_json::from_value(site).unwrap()).unwrap();
    let target = RequestTarget::new(&Method::POST, "/NS/Agent/GetClientTokens.aspx").unwrap();
    let headers = headers(&document, "batch request headers");
    let body = compact(&document, "batch request");
    let request = authenticate_site(&directory, target, &body, &headers, BYTES_MAX, 128, &cast.engine).unwrap();

    let sealed = joined(&document, "batch response, sealed", ".");
    let headers = self::headers(&document, "batch response, sealed, headers");
    let answered = Answered { target, nonce: request.message.nonce };
    let key_for = |kid| cast.server_keys().get(kid).cloned();
    verify_response(StatusCode::OK, sealed.as_bytes(), &headers, answered, key_for, &cast.engine).unwrap();
    let open = |body: &[u8], is_secure| {
        ClientTokensResponse::open(body, is_secure, &cast.site_key, BYTES_MAX, &cast.engine).unwrap()
    };
    let over_http = open(sealed.as_bytes(), false);
    assert_eq!(over_http, open(&compact(&document, "batch response"), true));
    let answers = over_http.matched(&request.request).unwrap();
    let token = &answers[0].result.as_ref().unwrap().token;
    assert_eq!(IssuedToken::parse(token), Some(cast.issued()));
}

fn document() -> String {
    std::fs::read_to_string(PATH).unwrap()
}

/// Where the text of an example stands: between the fences after its mark.
fn place(document: &str, name: &str) -> (usize, usize) {
    let mark = format!("<!-- example: {name} -->\n");
    let start = document.find(&mark).unwrap_or_else(|| panic!("PROTOCOL.md has no `{mark}`")) + mark.len();
    let start = start + document[start..].find('\n').unwrap() + 1;
    (start, start + document[start..].find("\n```").unwrap())
}

fn example(document: &str, name: &str) -> String {
    let (start, end) = place(document, name);
    document[start..end].to_owned()
}

fn joined(document: &str, name: &str, separator: &str) -> String {
    example(document, name).lines().collect::<Vec<_>>().join(separator)
}

/// A JSON example as it is sent: without white space, members in their order.
fn compact(document: &str, name: &str) -> Vec<u8> {
    let value: serde_json::Value = serde_json::from_str(&example(document, name)).unwrap();
    serde_json::to_vec(&value).unwrap()
}

fn headers(document: &str, name: &str) -> HeaderMap {
    let line = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
    };
    example(document, name).lines().map(line).collect()
}
