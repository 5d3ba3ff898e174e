//! RSA private keys.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use super::{Backend, KeyError, PrivateOperations, PublicKey};

/// An RSA private key and its public half. Clones share what a backend has prepared of it.
#[derive(Clone)]
pub struct PrivateKey {
    inner: Arc<Inner>,
}

struct Inner {
    public: PublicKey,
    pkcs8: Box<[u8]>,
    loaded: OnceLock<Box<dyn PrivateOperations>>,
}

impl PrivateKey {
    /// Makes a key of its PKCS#8 DER encoding (RFC 5958) and its public half, which the caller vouches for.
    pub fn new(pkcs8: Vec<u8>, public: PublicKey) -> Self {
        Self { inner: Arc::new(Inner { public, pkcs8: pkcs8.into(), loaded: OnceLock::new() }) }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.inner.public
    }

    /// The PKCS#8 DER encoding, for a backend that loads the key.
    pub fn pkcs8(&self) -> &[u8] {
        &self.inner.pkcs8
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
