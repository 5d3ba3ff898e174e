//! The digest of a run (S12).

use sha2::{Digest as _, Sha256};

use crate::event::{Event, Listener};

/// The version of the digest's form. It is the first byte that is hashed: runs of different versions differ.
pub const DIGEST_VERSION: u8 = 1;

/// SHA-256 over all events in their order.
///
/// Each event is hashed as its length in bytes (32 bits, big-endian) and its postcard encoding, in which
/// [`Undigested`](crate::types::Undigested) fields are nothing: the same run gives the same digest with every
/// crypto tier.
#[derive(Clone, Debug)]
pub struct Digest {
    hash: Sha256,
    events: u64,
    buffer: Vec<u8>,
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// The digest of a run in which nothing happened yet.
    pub fn new() -> Self {
        let mut hash = Sha256::new();
        hash.update([DIGEST_VERSION]);
        Self { hash, events: 0, buffer: Vec::with_capacity(256) }
    }

    /// How many events it covers.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// The first 64 bits of the digest of all events until now.
    pub fn prefix(&self) -> u64 {
        let digest: [u8; 32] = self.hash.clone().finalize().into();
        digest.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }

    /// The digest in 64 lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        hex::encode(self.hash.finalize())
    }
}

impl Listener for Digest {
    fn hear(&mut self, event: &Event) {
        self.events += 1;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        // A vector takes whatever it is given, and an event has nothing that postcard cannot write. Should
        // that change, the error stands for the event: runs still compare, and tests of the digest fail.
        self.buffer = postcard::to_extend(event, buffer).unwrap_or_else(|error| error.to_string().into_bytes());
        let length = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
        self.hash.update(length.to_be_bytes());
        self.hash.update(&self.buffer);
    }
}
