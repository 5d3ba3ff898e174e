//! How often an actor has used its private key, since not every use costs the same.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::types::Work;

/// How many private-key operations share a blinding, which hides the key from whoever measures their time.
///
/// AWS-LC makes one at a key's first use and replaces it after so many (`BN_BLINDING_COUNTER` in
/// `crypto/fipsmodule/rsa/blinding.c`), for signatures and decryptions apart. A fleet that visits in turns comes to it all at
/// once.
pub const USES_OF_A_BLINDING: u32 = 32;

/// The uses of one actor's key, from one start to the next.
#[derive(Debug, Default)]
pub struct KeyUses {
    signs: AtomicU64,
    opens: AtomicU64,
}

impl KeyUses {
    /// Counts the uses in `work`: how many of them make a blinding.
    pub fn count(&self, work: &Work) -> u32 {
        blindings(&self.signs, work.signs) + blindings(&self.opens, work.opens)
    }
}

fn blindings(used: &AtomicU64, more: u32) -> u32 {
    let before = used.fetch_add(more.into(), Relaxed);
    let made_by = |uses: u64| uses.div_ceil(USES_OF_A_BLINDING.into());
    let made = made_by(before + u64::from(more)) - made_by(before);
    u32::try_from(made).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_use_and_every_thirty_second_after_it_make_a_blinding() {
        let uses = KeyUses::default();
        let one = Work { signs: 1, ..Work::default() };
        let makes: Vec<usize> = (1..=100).filter(|_| uses.count(&one) == 1).collect();
        assert_eq!(makes, [1, 33, 65, 97]);
        assert_eq!(uses.count(&Work { opens: 1, verifies: 7, ..Work::default() }), 1, "decryptions have their own");
        // Signatures 101 to 230 make the blindings of 129, 161, 193 and 225.
        assert_eq!(uses.count(&Work { signs: 130, ..Work::default() }), 4);
        assert_eq!(uses.count(&Work::default()), 0);
    }
}
