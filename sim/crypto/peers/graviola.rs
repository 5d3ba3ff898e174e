//! A peer: Graviola.

use graviola::signing::rsa::{SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use rsa::{
    pkcs1::{self, UintRef},
    pkcs8::der::{self, Encode},
};

use super::{no_oaep, refused};
use crate::crypto::{Backend, KeyError, PrivateKey, PrivateOperations, PublicKey, PublicOperations};

const NAME: &str = "graviola";

/// RSA signatures by Graviola, which has no OAEP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Graviola;

impl Backend for Graviola {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load_private(&self, key: &PrivateKey) -> Result<Box<dyn PrivateOperations>, KeyError> {
        let key = SigningKey::from_pkcs8_der(&key.pkcs8()?).map_err(|error| refused(NAME, format!("{error:?}")))?;
        Ok(Box::new(Private(key)))
    }

    fn load_public(&self, key: &PublicKey) -> Result<Box<dyn PublicOperations>, KeyError> {
        let der = pkcs1_der(key.modulus()).map_err(|error| refused(NAME, error))?;
        let key = VerifyingKey::from_pkcs1_der(&der).map_err(|error| refused(NAME, format!("{error:?}")))?;
        Ok(Box::new(Public(key)))
    }
}

/// The only form that Graviola reads a public key from (RFC 8017 appendix A.1.1).
fn pkcs1_der(modulus: &[u8]) -> der::Result<Vec<u8>> {
    let (modulus, public_exponent) = (UintRef::new(modulus)?, UintRef::new(&[1, 0, 1])?);
    pkcs1::RsaPublicKey { modulus, public_exponent }.to_der()
}

struct Private(SigningKey);

impl PrivateOperations for Private {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.0.modulus_len_bytes()];
        self.0.sign_pkcs1_sha256(&mut signature, message).map_err(|error| refused(NAME, format!("{error:?}")))?;
        Ok(signature)
    }

    fn open(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

struct Public(VerifyingKey);

impl PublicOperations for Public {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_pkcs1_sha256(signature, message).is_ok()
    }

    fn seal(&self, _: &[u8], _: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError> {
        Err(no_oaep(NAME))
    }
}
