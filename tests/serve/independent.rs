//! A client that knows PROTOCOL.md and nothing of this crate: josekit, OpenSSL and bytes on a socket.
//!
//! They need OpenSSL (`libssl-dev` and `pkg-config` on Debian), so that this is no part of the ordinary tests:
//! `cargo test --release --features judges --test serve`.

use josekit::{
    jwk::Jwk,
    jws::{JwsSigner as _, JwsVerifier as _, RS256, alg::rsassa::RsassaJwsSigner},
};
use openssl::{base64, sha::sha256};
use serde_json::{Value, json};

use crate::process::{SMP, Served, body, http, status};

const AGENT: &str = "30000000-0000-4000-8000-00000000abcd";
const UID: &str = "ASNFZ4mrze8BI0VniavN7w";

struct Client {
    jwk: Jwk,
    signer: RsassaJwsSigner,
    kid: String,
    counter: u64,
}

fn base64url(bytes: &[u8]) -> String {
    base64::encode_block(bytes).replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
}

fn from_base64url(text: &str) -> Vec<u8> {
    let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
    base64::decode_block(&padded.replace('-', "+").replace('_', "/")).unwrap()
}

/// RFC 7638.
fn thumbprint(jwk: &Value) -> String {
    base64url(&sha256(format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, jwk["e"], jwk["n"]).as_bytes()))
}

/// RFC 9530.
fn content_digest(body: &str) -> String {
    format!("sha-256=:{}:", base64::encode_block(&sha256(body.as_bytes())))
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

impl Client {
    fn new() -> Self {
        let jwk = Jwk::generate_rsa_key(2048).unwrap();
        let signer = RS256.signer_from_jwk(&jwk).unwrap();
        let kid = thumbprint(&Self::public(&jwk));
        Self { jwk, signer, kid, counter: 0 }
    }

    fn public(jwk: &Jwk) -> Value {
        json!({ "kty": "RSA", "e": jwk.parameter("e").unwrap(), "n": jwk.parameter("n").unwrap() })
    }

    fn sign(&self, message: &str) -> Vec<u8> {
        self.signer.sign(message.as_bytes()).unwrap()
    }

    /// Registers, and gives the SMP's keys once the answer is seen to be signed by the pinned one (RFC 9421).
    fn register(&self, smp: &Served) -> Vec<Value> {
        let mut key = Self::public(&self.jwk);
        key["kid"] = json!(self.kid);
        let body_sent = json!({ "id": AGENT, "kind": "agent", "public_key": key }).to_string();
        let (digest, nonce) = (content_digest(&body_sent), "AAAAAQAAAAAAAAAAAAAAAQ");
        let parameters = format!(
            "(\"@method\" \"@path\" \"content-digest\");created=1767600000;nonce=\"{nonce}\";alg=\"rsa-v1_5-sha256\";keyid=\"{}\"",
            self.kid
        );
        let base = format!(
            "\"@method\": POST\n\"@path\": /NS/Agent/Register\n\"content-digest\": {digest}\n\"@signature-params\": {parameters}"
        );
        let signature = base64::encode_block(&self.sign(&base));
        let head = format!(
            "POST /NS/Agent/Register HTTP/1.1\r\nHost: smp\r\nContent-Digest: {digest}\r\nSignature-Input: \
             sig={parameters}\r\nSignature: sig=:{signature}:\r\n"
        );
        let answer = http(smp.address(), &head, &body_sent);
        assert_eq!(status(&answer), 200, "{answer}");

        let registered: Value = serde_json::from_str(body(&answer)).unwrap();
        let keys = registered["jwks"]["keys"].as_array().unwrap().clone();
        let pinned = keys.iter().find(|key| thumbprint(key) == smp.pin()).expect("the pinned key is among them");
        let digest = header(&answer, "content-digest").unwrap();
        assert_eq!(digest, content_digest(body(&answer)));
        let parameters = header(&answer, "signature-input").unwrap().strip_prefix("sig=").unwrap();
        assert!(parameters.contains(&format!(";nonce=\"{nonce}\";")), "{parameters}");
        let base = format!(
            "\"@status\": 200\n\"content-digest\": {digest}\n\"@method\";req: POST\n\"@path\";req: /NS/Agent/Register\n\
             \"@signature-params\": {parameters}"
        );
        let signature = header(&answer, "signature").unwrap();
        let signature = signature.strip_prefix("sig=:").unwrap().strip_suffix(':').unwrap();
        let verifier = RS256.verifier_from_jwk(&Jwk::from_bytes(pinned.to_string()).unwrap()).unwrap();
        verifier.verify(base.as_bytes(), &base64::decode_block(signature).unwrap()).expect("the SMP has signed it");
        keys
    }

    fn get(&self, smp: &Served, authorization: &str) -> String {
        let head = format!("GET /Altiris/Packages/index HTTP/1.1\r\nHost: smp\r\nAuthorization: {authorization}\r\n");
        http(smp.address(), &head, "")
    }

    /// Parts four and five behind the three of the server.
    fn countersign(&mut self, three: &str, smp: &Served, epoch: Option<&str>) -> String {
        self.counter += 1;
        let mut nonce = json!({ "nonce": format!("{UID}.{}", self.counter) });
        if let Some(epoch) = epoch {
            nonce["aud"] = json!(smp.origin());
            nonce["epoch"] = json!(epoch);
            nonce["htm"] = json!("GET");
            nonce["htu"] = json!("/Altiris/Packages/index");
            nonce["content_digest"] = json!(content_digest(""));
        }
        let four = format!("{three}.{}", base64url(nonce.to_string().as_bytes()));
        let signature = base64url(&self.sign(&four));
        format!("{four}.{signature}")
    }
}

fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    challenge.split_once(&format!("{name}=\""))?.1.split('"').next()
}

