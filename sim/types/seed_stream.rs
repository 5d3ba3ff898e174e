//! Randomness from a run's seed, in named streams.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The source of all randomness of a run.
///
/// Each use draws from a stream of its own name, so that a new draw in one part leaves the others as
/// they were.
///
/// ```
/// use countersign::types::SeedStream;
/// use rand_core::Rng;
///
/// let seed = SeedStream::new(7);
/// assert_eq!(seed.rng("arrivals", 0).next_u64(), seed.rng("arrivals", 0).next_u64());
/// assert_ne!(seed.rng("arrivals", 0).next_u64(), seed.rng("faults", 0).next_u64());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeedStream {
    seed: u64,
}

impl SeedStream {
    /// The streams of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The generator of stream `name` for the `number`th of its users, at its start.
    pub fn rng(&self, name: &str, number: u64) -> ChaCha20Rng {
        let mut hash = Sha256::new();
        hash.update(b"countersign seed stream 1");
        hash.update(self.seed.to_be_bytes());
        hash.update(number.to_be_bytes());
        hash.update(name.as_bytes());
        ChaCha20Rng::from_seed(hash.finalize().into())
    }
}
