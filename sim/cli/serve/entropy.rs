//! Randomness for what must be secret: identities, nonces, keys.

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::Failure;
use crate::crypto::{KeyError, PrivateKey};

/// A generator that the operating system seeds.
pub fn rng() -> Result<ChaCha20Rng, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::Internal(format!("the operating system gives no randomness: {error}")))?;
    Ok(ChaCha20Rng::from_seed(seed))
}

/// A new RSA-2048 key, by AWS-LC's own generator: the pool of the simulation is public.
pub fn new_key() -> Result<PrivateKey, KeyError> {
    let refused = |_| KeyError::Derivation { reason: "AWS-LC failed to generate it".to_owned() };
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(refused)?;
    PrivateKey::from_pkcs8(pair.as_der().map_err(refused)?.as_ref().to_vec())
}
