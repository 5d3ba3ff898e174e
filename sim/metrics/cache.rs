//! A site's token cache: what it saved, and what left it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{EventKind, Removal};

/// A site's token cache (rules 31 to 37).
///
/// Over all sites together, counts are sums and the greatest number of entries is that of any one site.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct CacheFigures {
    /// Answers from the cache, and cached tokens seen in use (rules 32, 37).
    pub hits: u64,
    /// First requests for which the site had to ask the issuer (rule 31).
    pub misses: u64,
    /// Tokens stored by first fetches (rule 35).
    pub stored: u64,
    /// Tokens stored by refreshes (rule 37).
    pub refreshed: u64,
    /// Tokens removed, by reason; what never occurred is left out.
    pub removed: BTreeMap<Removal, u64>,
    /// Entries at the end.
    pub entries: u64,
    /// Most entries at any time.
    pub entries_max: u64,
}

impl CacheFigures {
    pub(super) fn hear(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Started { .. } => self.entries = 0,
            EventKind::CacheHit { .. } => self.hits += 1,
            EventKind::CacheMissed { .. } => self.misses += 1,
            // A refresh replaces the token of an entry that is there.
            EventKind::CacheStored { refreshed: true, .. } => self.refreshed += 1,
            EventKind::CacheStored { refreshed: false, .. } => {
                self.stored += 1;
                self.entries_are(self.entries + 1);
            }
            EventKind::CacheRemoved { why, .. } => {
                *self.removed.entry(*why).or_default() += 1;
                self.entries = self.entries.saturating_sub(1);
            }
            // The site's own count is exact where a first fetch replaced an entry.
            EventKind::ValidationStarted { entries, .. } => self.entries_are(u64::from(*entries)),
            _ => {}
        }
    }

    fn entries_are(&mut self, entries: u64) {
        self.entries = entries;
        self.entries_max = self.entries_max.max(entries);
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.stored += other.stored;
        self.refreshed += other.refreshed;
        for (why, count) in &other.removed {
            *self.removed.entry(*why).or_default() += count;
        }
        self.entries += other.entries;
        self.entries_max = self.entries_max.max(other.entries_max);
    }
}
