//! RSA public keys and their form on the wire.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rsa::{BoxedUint, RsaPublicKey, pkcs8::DecodePublicKey, traits::PublicKeyParts};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Backend, KeyError, PublicOperations};
use crate::types::Thumbprint;

/// An RSA public key with exponent 65537. Clones share what a backend has prepared of it.
#[derive(Clone)]
pub struct PublicKey {
    inner: Arc<Inner>,
}

struct Inner {
    modulus: Box<[u8]>,
    thumbprint: Thumbprint,
    loaded: OnceLock<Box<dyn PublicOperations>>,
}

/// A public key as a JSON Web Key (RFC 7517, RFC 7518 section 6.3.1).
///
/// Exactly these four members: what else a JWK may carry (`use`, `alg`, `x5c` …) would be trusted without
/// being understood, and a private key sent by mistake (`d`, `p` …) must not pass unnoticed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// The key type: `RSA`.
    pub kty: String,
    /// The exponent: `AQAB`.
    pub e: String,
    /// The modulus, base64url without padding.
    pub n: String,
    /// The key's name: its RFC 7638 thumbprint.
    pub kid: Thumbprint,
}

impl PublicKey {
    /// Makes a key of its big-endian modulus without leading zeros.
    ///
    /// # Errors
    /// If the modulus has not 2048 to 4096 bits, or is even.
    pub fn from_modulus(modulus: &[u8]) -> Result<Self, KeyError> {
        if !(256..=512).contains(&modulus.len()) || modulus[0] < 0x80 {
            return Err(KeyError::Jwk("the modulus has not 2048 to 4096 bits, in whole bytes"));
        }
        if modulus[modulus.len() - 1] & 1 == 0 {
            return Err(KeyError::Jwk("the modulus is even"));
        }
        let thumbprint = thumbprint(&URL_SAFE_NO_PAD.encode(modulus));
        Ok(Self { inner: Arc::new(Inner { modulus: modulus.into(), thumbprint, loaded: OnceLock::new() }) })
    }

    /// Reads a JWK; its `kid` must be its thumbprint.
    ///
    /// # Errors
    /// If the JWK is no such key.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        if jwk.kty != "RSA" {
            return Err(KeyError::Jwk("kty is not RSA"));
        }
        if jwk.e != "AQAB" {
            return Err(KeyError::Jwk("e is not AQAB"));
        }
        let modulus =
            URL_SAFE_NO_PAD.decode(&jwk.n).map_err(|_| KeyError::Jwk("n is not base64url without padding"))?;
        let key = Self::from_modulus(&modulus)?;
        if key.thumbprint() != jwk.kid {
            return Err(KeyError::Jwk("kid is not the key's thumbprint"));
        }
        Ok(key)
    }

    /// Reads the PEM encoding of a SubjectPublicKeyInfo (RFC 7468 section 13).
    ///
    /// # Errors
    /// If it is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let refused = KeyError::Pem("PUBLIC KEY");
        let key = RsaPublicKey::from_public_key_pem(pem).map_err(|_| refused.clone())?;
        if *key.e() != BoxedUint::from(65_537_u32) {
            return Err(refused);
        }
        Self::from_modulus(&key.n().to_be_bytes_trimmed_vartime()).map_err(|_| refused)
    }

    /// The key as a JWK.
    pub fn to_jwk(&self) -> Jwk {
        Jwk { kty: "RSA".into(), e: "AQAB".into(), n: URL_SAFE_NO_PAD.encode(self.modulus()), kid: self.thumbprint() }
    }

    /// The key's name (RFC 7638).
    pub fn thumbprint(&self) -> Thumbprint {
        self.inner.thumbprint
    }

    /// The big-endian modulus without leading zeros.
    pub fn modulus(&self) -> &[u8] {
        &self.inner.modulus
    }

    /// The key as a backend has prepared it, at first use.
    pub(super) fn operations(&self, backend: &dyn Backend) -> Result<&dyn PublicOperations, KeyError> {
        if let Some(loaded) = self.inner.loaded.get() {
            return Ok(&**loaded);
        }
        let loaded = backend.load_public(self)?;
        Ok(&**self.inner.loaded.get_or_init(|| loaded))
    }
}

/// RFC 7638 section 3: SHA-256 over the required members in lexicographic order.
fn thumbprint(n: &str) -> Thumbprint {
    let digest = Sha256::digest(format!(r#"{{"e":"AQAB","kty":"RSA","n":"{n}"}}"#));
    Thumbprint(digest.into())
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.modulus() == other.modulus()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.thumbprint())
    }
}
