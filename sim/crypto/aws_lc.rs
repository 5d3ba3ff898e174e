//! The fastest tier: AWS-LC.

use std::sync::OnceLock;

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaPublicKeyComponents},
};
use rand_core::CryptoRng;

use super::{Backend, KeyError, PrivateKey, PrivateOperations, PublicKey, PublicOperations, rsa};
use crate::types::CryptoTier;

/// RSA by AWS-LC. Every key is parsed once, at its first use.
///
/// AWS-LC blinds its private-key operations with the operating system's entropy. That never shows: a PKCS#1 v1.5
/// signature and a decryption have one right result each, so a run stays deterministic to the bit.
#[derive(Clone, Copy, Debug)]
pub(super) struct AwsLc;

impl Backend for AwsLc {
    fn name(&self) -> &'static str {
        CryptoTier::AwsLc.name()
    }

    fn load_private(&self, key: &PrivateKey) -> Result<Box<dyn PrivateOperations>, KeyError> {
        let signing = KeyPair::from_pkcs8(&key.pkcs8()?).map_err(refused)?;
        Ok(Box::new(Private { signing, opening: OnceLock::new() }))
    }

    fn load_public(&self, key: &PublicKey) -> Result<Box<dyn PublicOperations>, KeyError> {
        let components = RsaPublicKeyComponents { n: key.modulus(), e: &[1, 0, 1] };
        let verifying = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).map_err(refused)?;
        Ok(Box::new(Public { verifying, modulus: key.modulus().into(), sealing: OnceLock::new() }))
    }
}

struct Private {
    signing: KeyPair,
    /// Most keys only ever sign, so the second form of the key waits for the first ciphertext.
    opening: OnceLock<Option<OaepPrivateDecryptingKey>>,
}

impl Private {
    fn opening(&self) -> Option<&OaepPrivateDecryptingKey> {
        let load = || {
            let pkcs8 = self.signing.as_der().ok()?;
            OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).ok()?).ok()
        };
        self.opening.get_or_init(load).as_ref()
    }
}

impl PrivateOperations for Private {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        // AWS-LC ignores the generator that this function takes.
        self.signing
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| refused("it failed to sign"))?;
        Ok(signature)
    }

    fn open(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        let key = self.opening()?;
        let mut plaintext = vec![0; key.min_output_size()];
        let length = key.decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut plaintext, None).ok()?.len();
        plaintext.truncate(length);
        Some(plaintext)
    }
}

struct Public {
    verifying: ParsedPublicKey,
    modulus: Box<[u8]>,
    /// Most keys only ever verify.
    sealing: OnceLock<::rsa::Result<::rsa::RsaPublicKey>>,
}

impl PublicOperations for Public {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifying.verify_sig(message, signature).is_ok()
    }

    /// AWS-LC draws the randomness of OAEP by itself and cannot be seeded, so the `rsa` crate seals for this tier
    /// too. It touches public keys only, so RUSTSEC-2023-0071, a leak of private keys, does not concern it.
    fn seal(&self, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError> {
        let key = self.sealing.get_or_init(|| rsa::public_key(&self.modulus)).as_ref().map_err(refused)?;
        rsa::seal(key, message, rng).map_err(refused)
    }
}

fn refused(reason: impl ToString) -> KeyError {
    KeyError::Refused { backend: CryptoTier::AwsLc.name(), reason: reason.to_string() }
}
