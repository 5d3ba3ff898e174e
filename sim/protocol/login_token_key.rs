//! The key of a portal's login tokens.

use std::{fmt, str::FromStr};

use rand_core::Rng;
use thiserror::Error;

const DIGITS: usize = 18;
/// How many keys there are.
const KEYS: u64 = 10_u64.pow(DIGITS as u32);

/// The Login Token Key: eighteen decimal digits, made whenever somebody presses 'Update' (rule 80).
///
/// Its digits, in ASCII, are the key of the HMAC. That makes 10^18 keys, somewhat less than 60 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginTokenKey {
    digits: [u8; DIGITS],
}

/// Why a text is no login token key. It does not repeat the text, which may be one but for a slip.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("expected a login token key of {DIGITS} decimal digits, found {found_chars} characters that are none")]
pub struct LoginTokenKeyError {
    /// How many characters were found.
    pub found_chars: usize,
}

impl LoginTokenKey {
    /// Draws a key. Each is as likely as any other.
    pub fn draw(rng: &mut impl Rng) -> Self {
        // What lies above the last whole multiple would make the smaller numbers likelier.
        let bound = u64::MAX - u64::MAX % KEYS;
        let mut number = rng.next_u64();
        while number >= bound {
            number = rng.next_u64();
        }
        let mut digits = [0; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
        Self { digits }
    }

    /// Its digits, for the HMAC and for the database that holds it.
    pub fn digits(&self) -> &[u8] {
        &self.digits
    }
}

impl FromStr for LoginTokenKey {
    type Err = LoginTokenKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || LoginTokenKeyError { found_chars: text.chars().count() };
        let digits: [u8; DIGITS] = text.as_bytes().try_into().map_err(|_| error())?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self { digits }).ok_or_else(error)
    }
}

// It must never reach a log.
impl fmt::Debug for LoginTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginTokenKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SeedStream;

    #[test]
    fn a_key_has_eighteen_digits_and_shows_none() {
        let mut rng = SeedStream::new(1).rng("key", 0);
        let (one, other) = (LoginTokenKey::draw(&mut rng), LoginTokenKey::draw(&mut rng));
        assert_ne!(one, other);
        for key in [one, other] {
            assert!(key.digits().len() == 18 && key.digits().iter().all(u8::is_ascii_digit));
            assert_eq!(format!("{key:?}"), "LoginTokenKey");
            assert_eq!(std::str::from_utf8(key.digits()).unwrap().parse(), Ok(key));
        }
    }

    #[test]
    fn a_key_is_read_in_one_spelling_and_an_error_does_not_repeat_it() {
        for text in [
            "",
            "12345678901234567",
            "1234567890123456789",
            "+12345678901234567",
            "12345678901234567 ",
            "1234567890123456é",
        ] {
            let error = text.parse::<LoginTokenKey>().unwrap_err();
            assert!(text.is_empty() || !error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn every_digit_is_drawn_in_every_place() {
        let mut rng = SeedStream::new(2).rng("key", 0);
        let mut seen = [[0_u32; 10]; DIGITS];
        for _ in 0..2_000 {
            for (place, digit) in LoginTokenKey::draw(&mut rng).digits().iter().enumerate() {
                seen[place][usize::from(digit - b'0')] += 1;
            }
        }
        assert!(seen.iter().flatten().all(|count| (120..280).contains(count)), "{seen:?}");
    }
}
