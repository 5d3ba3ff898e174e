//! Who a node is: its id and its key.

use rand_core::Rng;

use super::{KeySource, StateError, StateFolder};
use crate::{crypto::PrivateKey, types::NodeId};

const FILE: &str = "identity.pem";

/// The key of a node's identity, made at its first start. `state` is the file that the node keeps beside it, and
/// `is_known` whether that is there: then a key that is not is lost.
pub(super) fn key_of(
    folder: &StateFolder,
    state: &str,
    is_known: bool,
    new_key: KeySource,
) -> Result<PrivateKey, StateError> {
    if let Some(key) = folder.read_key(FILE)? {
        return Ok(key);
    }
    if is_known {
        return Err(StateError::Missing { path: folder.path_of(FILE), other: folder.path_of(state) });
    }
    let key = new_key()?;
    folder.write_key(FILE, &key)?;
    Ok(key)
}

/// A random GUID (RFC 9562 section 5.4).
pub(super) fn draw_node(rng: &mut impl Rng) -> NodeId {
    let bits = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    let version_and_variant = 0xf000 << 64 | 0xc000_0000_0000_0000;
    NodeId::from_bits(bits & !version_and_variant | 0x4000 << 64 | 0x8000_0000_0000_0000)
}

#[cfg(test)]
mod tests {
    use crate::types::SeedStream;

    #[test]
    fn a_drawn_identity_is_a_random_guid() {
        let mut rng = SeedStream::new(1).rng("node", 0);
        for _ in 0..100 {
            let text = super::draw_node(&mut rng).to_string();
            assert_eq!(&text[14..15], "4", "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
        }
    }
}