#[test]
fn a_client_that_follows_the_protocol_alone_is_served_in_both_profiles() {
    for profile in ["literal", "hardened"] {
        let folder = tempfile::tempdir().unwrap();
        let smp = Served::start("smp", folder.path(), &format!("profile = \"{profile}\"\n{SMP}"));
        let mut client = Client::new();
        let keys = client.register(&smp);

        let challenged = client.get(&smp, &format!("SMPToken agent=\"{AGENT}\", nonce=\"{UID}\""));
        assert_eq!(status(&challenged), 401, "{challenged}");
        let challenge = header(&challenged, "www-authenticate").unwrap();
        let three = parameter(challenge, "token").unwrap();
        let epoch = parameter(challenge, "epoch");
        assert_eq!(epoch.is_some(), profile == "hardened");

        // An ordinary RS256 JWT, by a key that the SMP stands for, with the uid that was sent.
        let parts: Vec<_> = three.split('.').collect();
        let read = |part: &str| -> Value { serde_json::from_slice(&from_base64url(part)).unwrap() };
        let (first, claims) = (read(parts[0]), read(parts[1]));
        let key = keys.iter().find(|key| thumbprint(key) == first["kid"]).expect("a key of the SMP");
        let verifier = RS256.verifier_from_jwk(&Jwk::from_bytes(key.to_string()).unwrap()).unwrap();
        // Not by its reader of whole JWTs, which takes a header's `nonce` for that of ACME (RFC 8555), all base64url.
        let signed = format!("{}.{}", parts[0], parts[1]);
        verifier.verify(signed.as_bytes(), &from_base64url(parts[2])).expect("the SMP has signed it");
        assert_eq!(first["nonce"], format!("{UID}.0"));
        assert_eq!(claims["sub"], AGENT);
        assert_eq!(claims["cnf"]["jkt"], client.kid);

        // Two steps, then one; a counter that was used is refused.
        let token = client.countersign(three, &smp, epoch);
        assert_eq!(status(&client.get(&smp, &format!("SMPToken {token}"))), 200);
        let token = client.countersign(three, &smp, epoch);
        assert_eq!(status(&client.get(&smp, &format!("SMPToken {token}"))), 200);
        let replayed = client.get(&smp, &format!("SMPToken {token}"));
        assert_eq!(status(&replayed), 401);
        assert!(header(&replayed, "www-authenticate").unwrap().contains("error=\"replayed_token\""), "{replayed}");
        smp.stop();
    }
}
