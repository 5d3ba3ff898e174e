//! Three-part prefixes whose server signature was verified before, so that it need not be again.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use sha2::{Digest, Sha256};

use super::{IssuedToken, ServerKeys};
use crate::types::{Thumbprint, UnixSeconds, WallTime};

/// Prefixes of tokens that this server accepted, by the SHA-256 of their bytes.
///
/// An agent presents the same three parts with every use of a token, and only the other two are new. A server that
/// remembers them verifies one signature instead of two. It decides as one that does not: the digest covers every byte
/// that the signature does, the signature and the `kid` too, and whether that key is still trusted is asked first.
///
/// Only an accepted token comes in: who holds no agent's key cannot fill the memory, though anybody is issued a token
/// (attack 24). What the memory holds goes in two generations. When the young one has half the capacity, the old one
/// is dropped and the young one is the old one; a prefix that is met again becomes young again. So the memory is
/// bounded and forgets what is out of use, at no cost that grows.
#[derive(Clone, Debug)]
pub struct RememberedPrefixes {
    generation_max: usize,
    young: Generation,
    old: Generation,
    /// The keys that were trusted when a prefix was last looked up.
    trusted: Vec<Thumbprint>,
}

/// The order of a generation is never observed, and nobody but the issuer chooses where an entry lands.
type Generation = HashMap<PrefixDigest, Prefix, FixedState>;

/// What names a prefix: all of its bytes, hashed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct PrefixDigest([u8; 32]);

#[derive(Clone, Copy, Debug)]
struct Prefix {
    kid: Thumbprint,
    expires: UnixSeconds,
}

impl RememberedPrefixes {
    /// A memory of at most `capacity` prefixes, or the next even number, about 100 bytes each; 0 remembers nothing.
    pub fn new(capacity: u32) -> Self {
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        let (young, old) = (Generation::default(), Generation::default());
        Self { generation_max: capacity.div_ceil(2), young, old, trusted: Vec::new() }
    }

    /// How many prefixes it holds.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of a token's prefix; none if nothing is remembered, so that it costs nothing either.
    pub(super) fn digest(&self, token: &IssuedToken) -> Option<PrefixDigest> {
        (self.generation_max > 0).then(|| PrefixDigest(Sha256::digest(token.text()).into()))
    }

    /// Whether the server signature of this prefix is known to be good. Forgets first what is signed under keys that
    /// are not trusted any more, and the prefix itself if its time is over.
    pub(super) fn knows(&mut self, digest: &PrefixDigest, server_keys: &ServerKeys, now: WallTime) -> bool {
        self.keep_only(server_keys);
        let is_over = |prefix: &Prefix| now >= prefix.expires.wall();
        if let Some(prefix) = self.young.get(digest) {
            let is_over = is_over(prefix);
            if is_over {
                self.young.remove(digest);
            }
            return !is_over;
        }
        let Some(prefix) = self.old.remove(digest).filter(|prefix| !is_over(prefix)) else { return false };
        self.insert(*digest, prefix);
        true
    }

    /// Remembers the prefix of a token that was accepted.
    pub(super) fn remember(&mut self, digest: PrefixDigest, token: &IssuedToken) {
        self.insert(digest, Prefix { kid: token.kid, expires: token.claims.exp });
    }

    fn insert(&mut self, digest: PrefixDigest, prefix: Prefix) {
        if self.young.len() >= self.generation_max && !self.young.contains_key(&digest) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, prefix);
    }

    /// Policy brings other keys a few times a day, so this is nearly always the comparison alone.
    fn keep_only(&mut self, server_keys: &ServerKeys) {
        let trusted = || server_keys.iter().map(|key| key.thumbprint());
        if trusted().eq(self.trusted.iter().copied()) {
            return;
        }
        self.trusted = trusted().collect();
        for generation in [&mut self.young, &mut self.old] {
            generation.retain(|_, prefix| server_keys.get(prefix.kid).is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::PublicKey;

    const NOW: WallTime = WallTime(1_000_000_000_000);
    const LATER: UnixSeconds = UnixSeconds(2_000);

    fn digest(number: u8) -> PrefixDigest {
        PrefixDigest([number; 32])
    }

    fn key(number: u8) -> PublicKey {
        let mut modulus = [0xff; 256];
        modulus[1] = number;
        PublicKey::from_modulus(&modulus).unwrap()
    }

    fn keys(numbers: &[u8]) -> ServerKeys {
        numbers.iter().map(|number| key(*number)).collect()
    }

    fn remember(remembered: &mut RememberedPrefixes, number: u8, key_number: u8, expires: UnixSeconds) {
        remembered.insert(digest(number), Prefix { kid: key(key_number).thumbprint(), expires });
    }

    #[test]
    fn it_never_holds_more_than_its_capacity_and_keeps_what_is_in_use() {
        let mut remembered = RememberedPrefixes::new(10);
        for number in 0..=u8::MAX {
            remember(&mut remembered, number, 1, LATER);
            assert!(remembered.knows(&digest(0), &keys(&[1]), NOW), "lost after {number}");
            assert!(remembered.len() <= 10, "{} prefixes", remembered.len());
        }
        assert!(!remembered.knows(&digest(100), &keys(&[1]), NOW));
    }

    #[test]
    fn it_forgets_what_has_expired_when_it_is_met() {
        let mut remembered = RememberedPrefixes::new(10);
        remember(&mut remembered, 1, 1, LATER);
        assert!(remembered.knows(&digest(1), &keys(&[1]), WallTime(LATER.wall().0 - 1)));
        assert!(!remembered.knows(&digest(1), &keys(&[1]), LATER.wall()));
        assert!(remembered.is_empty());
    }

    #[test]
    fn it_forgets_what_a_withdrawn_key_has_signed_even_if_the_key_comes_back() {
        let mut remembered = RememberedPrefixes::new(10);
        remember(&mut remembered, 1, 1, LATER);
        remember(&mut remembered, 2, 2, LATER);
        assert!(remembered.knows(&digest(1), &keys(&[1, 2]), NOW));
        assert!(remembered.knows(&digest(2), &keys(&[2, 3]), NOW));
        assert_eq!(remembered.len(), 1);
        assert!(!remembered.knows(&digest(1), &keys(&[1, 2]), NOW));
    }
}
