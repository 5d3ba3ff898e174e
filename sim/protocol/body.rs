//! Message bodies: JSON, with a cap on its size that is checked before it is parsed (attack 6).

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::crypto::{Jwk, KeyError, PublicKey};

/// Why a body cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than the cap (SPEC section 8, "caps").
    #[error("the body has {found_bytes} bytes, expected at most {max_bytes}")]
    TooLarge {
        /// How large it is.
        found_bytes: usize,
        /// The cap.
        max_bytes: usize,
    },
    /// It should be a compact JWE, and is not even text.
    #[error("the body is no text, expected a JWE in compact form")]
    NotText,
    /// It is not the JSON that was expected.
    #[error("the body is not understood at line {line}, column {column}: {reason}")]
    Json {
        /// The line, counted from 1; 0 if the fault lies in the whole.
        line: usize,
        /// The column, counted from 1; 0 if the fault lies in the whole.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
}

/// Reads a body of at most `max_bytes` bytes.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8], max_bytes: usize) -> Result<T, BodyError> {
    check_size(body, max_bytes)?;
    serde_json::from_slice(body).map_err(|error| {
        // The reason may quote the sender at any length.
        let reason = error.to_string().chars().take(200).collect();
        BodyError::Json { line: error.line(), column: error.column(), reason }
    })
}

/// Checks a body's size against its cap.
pub(super) fn check_size(body: &[u8], max_bytes: usize) -> Result<(), BodyError> {
    let found_bytes = body.len();
    if found_bytes > max_bytes { Err(BodyError::TooLarge { found_bytes, max_bytes }) } else { Ok(()) }
}

/// Writes a body.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("message types have text keys and no serializer that fails")
}

/// Deserializes a member that may be left out but not be `null`: what is absent has one spelling.
pub(super) fn present<'de, D: serde::Deserializer<'de>, T: serde::Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A public key as a member of a message: its JWK, checked as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Jwk", into = "Jwk")]
pub(super) struct JwkMember(pub PublicKey);

impl TryFrom<Jwk> for JwkMember {
    type Error = KeyError;

    fn try_from(jwk: Jwk) -> Result<Self, Self::Error> {
        PublicKey::from_jwk(&jwk).map(Self)
    }
}

impl From<JwkMember> for Jwk {
    fn from(JwkMember(key): JwkMember) -> Self {
        key.to_jwk()
    }
}

/// For `#[serde(with = …)]` on a member that is a [`PublicKey`].
pub(super) mod jwk_member {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{JwkMember, PublicKey};

    pub fn serialize<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
        JwkMember(key.clone()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
        JwkMember::deserialize(deserializer).map(|JwkMember(key)| key)
    }
}
