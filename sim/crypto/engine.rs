//! One actor's way to its signatures, with a tally of the work.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

use rand_core::CryptoRng;

use super::{Backend, KeyError, KeyUses, PrivateKey, PublicKey};
use crate::types::Work;

/// Reads a clock of the real world, in nanoseconds. Only for figures about the real world; never for a decision.
pub type Stopwatch = fn() -> u64;

/// Does an actor's RSA operations and counts them, so that their virtual cost can be charged.
#[derive(Debug)]
pub struct Engine {
    backend: Arc<dyn Backend>,
    tally: Tally,
    uses: KeyUses,
    stopwatch: Option<Stopwatch>,
    totals: Arc<WallTotals>,
}

#[derive(Debug, Default)]
struct Tally {
    signs: AtomicU32,
    verifies: AtomicU32,
    parses: AtomicU32,
    seals: AtomicU32,
    opens: AtomicU32,
}

/// What all engines of a run did, and how much real time it took where a stopwatch was given.
#[derive(Debug, Default)]
pub struct WallTotals {
    /// Signatures made.
    pub signs: AtomicU64,
    /// Real time that they took, in nanoseconds.
    pub sign_ns: AtomicU64,
    /// How many of them made a new blinding, if AWS-LC made them.
    pub blindings: AtomicU64,
    /// Signatures verified.
    pub verifies: AtomicU64,
    /// Real time that they took, in nanoseconds.
    pub verify_ns: AtomicU64,
}

impl Engine {
    /// An engine on `backend` that adds its real time to `totals` if a stopwatch is given.
    pub fn new(backend: Arc<dyn Backend>, totals: Arc<WallTotals>, stopwatch: Option<Stopwatch>) -> Self {
        Self { backend, tally: Tally::default(), uses: KeyUses::default(), stopwatch, totals }
    }

    /// Which backend computes.
    pub fn backend(&self) -> &'static str {
        self.backend.name()
    }

    /// Loads a key, which is otherwise done when it is used for the first time.
    ///
    /// # Errors
    /// If the backend does not accept the key.
    pub fn prepare(&self, key: &PrivateKey) -> Result<(), KeyError> {
        key.operations(&*self.backend).map(drop)
    }

    /// Signs with RSASSA-PKCS1-v1_5/SHA-256.
    ///
    /// # Errors
    /// If the backend does not accept the key.
    pub fn sign(&self, key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let operations = key.operations(&*self.backend)?;
        self.tally.signs.fetch_add(1, Relaxed);
        self.totals.signs.fetch_add(1, Relaxed);
        let blindings = self.uses.count(&Work { signs: 1, ..Work::default() });
        self.totals.blindings.fetch_add(blindings.into(), Relaxed);
        self.timed(&self.totals.sign_ns, || operations.sign(message))
    }

    /// Verifies RSASSA-PKCS1-v1_5/SHA-256. A key that the backend does not accept verifies nothing.
    pub fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        let Ok(operations) = key.operations(&*self.backend) else { return false };
        self.tally.verifies.fetch_add(1, Relaxed);
        self.totals.verifies.fetch_add(1, Relaxed);
        self.timed(&self.totals.verify_ns, || operations.verify(message, signature))
    }

    /// Encrypts a short message with RSA-OAEP-256.
    ///
    /// # Errors
    /// If the backend does not accept the key, or the message is too long for it.
    pub fn seal(&self, key: &PublicKey, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, KeyError> {
        self.tally.seals.fetch_add(1, Relaxed);
        key.operations(&*self.backend)?.seal(message, rng)
    }

    /// Decrypts a short message with RSA-OAEP-256. `None` if it does not decrypt.
    pub fn open(&self, key: &PrivateKey, ciphertext: &[u8]) -> Option<Vec<u8>> {
        self.tally.opens.fetch_add(1, Relaxed);
        key.operations(&*self.backend).ok()?.open(ciphertext)
    }

    /// Counts one parsed token.
    pub fn count_parse(&self) {
        self.tally.parses.fetch_add(1, Relaxed);
    }

    /// The work done since the last call.
    pub fn take_work(&self) -> Work {
        Work {
            requests: 0,
            signs: self.tally.signs.swap(0, Relaxed),
            verifies: self.tally.verifies.swap(0, Relaxed),
            parses: self.tally.parses.swap(0, Relaxed),
            seals: self.tally.seals.swap(0, Relaxed),
            opens: self.tally.opens.swap(0, Relaxed),
        }
    }

    fn timed<T>(&self, total_ns: &AtomicU64, operation: impl FnOnce() -> T) -> T {
        let Some(now_ns) = self.stopwatch else { return operation() };
        let start_ns = now_ns();
        let result = operation();
        total_ns.fetch_add(now_ns().saturating_sub(start_ns), Relaxed);
        result
    }
}
