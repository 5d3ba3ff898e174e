//! Signed requests that were answered, by their nonces: each is answered once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::types::{MessageNonce, Thumbprint};

/// Most nonces that are remembered of one signer. The clock decides nothing about a message, so the oldest go.
const NONCES_MAX: usize = 16_384;

/// The nonces of each signer's latest requests.
///
/// Only for signers that an administrator has approved: of each it takes up to a megabyte.
#[derive(Clone, Debug, Default)]
pub struct RequestNonces {
    signers: BTreeMap<Thumbprint, Latest>,
}

#[derive(Clone, Debug, Default)]
struct Latest {
    known: BTreeSet<MessageNonce>,
    in_order: VecDeque<MessageNonce>,
}

impl RequestNonces {
    /// Notes a request whose signature was verified, and says whether it is the first with this nonce.
    pub fn is_new(&mut self, signer: Thumbprint, nonce: MessageNonce) -> bool {
        let Latest { known, in_order } = self.signers.entry(signer).or_default();
        if !known.insert(nonce) {
            return false;
        }
        in_order.push_back(nonce);
        if in_order.len() > NONCES_MAX
            && let Some(oldest) = in_order.pop_front()
        {
            known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_new_once_for_each_signer_and_memory_is_bounded() {
        let mut nonces = RequestNonces::default();
        let [one, other] = [Thumbprint([1; 32]), Thumbprint([2; 32])];
        let nonce = |number: usize| MessageNonce::from_bits(number as u128);
        assert!(nonces.is_new(one, nonce(0)) && nonces.is_new(other, nonce(0)));
        assert!(!nonces.is_new(one, nonce(0)));
        assert!((1..=NONCES_MAX).all(|number| nonces.is_new(one, nonce(number))));
        assert!(!nonces.is_new(one, nonce(1)));
        assert!(nonces.is_new(one, nonce(0)), "the oldest is forgotten");
        assert_eq!(nonces.signers[&one].known.len(), NONCES_MAX);
    }
}
