//! The examples of PROTOCOL.md, made by the library from a fixed seed.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign::{
    crypto::{Engine, KeyPool, PrivateKey, WallTotals, backend},
    protocol::{
        Answer, Answered, Binding, ChallengeError, ClientToken, ClientTokensRequest, ClientTokensResponse,
        CountersignedToken, Credentials, Holder, IssueError, IssuedToken, Issuer, NodeKind, Nonce, Policy,
        RegisterRequest, RegisterResponse, RequestFacts, RequestTarget, ServerEntry, ServerKeys, ServerKind,
        SignedHeaders, Subject, TokenChallenge, base64url, content_digest, jwe, sign_request, sign_response,
    },
    types::{CryptoTier, Epoch, Jti, MessageNonce, NodeId, Origin, Parameters, Profile, SeedStream, Uid, UnixSeconds},
};
use http::{HeaderMap, Method, StatusCode};

pub const NOW: UnixSeconds = UnixSeconds(1_767_600_000);

/// Everybody in the document.
pub struct Cast {
    pub engine: Engine,
    pub smp_key: PrivateKey,
    pub site_key: PrivateKey,
    pub agent_key: PrivateKey,
    pub smp: NodeId,
    pub site: NodeId,
    pub agent: NodeId,
    pub revoked: NodeId,
    pub smp_origin: Origin,
    pub site_origin: Origin,
    pub uid: Uid,
    pub revoked_uid: Uid,
    pub epoch: Epoch,
}

impl Cast {
    pub fn new() -> Self {
        let keys = KeyPool::new(SeedStream::new(1));
        let key = |number| keys.private_key(number).expect("the pool has thousands");
        let node = |text: &str| text.parse().expect("a GUID");
        Self {
            // This tier is in every build.
            engine: Engine::new(backend(CryptoTier::Rsa).expect("built"), Arc::new(WallTotals::default()), None),
            smp_key: key(0),
            site_key: key(1),
            agent_key: key(2),
            smp: node("10000000-0000-8000-8000-000000000000"),
            site: node("20000000-0000-8000-8000-000000000001"),
            agent: node("30000000-0000-8000-8000-000000000011"),
            revoked: node("30000000-0000-8000-8000-000000000012"),
            smp_origin: "http://smp".parse().expect("an origin"),
            site_origin: "http://site-1".parse().expect("an origin"),
            uid: Uid::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            revoked_uid: Uid::from_bits(0xfedc_ba98_7654_3210_fedc_ba98_7654_3210),
            epoch: Epoch::from_bits(0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff),
        }
    }

    pub fn server_keys(&self) -> ServerKeys {
        [self.smp_key.public().clone()].into_iter().collect()
    }

    pub fn policy(&self) -> Policy {
        let servers = vec![
            ServerEntry {
                id: self.smp,
                kind: ServerKind::Smp,
                origin: self.smp_origin.clone(),
                profile: Profile::Literal,
            },
            ServerEntry {
                id: self.site,
                kind: ServerKind::Site,
                origin: self.site_origin.clone(),
                profile: Profile::Literal,
            },
        ];
        let parameters = Parameters::defaults(Profile::Literal);
        Policy::new(1, servers, &parameters, self.server_keys(), [self.revoked].into())
    }

    pub fn issued(&self) -> IssuedToken {
        let parameters = Parameters::defaults(Profile::Literal);
        let issuer = Issuer::new(self.smp, self.smp_key.clone(), parameters.token_lifetime());
        let subject = Subject {
            agent: self.agent,
            uid: self.uid,
            agent_key: self.agent_key.public().thumbprint(),
            audience: self.site_origin.clone(),
        };
        issuer.issue(subject, Jti::from_bits(0xaaaa << 64 | 0x5555), NOW, &self.engine).expect("a key that signs")
    }

    pub fn countersigned(&self, counter: u64, channel_binding: Option<Option<&str>>) -> CountersignedToken {
        let digest = content_digest(b"");
        let binding = channel_binding.map(|channel_binding| {
            let request = RequestFacts {
                method: "GET",
                target: "/Altiris/Packages/index",
                content_digest: &digest,
                channel_binding,
            };
            let origin = if channel_binding.is_some() { "https://site-1" } else { "http://site-1" };
            Binding::to(&request, origin.parse().expect("an origin"), self.epoch)
        });
        let nonce = Nonce { uid: self.uid, counter };
        CountersignedToken::sign(&self.issued(), nonce, binding, &self.agent_key, &self.engine).expect("it signs")
    }

    pub fn register(&self) -> RegisterRequest {
        let public_key = self.agent_key.public().clone();
        RegisterRequest { id: self.agent, kind: NodeKind::Agent, public_key, origin: None, profile: Profile::Literal }
    }

    pub fn batch(&self) -> (ClientTokensRequest, ClientTokensResponse) {
        let holder = Holder { agent: self.agent, uid: self.uid };
        let revoked = Holder { agent: self.revoked, uid: self.revoked_uid };
        let token = ClientToken { token: self.issued().text().to_owned(), agent_key: self.agent_key.public().clone() };
        let tokens = vec![
            Answer { holder, result: Ok(token) },
            Answer { holder: revoked, result: Err(IssueError::AgentRevoked) },
        ];
        let request = ClientTokensRequest::new(self.site, vec![holder, revoked], 128).expect("two agents");
        (request, ClientTokensResponse { tokens })
    }
}

