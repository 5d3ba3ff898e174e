//! A map that forgets.

use std::{collections::BTreeMap, hash::Hash};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::types::VirtualTime;

const BUCKET_NS: u64 = 60_000_000_000;

/// A map whose entries go some time after they were last wanted, so that a long run needs no more
/// memory than a short one. Cheap, and never iterated over: the order of hashes stays unseen.
#[derive(Debug)]
pub struct FadingMap<K, V> {
    entries: HashMap<K, (VirtualTime, V), FixedState>,
    /// Which keys to look at when a minute is over. Each key is in one bucket at most once per insertion.
    buckets: BTreeMap<u64, Vec<K>>,
}

impl<K, V> Default for FadingMap<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::default(), buckets: BTreeMap::new() }
    }
}

impl<K: Copy + Eq + Hash, V> FadingMap<K, V> {
    /// Puts `value` under `key`, to be kept until then.
    pub fn insert(&mut self, key: K, value: V, until: VirtualTime) {
        if self.entries.insert(key, (until, value)).is_none() {
            self.buckets.entry(until.nanos() / BUCKET_NS).or_default().push(key);
        }
    }

    /// The value under `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The value under `key`, which is kept until then from now on.
    pub fn touch(&mut self, key: &K, keep_until: VirtualTime) -> Option<&mut V> {
        let (until, value) = self.entries.get_mut(key)?;
        *until = (*until).max(keep_until);
        Some(value)
    }

    /// Takes the value under `key` out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    /// Forgets what need not be kept any longer.
    pub fn fade(&mut self, now: VirtualTime) {
        while let Some(bucket) = self.buckets.first_entry() {
            if *bucket.key() >= now.nanos() / BUCKET_NS {
                break;
            }
            for key in bucket.remove() {
                match self.entries.get(&key) {
                    Some((until, _)) if *until >= now => {
                        self.buckets.entry(until.nanos() / BUCKET_NS).or_default().push(key);
                    }
                    Some(_) => drop(self.entries.remove(&key)),
                    None => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_stays_and_the_rest_fades() {
        let minute = |count| VirtualTime(BUCKET_NS * count);
        let mut map = FadingMap::default();
        map.insert(1, 'a', minute(1));
        map.insert(2, 'b', minute(1));
        map.fade(minute(1));
        assert_eq!((map.get(&1), map.get(&2)), (Some(&'a'), Some(&'b')));
        map.touch(&2, minute(5));
        map.fade(minute(3));
        assert_eq!((map.get(&1), map.get(&2)), (None, Some(&'b')));
        map.fade(minute(7));
        assert_eq!(map.get(&2), None);
        assert!(map.buckets.is_empty());
    }
}
