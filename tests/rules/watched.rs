//! A backend that tells somebody whenever a signature is made or verified, before it is.

use std::{fmt, sync::Arc};

use countersign::{
    crypto::{Backend, KeyError, PrivateKey, PrivateOperations, PublicKey, PublicOperations, backend},
    types::CryptoTier,
};
use rand_core::CryptoRng;

/// What is about to be computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Sign,
    Verify,
}

type Watcher = Arc<dyn Fn(Operation) + Send + Sync>;

/// The modelled backend, with somebody who watches it.
pub struct Watched {
    inner: Arc<dyn Backend>,
    watcher: Watcher,
}

struct Operations<T: ?Sized> {
    inner: Box<T>,
    watcher: Watcher,
}

impl Watched {
    pub fn by(watcher: impl Fn(Operation) + Send + Sync + 'static) -> Arc<Self> {
        let inner = backend(CryptoTier::Modelled).expect("every build has it");
        Arc::new(Self { inner, watcher: Arc::new(watcher) })
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watched")
    }
}

impl Backend for Watched {
    fn name(&self) -> &'static str {
        "watched"
    }

    fn load_private(&self, key: &PrivateKey) -> Result<Box<dyn PrivateOperations>, KeyError> {
        Ok(Box::new(Operations { inner: self.inner.load_private(key)?, watcher: Arc::clone(&self.watcher) }))
    }

    fn load_public(&self, key: &PublicKey) -> Result<Box<dyn PublicOperations>, KeyError> {
        Ok(Box::new(Operations { inner: self.inner.load_public(key)?, watcher: Arc::clone(&self.watcher) }))
    }
}

impl PrivateOperations for Operations<dyn PrivateOperations> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        (self.watcher)(Operation::Sign);
        self.inner.sign(message)
    }

    fn open(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        self.inner.open(ciphertext)
    }
}

impl PublicOperations for Operations<dyn PublicOperations> {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        (self.watcher)(Operation::Verify);
        self.inner.verify(message, signature)
    }

    fn seal(&self, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError> {
        self.inner.seal(message, rng)
    }
}
