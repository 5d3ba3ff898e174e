//! The identity of an agent, a site server or an issuer on the wire.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::serde_text::text_or_bits;

/// A node of the fleet: a 128-bit GUID with one spelling, lower-case `8-4-4-4-12` hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u128);

text_or_bits!(NodeId);

/// Why a text is not a [`NodeId`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "expected a GUID such as 0a9e0000-0000-4000-8000-000000000011 in lower case, found {found_bytes} bytes that are none"
)]
pub struct NodeIdError {
    /// How many bytes were found.
    pub found_bytes: usize,
}

impl NodeId {
    /// Stands for the agent connectivity credentials, an account that all agents share. No node has it.
    pub const ACC: Self = Self(0x5000_0000_0000_8000_8000_0000_0000_0000);

    /// Stands for whoever comes with a push-install token (rule 52). No node has it.
    pub const PUSH_INSTALL: Self = Self(0x6000_0000_0000_8000_8000_0000_0000_0000);

    /// Stands for whoever comes with an ASDK token (rule 63). No node has it.
    pub const ASDK: Self = Self(0x6000_0000_0000_8000_8000_0000_0000_0001);

    /// Makes the identity of its 128 bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One text at once: its five parts by themselves take longer, and most events name a node.
        let mut text = [b'-'; 36];
        let mut digits = [0; 32];
        hex::encode_to_slice(self.0.to_be_bytes(), &mut digits).map_err(|_| fmt::Error)?;
        for (part, from) in [(0..8, 0), (9..13, 8), (14..18, 12), (19..23, 16), (24..36, 20)] {
            let length = part.len();
            text[part].copy_from_slice(&digits[from..from + length]);
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = NodeIdError { found_bytes: text.len() };
        if text.len() != 36 {
            return Err(error);
        }
        let mut bits = 0u128;
        for (position, byte) in text.bytes().enumerate() {
            let digit = match (position, byte) {
                (8 | 13 | 18 | 23, b'-') => continue,
                (8 | 13 | 18 | 23, _) => return Err(error),
                (_, b'0'..=b'9') => byte - b'0',
                (_, b'a'..=b'f') => byte - b'a' + 10,
                _ => return Err(error),
            };
            bits = bits << 4 | u128::from(digit);
        }
        Ok(Self(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_exactly_one_spelling() {
        let node = NodeId::from_bits(0x0a9e_0000_0000_4000_8000_0000_0000_0011);
        assert_eq!(node.to_string(), "0a9e0000-0000-4000-8000-000000000011");
        assert_eq!(node.to_string().parse(), Ok(node));
        for other in [
            "0A9E0000-0000-4000-8000-000000000011",
            "{0a9e0000-0000-4000-8000-0000000000}",
            "",
            "0a9e0000-0000-4000-8000-00000000001é",
        ] {
            assert!(other.parse::<NodeId>().is_err(), "{other}");
        }
    }
}
