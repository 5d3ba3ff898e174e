//! A server's token registry: how full, how large, how often purged.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::{EventKind, Removal},
    types::ppm,
};

/// A server's registry (rules 18, 47, 48).
///
/// Over all servers together, counts are sums and the greatest values are those of any one server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct RegistryFigures {
    /// Uses recorded.
    pub recorded: u64,
    /// Uses of a token that the registry did not know yet.
    pub recorded_new: u64,
    /// Uses after which a window had moved.
    pub slides: u64,
    /// Entries at the end.
    pub entries: u64,
    /// Most entries at any time.
    pub entries_max: u64,
    /// Memory at the last look, in bytes.
    pub bytes: u64,
    /// Most memory at any look, in bytes.
    pub bytes_max: u64,
    /// Counters marked within all windows at the last look.
    pub window_bits_used: u64,
    /// Width of all windows together at the last look.
    pub window_bits: u64,
    /// Greatest share of marked counters at any look, in parts per million.
    pub window_occupancy_max_ppm: u64,
    /// Purges (rule 48).
    pub purges: u64,
    /// Entries removed, by reason; what never occurred is left out.
    pub removed: BTreeMap<Removal, u64>,
}

impl RegistryFigures {
    pub(super) fn hear(&mut self, kind: &EventKind) {
        match kind {
            // A start begins with empty memory (hole 6).
            EventKind::Started { .. } => self.entries = 0,
            EventKind::RegistryRecorded { state, .. } => {
                self.recorded += 1;
                self.slides += u64::from(state.slid_by > 0 && !state.is_new);
                if state.is_new {
                    self.recorded_new += 1;
                    self.entries_are(self.entries + 1);
                }
            }
            EventKind::RegistryRemoved { why, .. } => {
                *self.removed.entry(*why).or_default() += 1;
                self.entries = self.entries.saturating_sub(1);
            }
            EventKind::RegistryPurged { kept, .. } => {
                self.purges += 1;
                self.entries_are(u64::from(*kept));
            }
            EventKind::RegistryMeasured { entries, bytes, window_bits_used, window_bits } => {
                self.entries_are(u64::from(*entries));
                self.bytes = bytes.0;
                self.bytes_max = self.bytes_max.max(bytes.0);
                self.window_bits_used = *window_bits_used;
                self.window_bits = *window_bits;
                self.window_occupancy_max_ppm =
                    self.window_occupancy_max_ppm.max(ppm(*window_bits_used, *window_bits).unwrap_or(0));
            }
            _ => {}
        }
    }

    fn entries_are(&mut self, entries: u64) {
        self.entries = entries;
        self.entries_max = self.entries_max.max(entries);
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.recorded += other.recorded;
        self.recorded_new += other.recorded_new;
        self.slides += other.slides;
        self.entries += other.entries;
        self.entries_max = self.entries_max.max(other.entries_max);
        self.bytes += other.bytes;
        self.bytes_max = self.bytes_max.max(other.bytes_max);
        self.window_bits_used += other.window_bits_used;
        self.window_bits += other.window_bits;
        self.window_occupancy_max_ppm = self.window_occupancy_max_ppm.max(other.window_occupancy_max_ppm);
        self.purges += other.purges;
        for (why, count) in &other.removed {
            *self.removed.entry(*why).or_default() += count;
        }
    }
}
