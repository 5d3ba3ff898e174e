//! A peer: ring.

use rand_core::CryptoRng;
use ring::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaPublicKeyComponents},
};

use super::{no_oaep, refused};
use crate::crypto::{Backend, KeyError, PrivateKey, PrivateOperations, PublicKey, PublicOperations};

const NAME: &str = "ring";

/// RSA signatures by ring, which has no OAEP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring;

impl Backend for Ring {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load_private(&self, key: &PrivateKey) -> Result<Box<dyn PrivateOperations>, KeyError> {
        let pair = KeyPair::from_pkcs8(&key.pkcs8()?).map_err(|error| refused(NAME, error))?;
        Ok(Box::new(Private(pair)))
    }

    /// Loads nothing: ring checks and prepares a public key at each verification.
    fn load_public(&self, key: &PublicKey) -> Result<Box<dyn PublicOperations>, KeyError> {
        Ok(Box::new(Public { modulus: key.modulus().into() }))
    }
}

struct Private(KeyPair);

impl PrivateOperations for Private {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        // PKCS#1 v1.5 draws nothing from the generator.
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| refused(NAME, "it failed to sign"))?;
        Ok(signature)
    }

    fn open(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

struct Public {
    modulus: Box<[u8]>,
}

impl PublicOperations for Public {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let components = RsaPublicKeyComponents { n: &*self.modulus, e: &[1, 0, 1][..] };
        components.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }

    fn seal(&self, _: &[u8], _: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError> {
        Err(no_oaep(NAME))
    }
}