/// Name and text of every example, in the order of the document.
pub fn examples() -> Vec<(&'static str, String)> {
    let cast = Cast::new();
    let issued = cast.issued();
    let parts = |text: &str| text.split('.').map(decoded).collect::<Vec<_>>();
    let header_and_payload = parts(issued.text());
    let literal = cast.countersigned(1, None);
    let hardened = cast.countersigned(1, Some(None));
    let secure = cast.countersigned(1, Some(Some(&base64url::encode(&[7; 32]))));
    let part_four = |token: &CountersignedToken| parts(token.text())[3].clone();

    let post = |path| RequestTarget::new(&Method::POST, path).expect("a path");
    let get = |path| RequestTarget::new(&Method::GET, path).expect("a path");
    let nonce = |number: u128| MessageNonce::from_bits(number << 96 | number);
    let request = |target, body: &[u8], number, key: &PrivateKey| {
        headers(sign_request(target, body, NOW, nonce(number), key, &cast.engine).expect("it signs"))
    };
    let response = |target, body: &[u8], number| {
        let answered = Answered { target, nonce: nonce(number) };
        let signed = sign_response(StatusCode::OK, body, answered, NOW, &cast.smp_key, &cast.engine);
        headers(signed.expect("it signs"))
    };

    let register = cast.register().encode();
    let register_target = post("/NS/Agent/Register");
    let registered = RegisterResponse::new(cast.policy()).encode();
    let register_headers = request(register_target, &register, 1, &cast.agent_key);
    let registered_headers = response(register_target, &registered, 1);
    let (batch, tokens) = cast.batch();
    let batch_target = post("/NS/Agent/GetClientTokens.aspx");
    let batch_headers = request(batch_target, &batch.encode(), 3, &cast.site_key);
    let mut rng = SeedStream::new(1).rng("document", 0);
    let plain = serde_json::to_vec(&tokens).expect("JSON");
    let sealed = jwe::seal(&plain, cast.site_key.public(), &cast.engine, &mut rng).expect("it encrypts");

    vec![
        ("token header", header_and_payload[0].clone()),
        ("token payload", header_and_payload[1].clone()),
        ("part four, literal", part_four(&literal)),
        ("part four, hardened, http", part_four(&hardened)),
        ("part four, hardened, https", part_four(&secure)),
        ("token, literal", lines(literal.text(), '.')),
        (
            "first request",
            format!("Authorization: {}", Credentials::First { agent: cast.agent, uid: cast.uid }.to_value()),
        ),
        ("challenges", challenges(&cast)),
        ("jwks", pretty(&serde_json::to_vec(&cast.server_keys()).expect("JSON"))),
        ("register request", pretty(&register)),
        ("register request headers", register_headers.join("\n")),
        (
            "register request base",
            base(&register_headers, &["\"@method\": POST", "\"@path\": /NS/Agent/Register"], false),
        ),
        ("register response", pretty(&registered)),
        ("register response headers", registered_headers.join("\n")),
        ("register response base", {
            base(&registered_headers, &["\"@method\";req: POST", "\"@path\";req: /NS/Agent/Register"], true)
        }),
        ("policy request headers", request(get("/NS/Agent/Policy"), b"", 2, &cast.agent_key).join("\n")),
        ("batch request", pretty(&batch.encode())),
        ("batch request headers", batch_headers.join("\n")),
        ("batch response", pretty(&plain)),
        ("batch response, sealed", lines(&sealed, '.')),
        ("batch response, sealed, header", decoded(sealed.split('.').next().unwrap_or_default())),
        ("batch response, sealed, headers", response(batch_target, sealed.as_bytes(), 3).join("\n")),
        ("key smp", pem(&cast.smp_key)),
        ("key site", pem(&cast.site_key)),
        ("key agent", pem(&cast.agent_key)),
    ]
}

fn challenges(cast: &Cast) -> String {
    let token = "<header>.<payload>.<server_signature>";
    let challenge =
        |token, error, epoch| format!("WWW-Authenticate: {}", TokenChallenge { token, error, epoch }.to_value());
    let epoch = Some(cast.epoch);
    [
        challenge(None, None, None),
        challenge(Some(token), None, None),
        challenge(Some(token), Some(ChallengeError::ExpiredToken), None),
        challenge(Some(token), Some(ChallengeError::ReplayedToken), epoch),
    ]
    .join("\n")
}

/// The three header fields in the order of the document.
fn headers(signed: SignedHeaders) -> Vec<String> {
    let mut headers = HeaderMap::new();
    signed.write_to(&mut headers);
    let line = |name: &str, shown: &str| format!("{shown}: {}", headers[name].to_str().expect("ASCII"));
    vec![
        line("content-digest", "Content-Digest"),
        line("signature-input", "Signature-Input"),
        line("signature", "Signature"),
    ]
}

/// A signature base, written by hand from the header fields: what the document says, not what the library does.
fn base(headers: &[String], of_request: &[&str], is_response: bool) -> String {
    let value = |index: usize| headers[index].split_once(": ").expect("a header field").1;
    let digest = format!("\"content-digest\": {}", value(0));
    let parameters = format!("\"@signature-params\": {}", value(1).strip_prefix("sig=").expect("our label"));
    let mut lines: Vec<&str> = Vec::new();
    if is_response {
        lines.extend(["\"@status\": 200", &digest]);
        lines.extend(of_request);
    } else {
        lines.extend(of_request);
        lines.push(&digest);
    }
    lines.push(&parameters);
    lines.join("\n")
}

fn decoded(part: &str) -> String {
    base64url::decode(part).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// One part a line; the lines are joined by the separator.
fn lines(text: &str, separator: char) -> String {
    text.split(separator).collect::<Vec<_>>().join("\n")
}

fn pretty(json: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(json).expect("JSON");
    serde_json::to_string_pretty(&value).expect("JSON")
}

fn pem(key: &PrivateKey) -> String {
    let text = STANDARD.encode(key.pkcs8().unwrap());
    let lines: Vec<_> = text.as_bytes().chunks(120).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.join("\n")
}
