//! RSA that costs nothing and checks nothing: what is left is everything else.

use rand_core::CryptoRng;

use crate::crypto::{Backend, KeyError, PrivateKey, PrivateOperations, PublicKey, PublicOperations};

/// A backend whose signatures are always the same and always good. For measurements alone.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

/// As long as the signatures of RSA-2048.
const BYTES: usize = 256;

impl Backend for Nothing {
    fn name(&self) -> &'static str {
        "none"
    }

    fn load_private(&self, _: &PrivateKey) -> Result<Box<dyn PrivateOperations>, KeyError> {
        Ok(Box::new(Self))
    }

    fn load_public(&self, _: &PublicKey) -> Result<Box<dyn PublicOperations>, KeyError> {
        Ok(Box::new(Self))
    }
}

impl PrivateOperations for Nothing {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(vec![0x5a; BYTES])
    }

    fn open(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl PublicOperations for Nothing {
    fn verify(&self, _: &[u8], signature: &[u8]) -> bool {
        signature.len() == BYTES
    }

    fn seal(&self, _: &[u8], _: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError> {
        Ok(vec![0xa5; BYTES])
    }
}
