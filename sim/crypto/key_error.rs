//! What can be wrong with a key.

use thiserror::Error;

/// Why a key cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// The JWK is not an RSA key of the only accepted form.
    #[error("expected a JWK with kty RSA, a modulus of 2048 to 4096 bits and exponent AQAB: {0}")]
    Jwk(&'static str),
    /// The text is no key in PEM form.
    #[error(
        "expected an RSA key of 2048 to 4096 bits with exponent 65537 in PEM form, with the line `-----BEGIN {0}-----`"
    )]
    Pem(&'static str),
    /// The backend did not take the key.
    #[error("the {backend} backend refused the key: {reason}")]
    Refused {
        /// Which backend.
        backend: &'static str,
        /// Its own words.
        reason: String,
    },
    /// The key's encoding cannot be worked out.
    #[error("the private key cannot be derived: {reason}")]
    Derivation {
        /// What is wrong with what it is made of.
        reason: String,
    },
    /// The tier was not built in.
    #[error(
        "this build has no {0} backend: choose another one with `--crypto`, or build with the feature of that name"
    )]
    NotBuilt(crate::types::CryptoTier),
}
