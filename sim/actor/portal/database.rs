//! The portal's database: the Login Token Key, and the users. It outlives every server's process.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use rand_core::Rng;
use sha2::{Digest, Sha256};

use crate::{protocol::LoginTokenKey, types::locked};

/// The portal's database, shared by all of its servers.
#[derive(Clone, Debug)]
pub struct PortalDatabase {
    records: Arc<Mutex<PortalRecords>>,
}

/// What the database holds.
pub struct PortalRecords {
    key: LoginTokenKey,
    updates: u32,
    accounts: BTreeMap<String, Account>,
}

struct Account {
    /// Nobody guesses passwords here, so that a plain hash of name and password does.
    password: [u8; 32],
    is_administrator: bool,
}

impl PortalDatabase {
    /// The database of a new portal: it has a key, and no users.
    pub fn new(key: LoginTokenKey) -> Self {
        let records = PortalRecords { key, updates: 0, accounts: BTreeMap::new() };
        Self { records: Arc::new(Mutex::new(records)) }
    }

    /// Opens the database.
    pub fn open(&self) -> MutexGuard<'_, PortalRecords> {
        locked(&self.records)
    }
}

impl PortalRecords {
    /// The Login Token Key of the day.
    pub fn key(&self) -> &LoginTokenKey {
        &self.key
    }

    /// Makes a new key: 'Update' was pressed (rule 80). Returns how often that has happened.
    pub fn update(&mut self, rng: &mut impl Rng) -> u32 {
        self.replace_key(LoginTokenKey::draw(rng))
    }

    /// Takes over a key that was made, and kept elsewhere. Returns how often there has been a new one.
    pub fn replace_key(&mut self, key: LoginTokenKey) -> u32 {
        self.key = key;
        self.updates = self.updates.saturating_add(1);
        self.updates
    }

    /// How often 'Update' has been pressed.
    pub fn updates(&self) -> u32 {
        self.updates
    }

    /// Adds a user, whose id is whatever the directory has that users come from. Whoever was an administrator stays one.
    pub fn add_user(&mut self, user: &str, password: &str, is_administrator: bool) {
        let was_administrator = self.is_administrator(user);
        let account =
            Account { password: hash(user, password), is_administrator: is_administrator || was_administrator };
        self.accounts.insert(user.to_owned(), account);
    }

    /// Whether there is such a user.
    pub fn has_user(&self, user: &str) -> bool {
        self.accounts.contains_key(user)
    }

    /// Whether a user has this password.
    pub fn has_password(&self, user: &str, password: &str) -> bool {
        self.accounts.get(user).is_some_and(|account| account.password == hash(user, password))
    }

    /// Whether a user may go to the administration server.
    pub fn is_administrator(&self, user: &str) -> bool {
        self.accounts.get(user).is_some_and(|account| account.is_administrator)
    }
}

fn hash(user: &str, password: &str) -> [u8; 32] {
    let length = (user.len() as u64).to_be_bytes();
    Sha256::new().chain_update(length).chain_update(user).chain_update(password).finalize().into()
}

// Neither the key nor anybody's password must reach a log.
impl fmt::Debug for PortalRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalRecords").field("updates", &self.updates).finish_non_exhaustive()
    }
}
