//! Accounts of the Windows domain: a name and a password. The password is in no log, no event and no `Debug` text.

use std::fmt;

use rand_core::{CryptoRng, Rng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    base64url,
    jwe::{self, JweError},
};
use crate::{
    crypto::{Engine, PrivateKey, PublicKey},
    types::NodeId,
};

/// Longest name or password, in bytes. Both come from policy, and names from whoever calls.
const TEXT_BYTES_MAX: usize = 256;

/// An account and its password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: Password,
}

/// A password. It can be used and compared, and is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// What a domain keeps of a password, salted with the account's name. Whoever has it can authenticate: it is as secret as
/// the password, and never shown either.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash([u8; 32]);

/// An account as it is sealed for one node.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: String,
    password: String,
}

impl Password {
    /// A password that somebody chose. `None` if it is empty, or longer than 256 bytes.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (1..=TEXT_BYTES_MAX).contains(&text.len()).then_some(Self(text))
    }

    /// A password of 128 random bits.
    pub fn draw(rng: &mut dyn Rng) -> Self {
        let mut bits = [0; 16];
        rng.fill_bytes(&mut bits);
        Self(base64url::encode(&bits))
    }

    /// What a domain keeps of it.
    pub fn hash(&self, account: &str) -> PasswordHash {
        let mut digest = Sha256::new();
        digest.update((account.len() as u64).to_be_bytes());
        digest.update(account.as_bytes());
        digest.update(self.0.as_bytes());
        PasswordHash(digest.finalize().into())
    }
}

impl PasswordHash {
    /// Its bytes, as the key of a keyed hash.
    pub(super) fn key(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Account {
    /// The name of the agent connectivity credentials.
    pub const ACC: &str = "ACC";

    /// The identity under which events know the ACC. It is an account and no node: whoever has the password is it.
    pub const ACC_NODE: NodeId = NodeId::ACC;

    /// The name of a machine's own account.
    pub fn name_of(machine: NodeId) -> String {
        format!("{machine}$")
    }

    /// What the domain keeps of its password.
    pub fn hash(&self) -> PasswordHash {
        self.password.hash(&self.name)
    }

    /// Encrypts it to a node's key, so that policy can carry it over plain HTTP.
    ///
    /// # Errors
    /// If the backend does not accept the key.
    pub fn seal(&self, to: &PublicKey, engine: &Engine, rng: &mut dyn CryptoRng) -> Result<String, JweError> {
        let form = Form { name: self.name.clone(), password: self.password.0.clone() };
        jwe::seal(&serde_json::to_vec(&form).unwrap_or_default(), to, engine, rng)
    }

    /// Decrypts what was sealed for this key. `None` if it does not open, or holds no account.
    pub fn open(text: &str, key: &PrivateKey, engine: &Engine) -> Option<Self> {
        let plain = jwe::open(text, key, engine).ok()?;
        let Form { name, password } = serde_json::from_slice(&plain).ok()?;
        let is_name = (1..=TEXT_BYTES_MAX).contains(&name.len()) && !name.contains(':');
        Some(Self { password: Password::new(password)?, name }).filter(|_| is_name)
    }

    /// Name and password as they are, for `Basic` (RFC 7617).
    pub fn to_basic(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        STANDARD.encode(format!("{}:{}", self.name, self.password.0))
    }

    /// Reads what `Basic` carries.
    pub fn from_basic(text: &str) -> Option<Self> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        if text.len() > TEXT_BYTES_MAX * 3 {
            return None;
        }
        let plain = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        let (name, password) = plain.split_once(':')?;
        Some(Self { name: name.to_owned(), password: Password::new(password)? })
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(not shown)")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account { name: Account::ACC.into(), password: Password::new("correct horse").unwrap() }
    }

    #[test]
    fn a_password_is_never_shown() {
        let (account, hash) = (account(), account().hash());
        let shown = format!("{account:?} {account:#?} {hash:?}");
        assert!(shown.contains("ACC") && !shown.contains("correct horse"), "{shown}");
        assert!(!shown.contains(&hex::encode(hash.key())));
    }

    #[test]
    fn the_hash_is_of_name_and_password() {
        let password = Password::new("x").unwrap();
        assert_eq!(password.hash("a"), password.hash("a"));
        assert_ne!(password.hash("a"), password.hash("b"));
        // Neither may borrow from the other.
        assert_ne!(Password::new("bc").unwrap().hash("a"), Password::new("c").unwrap().hash("ab"));
    }

    #[test]
    fn basic_comes_back_as_it_was_written() {
        assert_eq!(Account::from_basic(&account().to_basic()), Some(account()));
        for other in ["", "QUND", "QUNDOg==", "%%%", &"QQ==".repeat(500)] {
            assert_eq!(Account::from_basic(other), None, "{other}");
        }
    }

    #[test]
    fn nobody_chooses_no_password() {
        assert_eq!(Password::new(""), None);
        assert_eq!(Password::new("x".repeat(257)), None);
    }
}
