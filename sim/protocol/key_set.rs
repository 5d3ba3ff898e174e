//! The public keys of the SMP and its hierarchy that a node trusts (rule 43, attacks 2 and 27).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    crypto::{Jwk, KeyError, PublicKey},
    types::{Bug, Thumbprint},
};

/// A JSON Web Key Set (RFC 7517 section 5) as it stands on the wire.
///
/// RFC 7517 asks receivers to ignore members that they do not know. Both ends are ours, so unknown members of the
/// set and of its keys are refused: what is not understood must not be trusted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// The keys.
    pub keys: Vec<Jwk>,
}

/// Why a key set is not accepted. One bad key spoils the set: a part of it may be what an attacker left over.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeySetError {
    /// One of its keys is no key.
    #[error("key {position} of the set: {error}")]
    Key {
        /// Which key, counted from 1.
        position: usize,
        /// What is wrong with it.
        error: KeyError,
    },
    /// One of its keys stands there twice.
    #[error("key {position} of the set repeats the kid {kid}")]
    Repeated {
        /// Which key, counted from 1.
        position: usize,
        /// Its name.
        kid: Thumbprint,
    },
}

/// The server keys that a node trusts, found by thumbprint and in no other way (attack 2).
///
/// They reach a node by registration and by policy, and a new delivery takes the place of the one before. A token
/// whose `kid` is not here is invalid until a delivery brings the key (rule 43, attack 27).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Jwks", into = "Jwks")]
pub struct ServerKeys {
    by_kid: BTreeMap<Thumbprint, PublicKey>,
}

impl ServerKeys {
    /// Reads a key set.
    ///
    /// # Errors
    /// If one of its keys is no RSA key of the accepted form, has a `kid` other than its thumbprint, or is repeated.
    pub fn from_jwks(jwks: &Jwks) -> Result<Self, KeySetError> {
        let mut by_kid = BTreeMap::new();
        for (position, jwk) in (1..).zip(&jwks.keys) {
            let key = PublicKey::from_jwk(jwk).map_err(|error| KeySetError::Key { position, error })?;
            let kid = key.thumbprint();
            if by_kid.insert(kid, key).is_some() {
                return Err(KeySetError::Repeated { position, kid });
            }
        }
        Ok(Self { by_kid })
    }

    /// The keys as a key set, in the order of their thumbprints.
    pub fn to_jwks(&self) -> Jwks {
        Jwks { keys: self.by_kid.values().map(PublicKey::to_jwk).collect() }
    }

    /// The key of this name.
    pub fn get(&self, kid: Thumbprint) -> Option<&PublicKey> {
        self.by_kid.get(&kid)
    }

    /// Trusts one key more.
    pub fn insert(&mut self, key: PublicKey) {
        self.by_kid.insert(key.thumbprint(), key);
    }

    /// Trusts the keys of a delivery, and no others. Says whether that changed anything.
    pub fn replace(&mut self, mut delivered: Self) -> bool {
        if Bug::WithdrawnKeyKept.is_planted() {
            delivered.by_kid.extend(self.by_kid.iter().map(|(kid, key)| (*kid, key.clone())));
        }
        let changed = *self != delivered;
        *self = delivered;
        changed
    }

    /// The keys in the order of their thumbprints.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &PublicKey> {
        self.by_kid.values()
    }

    /// How many keys are trusted.
    pub fn len(&self) -> usize {
        self.by_kid.len()
    }

    /// Whether no key is trusted.
    pub fn is_empty(&self) -> bool {
        self.by_kid.is_empty()
    }
}

impl FromIterator<PublicKey> for ServerKeys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self { by_kid: keys.into_iter().map(|key| (key.thumbprint(), key)).collect() }
    }
}

impl TryFrom<Jwks> for ServerKeys {
    type Error = KeySetError;

    fn try_from(jwks: Jwks) -> Result<Self, Self::Error> {
        Self::from_jwks(&jwks)
    }
}

impl From<ServerKeys> for Jwks {
    fn from(keys: ServerKeys) -> Self {
        keys.to_jwks()
    }
}

/// The record of the log filter `Server keys:` (rules 43, 78): each key's id and its length in bits.
impl fmt::Display for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server keys:")?;
        for (position, (kid, key)) in self.by_kid.iter().enumerate() {
            // A modulus has no leading zero bit, so its length in bytes tells its length in bits.
            write!(f, "{} {kid} ({} bits)", if position == 0 { "" } else { "," }, key.modulus().len() * 8)?;
        }
        if self.is_empty() { f.write_str(" none") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8, bytes: usize) -> PublicKey {
        let mut modulus = vec![0xff; bytes];
        modulus[1] = number;
        PublicKey::from_modulus(&modulus).unwrap()
    }

    #[test]
    fn the_record_shows_the_id_and_length_of_each_key() {
        let keys: ServerKeys = [key(1, 256), key(2, 512)].into_iter().collect();
        let record = keys.to_string();
        assert!(record.starts_with("Server keys: "));
        for (number, bytes) in [(1, 256), (2, 512)] {
            let expected = format!("{} ({} bits)", key(number, bytes).thumbprint(), bytes * 8);
            assert!(record.contains(&expected), "{record}");
        }
        assert_eq!(ServerKeys::default().to_string(), "Server keys: none");
    }

    #[test]
    fn a_delivery_takes_the_place_of_the_one_before() {
        let (old, new) = (key(1, 256), key(2, 256));
        let mut keys = ServerKeys::default();
        assert_eq!(keys.get(old.thumbprint()), None);
        keys.insert(old.clone());
        assert_eq!(keys.get(old.thumbprint()), Some(&old));
        let delivered: ServerKeys = [new.clone()].into_iter().collect();
        assert!(keys.replace(delivered.clone()));
        assert!(!keys.replace(delivered));
        assert_eq!((keys.get(old.thumbprint()), keys.get(new.thumbprint())), (None, Some(&new)));
    }

    #[test]
    fn a_key_set_is_read_strictly() {
        let keys: ServerKeys = (1..5).map(|number| key(number, 256)).collect();
        let json = serde_json::to_string(&keys).unwrap();
        assert_eq!(serde_json::from_str::<ServerKeys>(&json).unwrap(), keys);

        let jwk = serde_json::to_string(&key(1, 256).to_jwk()).unwrap();
        let other_kid = key(2, 256).thumbprint().to_string();
        for (bad, why) in [
            (format!(r#"{{"keys":[{jwk},{jwk}]}}"#), "repeats"),
            (format!(r#"{{"keys":[{jwk}],"more":1}}"#), "unknown field"),
            (format!(r#"{{"keys":[{jwk}],"keys":[]}}"#), "duplicate field"),
            (format!(r#"{{"keys":[{}]}}"#, jwk.replace('{', r#"{"use":"sig","#)), "unknown field"),
            (format!(r#"{{"keys":[{}]}}"#, jwk.replace('{', r#"{"d":"AQAB","#)), "unknown field"),
            (format!(r#"{{"keys":[{}]}}"#, jwk.replace("AQAB", "Aw")), "AQAB"),
            (
                format!(r#"{{"keys":[{}]}}"#, jwk.replace(&key(1, 256).thumbprint().to_string(), &other_kid)),
                "thumbprint",
            ),
            ("{}".into(), "missing field"),
            ("[]".into(), "invalid length"),
        ] {
            let error = serde_json::from_str::<ServerKeys>(&bad).unwrap_err().to_string();
            assert!(error.contains(why), "{error}, expected {why}");
        }
    }
}
