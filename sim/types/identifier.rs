//! The 128-bit random identifiers of the wire format.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use super::serde_text::text_or_bits;

/// Why a text is not one of the 128-bit identifiers.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("expected 22 base64url characters that spell 128 bits, found {found_chars} characters that do not")]
pub struct IdentifierError {
    /// How many characters were found.
    pub found_chars: usize,
}

macro_rules! random_identifier {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        text_or_bits!($name);

        impl $name {
            /// Makes the identifier of 128 bits that the caller drew.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits.
            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 22];
                let length = URL_SAFE_NO_PAD
                    .encode_slice(self.0.to_be_bytes(), &mut text)
                    .map_err(|_| fmt::Error)?;
                f.write_str(std::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdentifierError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let error = || IdentifierError { found_chars: text.chars().count() };
                let mut bytes = [0; 16];
                if text.len() != 22 {
                    return Err(error());
                }
                match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
                    Ok(16) => Ok(Self(u128::from_be_bytes(bytes))),
                    _ => Err(error()),
                }
            }
        }

    };
}

random_identifier! {
    /// The unique identifier that an agent draws per start and path to a server (SPEC section 1).
    ///
    /// Its only spelling is 22 characters of base64url without padding.
    Uid
}
random_identifier! {
    /// The identifier of one issued token, its `jti` claim (RFC 7519 section 4.1.7).
    Jti
}
random_identifier! {
    /// The number that a server draws at each start, so that hardened agents bind to it (hole 6).
    Epoch
}
random_identifier! {
    /// The number that a signed request carries and its answer repeats (RFC 9421 section 2.3, `nonce`).
    MessageNonce
}
random_identifier! {
    /// What a server draws for one Windows handshake, for the client to answer.
    ServerChallenge
}

random_identifier! {
    /// What a peer draws for another that wants a file of it, to be answered with the key that both know (rule 50).
    PeerChallenge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_exactly_one_spelling() {
        let uid = Uid::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(uid.to_string().parse(), Ok(uid));
        assert_eq!(uid.to_string().len(), 22);
        // The last character carries two bits of the value; its four spare bits must be zero.
        assert!("ASNFZ4mrze8BI0VniavN7x".parse::<Uid>().is_err());
        assert!("ASNFZ4mrze8BI0VniavN7w==".parse::<Uid>().is_err());
        assert!("".parse::<Uid>().is_err());
    }
}
