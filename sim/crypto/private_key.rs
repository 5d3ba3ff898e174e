//! RSA private keys.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
};

use rsa::{
    BoxedUint, RsaPrivateKey,
    pkcs8::{DecodePrivateKey, SecretDocument},
    traits::PublicKeyParts,
};

use super::{Backend, KeyError, PrivateOperations, PublicKey};

/// An RSA private key and its public half. Clones share what a backend has prepared of it.
#[derive(Clone)]
pub struct PrivateKey {
    inner: Arc<Inner>,
}

struct Inner {
    public: PublicKey,
    pkcs8: Pkcs8,
    loaded: OnceLock<Box<dyn PrivateOperations>>,
}

/// Where the PKCS#8 DER encoding comes from.
enum Pkcs8 {
    Given(Box<[u8]>),
    Derived(Box<dyn Fn() -> Result<Vec<u8>, KeyError> + Send + Sync>),
}

impl PrivateKey {
    /// Makes a key whose PKCS#8 DER encoding is worked out when a backend asks for it, each time anew: most keys of a
    /// large simulated fleet are never loaded. The caller vouches that it belongs to the public half.
    pub fn derived(public: PublicKey, pkcs8: impl Fn() -> Result<Vec<u8>, KeyError> + Send + Sync + 'static) -> Self {
        Self::of(public, Pkcs8::Derived(Box::new(pkcs8)))
    }

    /// Makes a key of its PKCS#8 DER encoding (RFC 5958) and its public half, which the caller vouches for.
    pub fn new(pkcs8: Vec<u8>, public: PublicKey) -> Self {
        Self::of(public, Pkcs8::Given(pkcs8.into()))
    }

    /// Reads a PKCS#8 DER encoding (RFC 5958) and works out the public half.
    ///
    /// # Errors
    /// If it is no RSA key of 2048 to 4096 bits with exponent 65537.
    pub fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self, KeyError> {
        let derivation = |reason: String| KeyError::Derivation { reason };
        let key = RsaPrivateKey::from_pkcs8_der(&pkcs8).map_err(|error| derivation(error.to_string()))?;
        if *key.e() != BoxedUint::from(65_537_u32) {
            return Err(derivation("its exponent is not 65537".to_owned()));
        }
        let modulus = key.n().to_be_bytes_trimmed_vartime();
        Ok(Self::new(pkcs8, PublicKey::from_modulus(&modulus)?))
    }

    /// Reads the PEM encoding of PKCS#8 (RFC 7468 section 10), unencrypted.
    ///
    /// # Errors
    /// If it is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        const LABEL: &str = "PRIVATE KEY";
        let (label, der) = SecretDocument::from_pem(pem).map_err(|_| KeyError::Pem(LABEL))?;
        if label != LABEL {
            return Err(KeyError::Pem(LABEL));
        }
        Self::from_pkcs8(der.as_bytes().to_vec())
    }

    fn of(public: PublicKey, pkcs8: Pkcs8) -> Self {
        Self { inner: Arc::new(Inner { public, pkcs8, loaded: OnceLock::new() }) }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.inner.public
    }

    /// The PKCS#8 DER encoding, for a backend that loads the key.
    ///
    /// # Errors
    /// If it is derived and cannot be.
    pub fn pkcs8(&self) -> Result<Cow<'_, [u8]>, KeyError> {
        match &self.inner.pkcs8 {
            Pkcs8::Given(pkcs8) => Ok(Cow::Borrowed(pkcs8)),
            Pkcs8::Derived(derive) => derive().map(Cow::Owned),
        }
    }

    /// The key as a backend has prepared it, at first use.
    pub(super) fn operations(&self, backend: &dyn Backend) -> Result<&dyn PrivateOperations, KeyError> {
        if let Some(loaded) = self.inner.loaded.get() {
            return Ok(&**loaded);
        }
        let loaded = backend.load_private(self)?;
        Ok(&**self.inner.loaded.get_or_init(|| loaded))
    }
}

// The private half must never reach a log.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {:?})", self.public())
    }
}
