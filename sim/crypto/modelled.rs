//! The modelled tier: hashes of the right size where signatures would be.

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use super::{Backend, KeyError, PrivateKey, PrivateOperations, PublicKey, PublicOperations};
use crate::types::{CryptoTier, Thumbprint};

/// Signs with a hash over the key's name and the message. Anybody can forge it, nobody does by accident.
#[derive(Clone, Copy, Debug)]
pub(super) struct Modelled;

struct ModelledKey {
    name: Thumbprint,
    bytes: usize,
}

impl Backend for Modelled {
    fn name(&self) -> &'static str {
        CryptoTier::Modelled.name()
    }

    fn load_private(&self, key: &PrivateKey) -> Result<Box<dyn PrivateOperations>, KeyError> {
        Ok(Box::new(ModelledKey::of(key.public())))
    }

    fn load_public(&self, key: &PublicKey) -> Result<Box<dyn PublicOperations>, KeyError> {
        Ok(Box::new(ModelledKey::of(key)))
    }
}

impl ModelledKey {
    fn of(key: &PublicKey) -> Self {
        Self { name: key.thumbprint(), bytes: key.modulus().len() }
    }

    fn tag(&self, label: &[u8], message: &[u8]) -> Vec<u8> {
        let tag = Sha256::new().chain_update(label).chain_update(self.name.0).chain_update(message).finalize();
        tag.iter().copied().cycle().take(self.bytes).collect()
    }
}

impl PrivateOperations for ModelledKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(self.tag(b"sign", message))
    }

    fn open(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        let (&length, rest) = ciphertext.split_first()?;
        let message = rest.get(..usize::from(length))?;
        let same = self.sealed(message)? == ciphertext;
        same.then(|| message.to_vec())
    }
}

impl ModelledKey {
    /// The message in the clear, then a hash: whoever holds another key cannot open it by accident.
    fn sealed(&self, message: &[u8]) -> Option<Vec<u8>> {
        // RSA-OAEP-256 takes at most the modulus less two hashes and two bytes (RFC 8017 section 7.1.1).
        if message.len() + 66 > self.bytes {
            return None;
        }
        let mut sealed = vec![u8::try_from(message.len()).ok()?];
        sealed.extend_from_slice(message);
        let tag = self.tag(b"seal", message);
        sealed.extend_from_slice(&tag[sealed.len()..]);
        Some(sealed)
    }
}

impl PublicOperations for ModelledKey {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.tag(b"sign", message) == signature
    }

    fn seal(&self, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError> {
        // OAEP draws a seed as long as its hash (RFC 8017 section 7.1.1). To draw as much here leaves the caller's
        // generator where every other tier leaves it, and so all later draws alike (S12).
        rng.fill_bytes(&mut [0; 32]);
        self.sealed(message).ok_or_else(|| KeyError::Refused {
            backend: CryptoTier::Modelled.name(),
            reason: "the message is too long".into(),
        })
    }
}
