//! RSA behind one trait: keys, signatures, and the tiers that compute them. Beside it the HMAC of login tokens.
//!
//! Everything here is a pure function of its arguments: randomness is passed in, and no clock or file is read.

#[cfg(feature = "aws-lc")]
mod aws_lc;
mod backend;
mod crypto_time;
mod engine;
pub mod hmac_sha1;
mod key_error;
mod key_pool;
mod key_uses;
mod modelled;
#[cfg(feature = "peers")]
mod peers;
mod private_key;
mod public_key;
mod rsa;

pub use backend::{Backend, PrivateOperations, PublicOperations, backend};
pub use crypto_time::CryptoTime;
pub use engine::{Engine, Stopwatch, WallTotals};
pub use key_error::KeyError;
pub use key_pool::{KeyPool, KeyPoolError};
pub use key_uses::{KeyUses, USES_OF_A_BLINDING};
#[cfg(feature = "peers")]
pub use peers::peers;
pub use private_key::PrivateKey;
pub use public_key::{Jwk, PublicKey};
