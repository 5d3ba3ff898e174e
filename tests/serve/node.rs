//! A node that a test plays itself, to the byte: it signs what it likes, when it likes, and sends it again.

use std::sync::Arc;

use countersign::{
    crypto::{Engine, KeyPool, PrivateKey, backend},
    protocol::{
        CLIENT_TOKENS_PATH, ClientTokensRequest, CountersignedToken, Credentials, Holder, IssuedToken, NodeKind, Nonce,
        REGISTER_PATH, RegisterRequest, RequestTarget, TokenChallenge, sign_request,
    },
    types::{CryptoTier, MessageNonce, NodeId, Profile, SeedStream, Uid, UnixSeconds},
};

use crate::process::{Served, http, status};

/// Its identity.
pub struct Node {
    pub id: NodeId,
    pub key: PrivateKey,
}

/// A request as it goes over the wire.
#[derive(Clone)]
pub struct Signed {
    head: String,
    body: String,
}

fn engine() -> Engine {
    Engine::new(backend(CryptoTier::AwsLc).unwrap(), Arc::default(), None)
}

impl Node {
    /// The node of this number, with the key of this number.
    pub fn new(number: u32) -> Self {
        Self::with_key(number, number)
    }

    /// A node that goes by the name of another.
    pub fn with_key(number: u32, key: u32) -> Self {
        let id = NodeId::from_bits(0x2000_0000_0000_4000_8000_0000_0000_0000 + u128::from(number));
        Self { id, key: KeyPool::new(SeedStream::new(11)).private_key(key).unwrap() }
    }

    pub fn kid(&self) -> String {
        self.key.public().thumbprint().to_string()
    }

    /// A registration as a site server that its clock dates so.
    pub fn site(&self, origin: &str, profile: Profile, created: u64) -> Signed {
        let origin = Some(origin.parse().unwrap());
        let (id, kind, public_key) = (self.id, NodeKind::Site, self.key.public().clone());
        let body = RegisterRequest { id, kind, public_key, origin, profile }.encode();
        self.sign(REGISTER_PATH, body, created)
    }

    /// A registration as an agent.
    pub fn agent(&self) -> Signed {
        let (id, kind, public_key) = (self.id, NodeKind::Agent, self.key.public().clone());
        let body = RegisterRequest { id, kind, public_key, origin: None, profile: Profile::default() }.encode();
        self.sign(REGISTER_PATH, body, 1)
    }

    /// A request for tokens for so many starts of an agent.
    pub fn tokens(&self, agent: NodeId, starts: u128, created: u64) -> Signed {
        let agents = (1..=starts).map(|start| Holder { agent, uid: Uid::from_bits(start) }).collect();
        self.sign(CLIENT_TOKENS_PATH, ClientTokensRequest { site: self.id, agents }.encode(), created)
    }

    fn sign(&self, path: &str, body: Vec<u8>, created: u64) -> Signed {
        let target = RequestTarget::new(&http::Method::POST, path).unwrap();
        let nonce = MessageNonce::from_bits(created.into());
        let signed = sign_request(target, &body, UnixSeconds(created), nonce, &self.key, &engine()).unwrap();
        let mut headers = http::HeaderMap::new();
        signed.write_to(&mut headers);
        let mut head = format!("POST {path} HTTP/1.1\r\nHost: smp\r\n");
        for (name, value) in &headers {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        Signed { head, body: String::from_utf8(body).unwrap() }
    }

    /// As a literal agent, authenticates with a token whose counter it sets itself; the status of the answer.
    pub fn use_token(&self, server: &Served, start: u128, counters: &[u64]) -> Vec<u16> {
        let uid = Uid::from_bits(start);
        let first = Credentials::First { agent: self.id, uid }.to_value();
        let get = |credentials: &str| {
            let head = format!("GET /Altiris/x HTTP/1.1\r\nHost: x\r\nAuthorization: {credentials}\r\n");
            http(server.address(), &head, "")
        };
        let answer = get(&first);
        let is_challenge = |line: &&str| line.to_lowercase().starts_with("www-authenticate: ");
        let line = answer.lines().find(is_challenge).unwrap_or_else(|| panic!("no challenge: {answer}"));
        let challenge = TokenChallenge::parse(line.split_once(": ").unwrap().1).unwrap();
        let issued = IssuedToken::parse(challenge.token.expect("a token")).unwrap();
        let used = counters.iter().map(|counter| {
            let nonce = Nonce { uid, counter: *counter };
            let token = CountersignedToken::sign(&issued, nonce, None, &self.key, &engine()).unwrap();
            status(&get(&format!("SMPToken {}", token.text())))
        });
        used.collect()
    }
}

impl Signed {
    /// Sends it; the status of the answer. A recorder on the way could do so, too.
    pub fn send(&self, smp: &Served) -> u16 {
        status(&http(smp.address(), &self.head, &self.body))
    }
}
