//! The memory behind the registry: a dense list of entries and an index into it.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::Window;
use crate::types::{Jti, NodeId, UnixSeconds};

/// What a token is, whatever its spelling (attack 5).
pub(super) type TokenKey = (NodeId, Jti);

/// One token used here: 64 bytes, so one line of the CPU's cache.
#[derive(Clone, Debug)]
pub(super) struct RegistryEntry {
    pub key: TokenKey,
    pub window: Window,
    pub expires: UnixSeconds,
}

/// Entries in a dense list, found through a table of their positions.
///
/// A look-up then misses the cache about as often as in a plain hash table, while the spare room of the
/// table is of small positions instead of whole entries, and a sweep reads the memory in sequence.
/// Neither positions nor hashes can be observed. The issuer draws `jti` at random, so that no client
/// chooses where an entry lands and a hasher without secret is enough.
#[derive(Clone, Debug, Default)]
pub(super) struct RegistryTable {
    entries: Vec<RegistryEntry>,
    positions: HashTable<usize>,
    hasher: FixedState,
}

impl RegistryTable {
    /// All entries, in no particular order.
    pub fn entries(&self) -> &[RegistryEntry] {
        &self.entries
    }

    /// The entry of a token.
    pub fn get_mut(&mut self, key: &TokenKey) -> Option<&mut RegistryEntry> {
        let hash = self.hasher.hash_one(key);
        let position = *self.positions.find(hash, |&position| is_at(&self.entries, position, key))?;
        self.entries.get_mut(position)
    }

    /// Adds an entry; the caller knows that the token has none yet.
    pub fn insert(&mut self, entry: RegistryEntry) {
        let Self { entries, positions, hasher } = self;
        let hash = hasher.hash_one(entry.key);
        let position = entries.len();
        entries.push(entry);
        positions.insert_unique(hash, position, |&position| {
            entries.get(position).map_or(0, |entry| hasher.hash_one(entry.key))
        });
    }

    /// Removes the entry of a token.
    pub fn remove(&mut self, key: &TokenKey) -> Option<RegistryEntry> {
        let Self { entries, positions, hasher } = self;
        let found = positions.find_entry(hasher.hash_one(key), |&position| is_at(entries, position, key)).ok()?;
        let (position, _) = found.remove();
        let removed = entries.swap_remove(position);
        // The last entry has filled the gap.
        if let Some(moved) = entries.get(position) {
            let was_at = entries.len();
            if let Some(moved_position) = positions.find_mut(hasher.hash_one(moved.key), |&other| other == was_at) {
                *moved_position = position;
            }
        }
        Some(removed)
    }

    /// Memory of the list and its index with their spare room, in bytes.
    pub fn allocation_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<RegistryEntry>() + self.positions.allocation_size()
    }
}

fn is_at(entries: &[RegistryEntry], position: usize, key: &TokenKey) -> bool {
    entries.get(position).is_some_and(|entry| entry.key == *key)
}
