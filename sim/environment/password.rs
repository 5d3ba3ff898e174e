//! The passwords of the local account (rules 66 to 68).

use rand_core::Rng;

use crate::types::{Bug, Fingerprint};

/// Characters that passwords are made of: of each of the four classes, none that is mistaken for another.
const CHARACTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!#$%*+-./:=?@_~^";
const LENGTH_MIN: u32 = 14;
const LENGTH_MAX: u32 = 128;

/// What Windows asks of passwords.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PasswordPolicy {
    /// The least length.
    pub minimum_length: u32,
    /// Whether three of the four classes of characters must be in it.
    pub complex: bool,
}

impl PasswordPolicy {
    /// How long a password is made for this policy (rule 67).
    pub fn length(self) -> u32 {
        if Bug::PasswordLengthUnclamped.is_planted() {
            return self.minimum_length.max(1);
        }
        self.minimum_length.clamp(LENGTH_MIN, LENGTH_MAX)
    }
}

/// A random password. It is shown to nobody, and kept nowhere.
pub struct Password(Vec<u8>);

impl Password {
    /// Draws one.
    pub fn draw(length: u32, rng: &mut impl Rng) -> Self {
        let count = CHARACTERS.len() as u32;
        // Draws above the last whole multiple would make some characters likelier.
        let rejected_from = u32::MAX - u32::MAX % count;
        let mut character = || loop {
            let draw = rng.next_u32();
            if draw < rejected_from {
                return CHARACTERS[(draw % count) as usize];
            }
        };
        Self((0..length).map(|_| character()).collect())
    }

    /// By which two passwords can be told apart.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }

    fn classes(&self) -> usize {
        let has = |class: fn(&u8) -> bool| usize::from(self.0.iter().any(class));
        has(u8::is_ascii_lowercase)
            + has(u8::is_ascii_uppercase)
            + has(u8::is_ascii_digit)
            + has(u8::is_ascii_punctuation)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Who takes passwords, or turns them down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Windows {
    /// What it really asks for, whatever anybody reads.
    pub policy: PasswordPolicy,
    /// Whether it turns down every password, for a reason of its own.
    pub refuses: bool,
}

impl Windows {
    /// Whether it takes a password.
    pub fn takes(&self, password: &Password) -> bool {
        let is_long = password.0.len() >= self.policy.minimum_length as usize;
        let is_complex = !self.policy.complex || password.classes() >= 3;
        !self.refuses && is_long && is_complex
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::types::SeedStream;

    #[test]
    fn rule_67_the_length_is_the_minimum_between_14_and_128() {
        for (minimum_length, length) in [(0, 14), (13, 14), (14, 14), (20, 20), (128, 128), (129, 128)] {
            assert_eq!(PasswordPolicy { minimum_length, complex: true }.length(), length, "{minimum_length}");
        }
    }

    #[test]
    fn rule_66_passwords_differ_and_have_all_that_windows_asks_for() {
        let mut rng = SeedStream::new(1).rng("password", 0);
        let policy = PasswordPolicy { minimum_length: 14, complex: true };
        let windows = Windows { policy, refuses: false };
        let passwords: Vec<_> = (0..1_000).map(|_| Password::draw(policy.length(), &mut rng)).collect();
        let distinct: BTreeSet<_> = passwords.iter().map(Password::fingerprint).collect();
        assert_eq!(distinct.len(), passwords.len());
        assert!(passwords.iter().filter(|password| windows.takes(password)).count() > 990);
        assert!(!passwords.iter().any(|password| Windows { refuses: true, ..windows }.takes(password)));
        let longer = Windows { policy: PasswordPolicy { minimum_length: 15, complex: false }, refuses: false };
        assert!(!passwords.iter().any(|password| longer.takes(password)));
        let plain = Password(b"abcdefghijklmn".to_vec());
        assert!(!windows.takes(&plain));
        assert_eq!(format!("{plain:?}"), "Password(…)");
    }
}
