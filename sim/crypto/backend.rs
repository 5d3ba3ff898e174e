//! The one trait behind which every RSA implementation stands.

use std::{fmt, sync::Arc};

use rand_core::CryptoRng;

#[cfg(feature = "aws-lc")]
use super::aws_lc::AwsLc;
use super::{KeyError, PrivateKey, PublicKey, modelled::Modelled, rsa::Rsa};
use crate::types::CryptoTier;

/// An implementation of RSASSA-PKCS1-v1_5 with SHA-256 and of RSA-OAEP-256.
pub trait Backend: Send + Sync + fmt::Debug {
    /// What it is called: for a tier, the tier's own name.
    fn name(&self) -> &'static str;

    /// Prepares a private key for use.
    ///
    /// # Errors
    /// If the implementation does not accept the key.
    fn load_private(&self, key: &PrivateKey) -> Result<Box<dyn PrivateOperations>, KeyError>;

    /// Prepares a public key for use.
    ///
    /// # Errors
    /// If the implementation does not accept the key.
    fn load_public(&self, key: &PublicKey) -> Result<Box<dyn PublicOperations>, KeyError>;
}

/// What a private key can do.
pub trait PrivateOperations: Send + Sync {
    /// Signs with RSASSA-PKCS1-v1_5/SHA-256 (RFC 8017 section 8.2.1). Deterministic.
    ///
    /// # Errors
    /// If the implementation fails.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Decrypts with RSA-OAEP, SHA-256 and MGF1-SHA-256 (RFC 8017 section 7.1.2). `None` if it does not decrypt.
    fn open(&self, ciphertext: &[u8]) -> Option<Vec<u8>>;
}

/// What a public key can do.
pub trait PublicOperations: Send + Sync {
    /// Verifies RSASSA-PKCS1-v1_5/SHA-256 (RFC 8017 section 8.2.2).
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool;

    /// Encrypts with RSA-OAEP, SHA-256 and MGF1-SHA-256 (RFC 8017 section 7.1.1); all randomness is the caller's.
    ///
    /// # Errors
    /// If the message is too long for the key.
    fn seal(&self, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError>;
}

/// The backend of a tier.
///
/// # Errors
/// If this build lacks it.
pub fn backend(tier: CryptoTier) -> Result<Arc<dyn Backend>, KeyError> {
    match tier {
        #[cfg(feature = "aws-lc")]
        CryptoTier::AwsLc => Ok(Arc::new(AwsLc)),
        #[cfg(not(feature = "aws-lc"))]
        CryptoTier::AwsLc => Err(KeyError::NotBuilt(tier)),
        CryptoTier::Rsa => Ok(Arc::new(Rsa)),
        CryptoTier::Modelled => Ok(Arc::new(Modelled)),
    }
}
