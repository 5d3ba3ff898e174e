//! The nonce: a uid and how often it has been used (rule 7).

use std::{fmt, str::FromStr};

use crate::types::Uid;

/// `<uid>.<counter>`: the counter is 0 when the token is issued, and the agent raises it with every use (rule 7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nonce {
    /// One per agent start and path to a server.
    pub uid: Uid,
    /// Decimal on the wire, without sign or leading zeros.
    pub counter: u64,
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.uid, self.counter)
    }
}

impl FromStr for Nonce {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (uid, counter) = text.split_once('.').ok_or(())?;
        let uid = uid.parse().map_err(|_| ())?;
        let is_canonical =
            counter == "0" || (counter.bytes().all(|byte| byte.is_ascii_digit()) && !counter.starts_with('0'));
        let counter = counter.parse().map_err(|_| ())?;
        is_canonical.then_some(Self { uid, counter }).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_has_one_spelling() {
        let uid = Uid::from_bits(7);
        for counter in [0, 1, 10, u64::MAX] {
            let nonce = Nonce { uid, counter };
            assert_eq!(nonce.to_string().parse(), Ok(nonce));
        }
        for counter in ["", "00", "01", "+1", "-1", "1.", "18446744073709551616", "1 ", "0x1"] {
            assert_eq!(format!("{uid}.{counter}").parse::<Nonce>(), Err(()), "{counter:?}");
        }
        assert_eq!(uid.to_string().parse::<Nonce>(), Err(()));
    }
}
