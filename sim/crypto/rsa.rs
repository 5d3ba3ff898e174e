//! The pure-Rust tier: the `rsa` crate.

use rand_chacha::ChaCha20Rng;
use rand_core::CryptoRng;
use rsa::{
    BoxedUint, Oaep, Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey,
    pkcs8::DecodePrivateKey,
    traits::{PaddingScheme, SignatureScheme},
};
use sha2::{Digest, Sha256};

use super::{Backend, KeyError, PrivateKey, PrivateOperations, PublicKey, PublicOperations};
use crate::types::CryptoTier;

/// RSA by the `rsa` crate: needs no C compiler, runs wherever Rust does, and is several times slower than AWS-LC.
///
/// The crate's private-key operations take a time that depends on the key (RUSTSEC-2023-0071), and nothing here
/// blinds them, because blinding would need randomness that a deterministic run has no place for. We accept that
/// with open eyes: this tier works on *simulated* keys, whose secrets protect nothing and follow from the seed
/// anyhow. A key that protects something real belongs to the `aws-lc` tier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rsa;

impl Backend for Rsa {
    fn name(&self) -> &'static str {
        CryptoTier::Rsa.name()
    }

    fn load_private(&self, key: &PrivateKey) -> Result<Box<dyn PrivateOperations>, KeyError> {
        let key = RsaPrivateKey::from_pkcs8_der(&key.pkcs8()?).map_err(refused)?;
        Ok(Box::new(Private(key)))
    }

    fn load_public(&self, key: &PublicKey) -> Result<Box<dyn PublicOperations>, KeyError> {
        public_key(key.modulus()).map(|key| Box::new(Public(key)) as Box<dyn PublicOperations>).map_err(refused)
    }
}

struct Private(RsaPrivateKey);

struct Public(RsaPublicKey);

/// The generator that is never there. Calling the schemes directly with `None` keeps the operating system's
/// entropy out even where another crate of the same build turns on the `rsa` crate's `getrandom` feature.
const NO_BLINDING: Option<&mut ChaCha20Rng> = None;

impl PrivateOperations for Private {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let scheme = Pkcs1v15Sign::new::<Sha256>();
        scheme.sign(NO_BLINDING, &self.0, &Sha256::digest(message)).map_err(refused)
    }

    fn open(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        Oaep::<Sha256>::new().decrypt(NO_BLINDING, &self.0, ciphertext).ok()
    }
}

impl PublicOperations for Public {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message), signature).is_ok()
    }

    fn seal(&self, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError> {
        seal(&self.0, message, rng).map_err(refused)
    }
}

/// The public key of a modulus, with exponent 65537.
pub(super) fn public_key(modulus: &[u8]) -> rsa::Result<RsaPublicKey> {
    RsaPublicKey::new(BoxedUint::from_be_slice_vartime(modulus), BoxedUint::from(65_537_u32))
}

/// Encrypts with RSA-OAEP-256. A public-key operation: there is no secret whose timing could leak a key.
pub(super) fn seal(key: &RsaPublicKey, message: &[u8], rng: &mut dyn CryptoRng) -> rsa::Result<Vec<u8>> {
    key.encrypt(rng, Oaep::<Sha256>::new(), message)
}

fn refused(reason: impl ToString) -> KeyError {
    KeyError::Refused { backend: CryptoTier::Rsa.name(), reason: reason.to_string() }
}
