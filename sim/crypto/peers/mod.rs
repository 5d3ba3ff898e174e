//! Other implementations of RSA, to measure ours against: never a tier of a run.
//!
//! Benches, `countersign bench` and `tests/peers.rs` know them, in a build with the feature `peers`.

mod graviola;
mod openssl;
mod ring;

use std::sync::Arc;

use super::{Backend, KeyError};

/// Every peer.
pub fn peers() -> Vec<Arc<dyn Backend>> {
    vec![Arc::new(openssl::OpenSsl), Arc::new(graviola::Graviola), Arc::new(ring::Ring)]
}

fn refused(backend: &'static str, reason: impl ToString) -> KeyError {
    KeyError::Refused { backend, reason: reason.to_string() }
}

/// For peers without OAEP.
fn no_oaep(backend: &'static str) -> KeyError {
    refused(backend, "it has no RSA-OAEP")
}
