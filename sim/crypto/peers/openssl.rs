//! A peer: the system's OpenSSL.

use openssl::{
    bn::BigNum,
    error::ErrorStack,
    hash::MessageDigest,
    md::Md,
    pkey::{PKey, Private, Public},
    pkey_ctx::{PkeyCtx, PkeyCtxRef},
    rsa::{Padding, Rsa},
    sign::{Signer, Verifier},
};
use rand_core::CryptoRng;

use super::refused;
use crate::crypto::{Backend, KeyError, PrivateKey, PrivateOperations, PublicKey, PublicOperations};

const NAME: &str = "openssl";

/// RSA by OpenSSL, through its interface for any kind of key (EVP).
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenSsl;

impl Backend for OpenSsl {
    fn name(&self) -> &'static str {
        NAME
    }

    fn load_private(&self, key: &PrivateKey) -> Result<Box<dyn PrivateOperations>, KeyError> {
        let key = PKey::private_key_from_pkcs8(&key.pkcs8()?).map_err(|error| refused(NAME, error))?;
        Ok(Box::new(PrivateHalf(key)))
    }

    fn load_public(&self, key: &PublicKey) -> Result<Box<dyn PublicOperations>, KeyError> {
        let load = || PKey::from_rsa(Rsa::from_public_components(BigNum::from_slice(key.modulus())?, exponent()?)?);
        Ok(Box::new(PublicHalf(load().map_err(|error| refused(NAME, error))?)))
    }
}

fn exponent() -> Result<BigNum, ErrorStack> {
    BigNum::from_u32(65_537)
}

struct PrivateHalf(PKey<Private>);

impl PrivateHalf {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        Signer::new(MessageDigest::sha256(), &self.0)?.sign_oneshot_to_vec(message)
    }

    fn try_open(&self, ciphertext: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut context = PkeyCtx::new(&self.0)?;
        context.decrypt_init()?;
        set_oaep(&mut context)?;
        let mut plaintext = Vec::new();
        context.decrypt_to_vec(ciphertext, &mut plaintext)?;
        Ok(plaintext)
    }
}

impl PrivateOperations for PrivateHalf {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.try_sign(message).map_err(|error| refused(NAME, error))
    }

    fn open(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        self.try_open(ciphertext).ok()
    }
}

struct PublicHalf(PKey<Public>);

impl PublicHalf {
    fn try_verify(&self, message: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
        Verifier::new(MessageDigest::sha256(), &self.0)?.verify_oneshot(signature, message)
    }

    fn try_seal(&self, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut context = PkeyCtx::new(&self.0)?;
        context.encrypt_init()?;
        set_oaep(&mut context)?;
        let mut ciphertext = Vec::new();
        context.encrypt_to_vec(message, &mut ciphertext)?;
        Ok(ciphertext)
    }
}

impl PublicOperations for PublicHalf {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.try_verify(message, signature).unwrap_or(false)
    }

    /// OpenSSL draws by itself, so the caller's generator stays where it is: one reason why no run may use a peer.
    fn seal(&self, message: &[u8], _: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError> {
        self.try_seal(message).map_err(|error| refused(NAME, error))
    }
}

fn set_oaep<T>(context: &mut PkeyCtxRef<T>) -> Result<(), ErrorStack> {
    context.set_rsa_padding(Padding::PKCS1_OAEP)?;
    context.set_rsa_oaep_md(Md::sha256())?;
    context.set_rsa_mgf1_md(Md::sha256())
}
