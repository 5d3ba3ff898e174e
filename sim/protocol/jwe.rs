//! Encryption of a message body to one recipient: JSON Web Encryption in its compact form (RFC 7516).
//!
//! Exactly one shape exists: RSA-OAEP-256 (RFC 7518 section 4.3) wraps a fresh key for AES-256-GCM (section 5.3), and
//! the header names the recipient's key. It protects the batch response over plain HTTP (rule 34).

use aes_gcm::{
    Aes256Gcm,
    aead::{AeadInOut, KeyInit},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    crypto::{Engine, KeyError, PrivateKey, PublicKey},
    types::Thumbprint,
};

const ALGORITHM: &str = "RSA-OAEP-256";
const ENCRYPTION: &str = "A256GCM";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Four times what the header takes: room for another sender's spacing, and a bound on what an error repeats.
const HEADER_CHARACTERS_MAX: usize = 512;

/// The protected header. Unknown and repeated members are refused, `crit` and `zip` among them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    enc: String,
    kid: Thumbprint,
}

/// Why a JWE was not made or not opened.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JweError {
    /// The text has not the compact form.
    #[error("expected five parts with dots between, found {0}")]
    Parts(usize),
    /// The protected header is not strict base64url of a JSON object with exactly `alg`, `enc` and `kid`.
    #[error("the protected header is unreadable ({0}): expected base64url without padding of alg, enc and kid")]
    Header(String),
    /// Another algorithm.
    #[error("expected alg {ALGORITHM} and enc {ENCRYPTION}, found {0:?} and {1:?}")]
    Algorithm(String, String),
    /// Encrypted to another key. Nothing was computed with ours.
    #[error("encrypted to key {found}, expected our key {expected}")]
    Recipient {
        /// The `kid` of the header.
        found: Thumbprint,
        /// The thumbprint of the key that should open it.
        expected: Thumbprint,
    },
    /// It does not open: the one answer to whatever goes wrong after the header, so that nobody can learn from it
    /// which step failed (RFC 7516 section 11.5).
    #[error("it does not open with the key that it names: it was altered, or sealed by a broken sender")]
    Sealed,
    /// The recipient's key cannot encrypt.
    #[error("the recipient's key cannot encrypt")]
    Key(#[from] KeyError),
}

/// Encrypts `plaintext` to `recipient` (RFC 7516 section 5.1). All randomness is drawn from `rng`.
///
/// The result is never empty, pure ASCII, and of a length that follows from the lengths of plaintext and key alone.
///
/// # Errors
/// If the backend does not accept the key.
pub fn seal(
    plaintext: &[u8],
    recipient: &PublicKey,
    engine: &Engine,
    rng: &mut dyn CryptoRng,
) -> Result<String, JweError> {
    let mut key = [0; KEY_BYTES];
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut key);
    rng.fill_bytes(&mut nonce);
    let encrypted_key = engine.seal(recipient, &key, rng)?;

    let header = Header { alg: ALGORITHM.into(), enc: ENCRYPTION.into(), kid: recipient.thumbprint() };
    let header = serde_json::to_vec(&header).map_err(|error| JweError::Header(error.to_string()))?;
    let mut compact = URL_SAFE_NO_PAD.encode(header);
    let mut ciphertext = plaintext.to_vec();
    // AES-GCM fails above 64 GiB only.
    let tag = Aes256Gcm::new(&key.into())
        .encrypt_inout_detached(&nonce.into(), compact.as_bytes(), ciphertext.as_mut_slice().into())
        .map_err(|_| JweError::Sealed)?;

    compact.reserve((encrypted_key.len() + NONCE_BYTES + ciphertext.len() + TAG_BYTES) * 4 / 3 + 8);
    for part in [encrypted_key.as_slice(), &nonce, &ciphertext, &tag] {
        compact.push('.');
        URL_SAFE_NO_PAD.encode_string(part, &mut compact);
    }
    Ok(compact)
}

/// Decrypts what [`seal`] made for `key` (RFC 7516 section 5.2).
///
/// The caller caps the length of `compact`. Everything that can be told without a key is checked before any key is
/// used; from then on all failures look alike.
///
/// # Errors
/// If it has another form, names another key, or does not open.
pub fn open(compact: &str, key: &PrivateKey, engine: &Engine) -> Result<Vec<u8>, JweError> {
    let mut parts = compact.split('.');
    let mut part = || parts.next();
    let (Some(header), Some(encrypted_key), Some(nonce), Some(ciphertext), Some(tag), None) =
        (part(), part(), part(), part(), part(), part())
    else {
        return Err(JweError::Parts(compact.split('.').count()));
    };
    check_header(header, key.public().thumbprint())?;
    let sealed = Sealed { header, encrypted_key, nonce, ciphertext, tag };
    sealed.open(key, engine).ok_or(JweError::Sealed)
}

fn check_header(header: &str, expected: Thumbprint) -> Result<(), JweError> {
    if header.len() > HEADER_CHARACTERS_MAX {
        return Err(JweError::Header(format!("{} characters, at most {HEADER_CHARACTERS_MAX}", header.len())));
    }
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|error| JweError::Header(error.to_string()))?;
    let Header { alg, enc, kid } =
        serde_json::from_slice(&header).map_err(|error| JweError::Header(error.to_string()))?;
    if alg != ALGORITHM || enc != ENCRYPTION {
        return Err(JweError::Algorithm(alg, enc));
    }
    if kid != expected {
        return Err(JweError::Recipient { found: kid, expected });
    }
    Ok(())
}

struct Sealed<'a> {
    header: &'a str,
    encrypted_key: &'a str,
    nonce: &'a str,
    ciphertext: &'a str,
    tag: &'a str,
}

impl Sealed<'_> {
    fn open(&self, key: &PrivateKey, engine: &Engine) -> Option<Vec<u8>> {
        let encrypted_key = URL_SAFE_NO_PAD.decode(self.encrypted_key).ok()?;
        let nonce: [u8; NONCE_BYTES] = URL_SAFE_NO_PAD.decode(self.nonce).ok()?.try_into().ok()?;
        let tag: [u8; TAG_BYTES] = URL_SAFE_NO_PAD.decode(self.tag).ok()?.try_into().ok()?;
        let mut plaintext = URL_SAFE_NO_PAD.decode(self.ciphertext).ok()?;

        // A wrapped key that does not open costs the same work as one that does, so that the time tells nothing
        // either. The stand-in opens nothing: `wrapped` has the last word.
        let wrapped = engine.open(key, &encrypted_key).and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes).ok());
        let authentic = Aes256Gcm::new(&wrapped.unwrap_or_default().into())
            .decrypt_inout_detached(&nonce.into(), self.header.as_bytes(), plaintext.as_mut_slice().into(), &tag.into())
            .is_ok();
        (wrapped.is_some() && authentic).then_some(plaintext)
    }
}
