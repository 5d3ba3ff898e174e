//! Tokens made by hand: whatever a server's checks should turn down.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    crypto::{Engine, PrivateKey, PublicKey},
    protocol::{Binding, base64url},
    types::{Jti, NodeId, Origin, Thumbprint, Uid, UnixSeconds},
};

/// What a forged token says.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// Who is said to have issued it.
    pub iss: NodeId,
    /// In whose name it speaks.
    pub sub: NodeId,
    /// For which server.
    pub aud: Origin,
    /// Which server key is said to have signed it.
    pub kid: Thumbprint,
    /// Which agent key it asks for.
    pub jkt: Thumbprint,
    /// Its uid.
    pub uid: Uid,
    /// Its name.
    pub jti: Jti,
    /// When it is said to have been issued.
    pub iat: UnixSeconds,
    /// When it is said to end.
    pub exp: UnixSeconds,
}

impl Forgery {
    /// A header that looks as it should.
    pub fn header(&self) -> Value {
        json!({ "alg": "RS256", "typ": "JWT", "kid": self.kid.to_string(), "nonce": format!("{}.0", self.uid) })
    }

    /// A payload that looks as it should.
    pub fn payload(&self) -> Value {
        json!({
            "iss": self.iss.to_string(), "sub": self.sub.to_string(), "aud": self.aud.to_string(),
            "iat": self.iat.0, "exp": self.exp.0, "jti": self.jti.to_string(), "cnf": { "jkt": self.jkt.to_string() },
        })
    }
}

/// All that is needed to make tokens which a server should turn down.
pub struct Draft {
    /// What they say where they say nothing else.
    pub forgery: Forgery,
    /// What the server wants them bound to.
    pub binding: Option<Binding>,
    /// The attacker's key.
    pub key: PrivateKey,
    /// The attacker's engine.
    pub engine: Arc<Engine>,
}

impl Draft {
    /// A signature by the attacker's key.
    pub fn own_signature(&self, signed: &[u8]) -> Vec<u8> {
        self.engine.sign(&self.key, signed).unwrap_or_default()
    }

    /// Five parts around any header, signed throughout by the attacker's key.
    pub fn with_header(&self, header: &str) -> String {
        self.token(header, &self.forgery.payload().to_string(), |signed| self.own_signature(signed))
    }

    /// Five parts around any header and payload, the first three signed in any way.
    pub fn token(&self, header: &str, payload: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let four = part_four(self.forgery.uid, 1, self.binding.as_ref());
        five_parts(&three_parts(header, payload, sign), &four, &self.key, &self.engine)
    }
}

/// Part four of any uid and counter.
pub fn part_four(uid: Uid, counter: u64, binding: Option<&Binding>) -> String {
    let mut part = json!({ "nonce": format!("{uid}.{counter}") });
    if let (Some(binding), Some(part)) = (binding, part.as_object_mut()) {
        part.insert("aud".into(), binding.aud.to_string().into());
        part.insert("epoch".into(), binding.epoch.to_string().into());
        part.insert("htm".into(), binding.htm.clone().into());
        part.insert("htu".into(), binding.htu.clone().into());
        part.insert("content_digest".into(), binding.content_digest.clone().into());
        part.extend(binding.cb.clone().map(|cb| ("cb".to_owned(), cb.into())));
    }
    part.to_string()
}

/// `header.payload.signature` with the signature that `sign` makes of the first two.
pub fn three_parts(header: &str, payload: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", base64url::encode(&signature))
}

/// Adds part four and an agent signature by `key`.
pub fn five_parts(three: &str, part_four: &str, key: &PrivateKey, engine: &Engine) -> String {
    let signed = format!("{three}.{}", base64url::encode(part_four.as_bytes()));
    let signature = engine.sign(key, signed.as_bytes()).unwrap_or_default();
    format!("{signed}.{}", base64url::encode(&signature))
}

/// A token with one byte of one part altered, within what the part encodes. Parts count from 0.
pub fn altered_part(token: &str, part: usize, byte: usize) -> Option<String> {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut bytes = base64url::decode(parts.get(part)?)?;
    let position = byte.checked_rem(bytes.len())?;
    bytes[position] ^= 1;
    parts[part] = base64url::encode(&bytes);
    Some(parts.join("."))
}

/// HMAC-SHA256 (RFC 2104), as an attacker keys it with something public.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

/// A public key in PEM: a SubjectPublicKeyInfo (RFC 5280 section 4.1, RFC 8017 appendix A.1.1) in base64 with lines.
pub fn pem(key: &PublicKey) -> String {
    // The modulus has its top bit set, so that a zero byte must stand before it.
    let modulus = [&[0], key.modulus()].concat();
    let rsa = sequence(&[tagged(0x02, &modulus), tagged(0x02, &[1, 0, 1])]);
    // rsaEncryption, 1.2.840.113549.1.1.1, with NULL.
    let algorithm = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00].to_vec();
    let der = sequence(&[sequence(&[algorithm]), tagged(0x03, &[&[0], &*rsa].concat())]);
    let text = STANDARD.encode(der);
    let lines: Vec<_> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &elements.concat())
}

/// A DER element (X.690 section 8.1) of less than 65,536 bytes.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let length = match (high, low) {
        (0, low @ ..0x80) => vec![low],
        (0, low) => vec![0x81, low],
        (high, low) => vec![0x82, high, low],
    };
    [&[tag], &*length, content].concat()
}

#[cfg(test)]
mod tests {
    use rsa::{
        RsaPublicKey,
        pkcs8::{DecodePublicKey, der::Decode, spki::SubjectPublicKeyInfoRef},
        traits::PublicKeyParts,
    };

    use super::*;
    use crate::{crypto::KeyPool, types::SeedStream};

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        assert_eq!(
            hex::encode(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex::encode(hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn the_pem_is_that_of_the_key() {
        let key = KeyPool::new(SeedStream::new(1)).private_key(0).unwrap();
        let text = pem(key.public());
        let der = STANDARD.decode(text.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
        SubjectPublicKeyInfoRef::from_der(&der).unwrap();
        let read = RsaPublicKey::from_public_key_der(&der).unwrap();
        assert_eq!(&*read.n().to_be_bytes(), key.public().modulus());
    }

    #[test]
    fn altering_a_part_leaves_the_others_as_they_were() {
        let token =
            format!("{}.{}.{}", base64url::encode(b"abc"), base64url::encode(b"def"), base64url::encode(b"ghi"));
        let altered = altered_part(&token, 1, 4).unwrap();
        let parts: Vec<_> = altered.split('.').map(|part| base64url::decode(part).unwrap()).collect();
        assert_eq!(parts, [b"abc", b"ddf", b"ghi"]);
        assert_eq!(altered_part(&token, 3, 0), None);
    }
}
