//! The Windows domain: which accounts there are, and what proves them. All servers of a run ask the same one, at once and
//! for nothing: how Windows servers reach their domain is not ours to model.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use crate::{
    protocol::{Account, PasswordHash},
    types::{NodeId, locked},
};

/// The accounts of a domain, shared by all servers. Served nodes have an empty one: no account gets in there.
#[derive(Clone, Debug, Default)]
pub struct Domain {
    accounts: Arc<Mutex<BTreeMap<String, Entry>>>,
}

/// What a domain knows of an account.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Under which identity events know it.
    pub node: NodeId,
    /// What it keeps of the password.
    pub hash: PasswordHash,
}

impl Domain {
    /// Adds an account, or changes its password.
    pub fn put(&self, account: &Account, node: NodeId) {
        locked(&self.accounts).insert(account.name.clone(), Entry { node, hash: account.hash() });
    }

    /// What it knows of an account.
    pub fn find(&self, name: &str) -> Option<Entry> {
        locked(&self.accounts).get(name).cloned()
    }
}
