//! The first three parts: an ordinary RS256 JWT that the issuer signed (hole 11, attacks 1 to 5).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Nonce, base64url,
    compact::{self, read_json},
};
use crate::{
    crypto::{Engine, KeyError, PrivateKey, PublicKey},
    types::{Bug, Fingerprint, Jti, NodeId, Origin, Thumbprint, Uid, UnixSeconds},
};

/// `header.payload.server_signature` (RFC 7519, RFC 7515 section 3.1), parsed. Parsing verifies nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuedToken {
    text: Arc<str>,
    /// Which server key signed: looked up, never followed (attack 2).
    pub kid: Thumbprint,
    /// The uid for which it was issued.
    pub uid: Uid,
    /// What it says.
    pub claims: Claims,
    signature: Vec<u8>,
}

/// The payload (RFC 7519 section 4.1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The issuer.
    pub iss: NodeId,
    /// The agent.
    pub sub: NodeId,
    /// The server that accepts it (compared by the hardened profile only, hole 11).
    pub aud: Origin,
    /// When it was issued, by the issuer's clock.
    pub iat: UnixSeconds,
    /// When it ends, by the issuer's clock.
    pub exp: UnixSeconds,
    /// Its name.
    pub jti: Jti,
    /// The key that must countersign it.
    pub cnf: Confirmation,
}

/// The proof-of-possession key (RFC 7800 section 3.1), as a thumbprint (RFC 9449 section 6.1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The RFC 7638 thumbprint of the agent's key.
    pub jkt: Thumbprint,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: Thumbprint,
    // A string: JWT libraries refuse an object here.
    nonce: &'a str,
}

impl IssuedToken {
    /// Makes and signs a token.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn sign(uid: Uid, claims: Claims, key: &PrivateKey, engine: &Engine) -> Result<Self, KeyError> {
        let kid = key.public().thumbprint();
        let nonce = Nonce { uid, counter: 0 }.to_string();
        let header = Header { alg: "RS256", typ: "JWT", kid, nonce: &nonce };
        let (text, signature) = compact::sign(&header, &claims, key, engine)?;
        Ok(Self { text: text.into(), kid, uid, claims, signature })
    }

    /// Reads a token. `None` if it is not of exactly this form (attacks 1 to 5).
    pub fn parse(text: &str) -> Option<Self> {
        let [header, payload, signature] = compact::three_parts(text)?;
        let header = base64url::decode(header)?;
        let header: Header<'_> = read_json(&header)?;
        let is_unsigned = Bug::AlgNoneAccepted.is_planted() && header.alg.eq_ignore_ascii_case("none");
        if header.alg != "RS256" && !is_unsigned || header.typ != "JWT" {
            return None;
        }
        let nonce: Nonce = header.nonce.parse().ok()?;
        if nonce.counter != 0 {
            return None;
        }
        let claims = read_json(&base64url::decode(payload)?)?;
        let signature = if is_unsigned { Some(Vec::new()) } else { base64url::decode(signature) };
        let signature = signature.filter(|signature| is_unsigned || !signature.is_empty())?;
        Some(Self { text: text.into(), kid: header.kid, uid: nonce.uid, claims, signature })
    }

    /// The three parts, as sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The three parts, shared.
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// A short name for exactly these bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.text.as_bytes())
    }

    /// Whether `key` signed the first two parts.
    pub fn is_signed_by(&self, key: &PublicKey, engine: &Engine) -> bool {
        if Bug::AlgNoneAccepted.is_planted() && self.signature.is_empty() {
            return true;
        }
        let signed_bytes = self.text.rfind('.').unwrap_or_default();
        engine.verify(key, &self.text.as_bytes()[..signed_bytes], &self.signature)
    }
}
