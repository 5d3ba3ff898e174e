//! The registry of token uses: each counter of a token is accepted once (rules 18, 47 and 48; holes 2, 3, 5, 6, 16 and
//! 19; attacks 9, 13 and 23).

use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, hash_map::Entry};

use super::Window;
use crate::types::{Bug, Epoch, Jti, NodeId, Parameters, Profile, Refusal, UnixSeconds, WallTime};

/// What a registry decides by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegistrySettings {
    /// Width of each token's window in counters, 1 to 1024; 1 accepts rising counters only (hole 3).
    pub window_width: u32,
    /// How far a counter may jump above the highest one used (hole 5).
    pub counter_jump_max: u64,
    /// How long past its token's expiry an entry is kept, as the token is accepted that long (hole 16).
    pub leeway: Duration,
    /// Whether expiries that a purge has passed are refused from then on (hole 19).
    pub keeps_purge_high_water: bool,
}

impl RegistrySettings {
    /// The settings of a server with these parameters, under this profile.
    pub const fn new(profile: Profile, parameters: &Parameters) -> Self {
        Self {
            window_width: parameters.registry_window,
            counter_jump_max: parameters.counter_jump_max,
            leeway: parameters.leeway(),
            keeps_purge_high_water: profile.keeps_purge_high_water(),
        }
    }
}

/// A recorded use: "the final registry content, counter and window" (rule 47).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Use {
    /// Whether this was the token's first use here.
    pub is_new: bool,
    /// The highest counter used.
    pub highest: u64,
    /// How far the window moved: from 0 at the first use, not at all if the counter came late.
    pub slid_by: u64,
    /// The 64 topmost counters of the window; bit 0 is the highest.
    pub window: u64,
}

/// Every token used at one server since its start, with the counters used (rule 18).
///
/// Entries are keyed by what a token *is*, its agent and `jti`, never by a spelling of it (attack 5). Only
/// tokens whose signatures were both verified may come here (hole 2, invariant S5), so that forgeries
/// neither burn honest counters nor fill the memory (attack 23).
#[derive(Clone, Debug)]
pub struct Registry {
    settings: RegistrySettings,
    epoch: Epoch,
    // Neither order nor hashes can be observed: every listing is sorted. The issuer draws `jti` at random, so
    // no client chooses where an entry lands, and a hasher without a secret is enough.
    entries: HashMap<(NodeId, Jti), RegistryEntry, FixedState>,
    high_water: Option<UnixSeconds>,
}

#[derive(Clone, Debug)]
struct RegistryEntry {
    window: Window,
    expires: UnixSeconds,
}

impl Registry {
    /// An empty registry for a server that starts with `epoch` (hole 6).
    pub fn new(settings: RegistrySettings, epoch: Epoch) -> Self {
        Self { settings, epoch, entries: HashMap::default(), high_water: None }
    }

    /// The epoch of this start of the server.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What the registry decides by.
    pub const fn settings(&self) -> &RegistrySettings {
        &self.settings
    }

    /// Decides by other settings from now on. A token that was used already keeps the width of its window.
    pub fn go_by(&mut self, settings: RegistrySettings) {
        self.settings = settings;
    }

    /// Records one use of a verified, unexpired token, in one step with its check (rules 8, 18).
    ///
    /// # Errors
    /// The counter's refusal as in [`Window::check`], or [`Refusal::BelowPurgeHighWater`] (hole 19). A
    /// refused use changes nothing.
    pub fn check_and_record(
        &mut self,
        agent: NodeId,
        jti: Jti,
        counter: u64,
        expires: UnixSeconds,
    ) -> Result<Use, Refusal> {
        let below_high_water = self.is_below_high_water(expires);
        let RegistrySettings { window_width, counter_jump_max, .. } = self.settings;
        let record = |window: &mut Window, is_new| {
            if below_high_water {
                // The counter's own refusal comes first (rule 8).
                window.check(counter, counter_jump_max)?;
                return Err(Refusal::BelowPurgeHighWater);
            }
            let slid_by = window.check_and_record(counter, counter_jump_max)?;
            Ok(Use { is_new, highest: window.highest(), slid_by, window: window.lowest_64_bits() })
        };
        match self.entries.entry((agent, jti)) {
            Entry::Occupied(mut occupied) => {
                let entry = occupied.get_mut();
                let recorded = record(&mut entry.window, false)?;
                // An honest issuer never gives one jti two expiries; should it, the record outlives both.
                entry.expires = entry.expires.max(expires);
                Ok(recorded)
            }
            Entry::Vacant(vacant) => {
                let mut window = Window::new(window_width);
                let recorded = record(&mut window, true)?;
                vacant.insert(RegistryEntry { window, expires });
                Ok(recorded)
            }
        }
    }

    /// Whether the record of a token with this expiry may be gone already, so that the token must be refused
    /// whatever the clock says now (hole 19). Never under a profile that keeps no high-water mark.
    pub fn is_below_high_water(&self, expires: UnixSeconds) -> bool {
        let keeps = self.settings.keeps_purge_high_water && !Bug::HighWaterMarkLost.is_planted();
        keeps && self.high_water.is_some_and(|mark| expires <= mark)
    }

    /// Removes a token that was seen to have expired during authentication (rule 48), and says whether it
    /// was there. Its expiry raises the high-water mark as a purge would (hole 19).
    pub fn remove(&mut self, agent: NodeId, jti: Jti) -> bool {
        let removed = self.entries.remove(&(agent, jti));
        if let Some(entry) = &removed {
            self.high_water = self.high_water.max(Some(entry.expires));
        }
        removed.is_some()
    }

    /// Removes every entry whose expiry and leeway have passed (rule 48), and lists them in ascending order.
    ///
    /// The latest expiry that went is the high-water mark, not what the clock said: a clock that is far ahead for once
    /// must not shut everybody out once it is right again.
    pub fn purge(&mut self, now: WallTime) -> Vec<(NodeId, Jti)> {
        let Some(passed) = self.greatest_passed_expiry(now) else { return Vec::new() };
        let mut removed = Vec::new();
        for (key, entry) in self.entries.extract_if(|_, entry| entry.expires <= passed) {
            self.high_water = self.high_water.max(Some(entry.expires));
            removed.push(key);
        }
        removed.sort_unstable();
        removed
    }

    /// The greatest expiry that, with the leeway, lies strictly before `now`; none at the start of time.
    fn greatest_passed_expiry(&self, now: WallTime) -> Option<UnixSeconds> {
        let leeway = if Bug::RetentionWithoutLeeway.is_planted() { Duration::ZERO } else { self.settings.leeway };
        let leeway_ns = u64::try_from(leeway.as_nanos()).ok()?;
        let last_ns = now.0.checked_sub(leeway_ns)?.checked_sub(1)?;
        Some(WallTime(last_ns).seconds())
    }

    /// How many tokens the registry holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the registry holds no token.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory on the heap, in bytes: the table with its spare room, and what wide windows take beside it.
    pub fn memory_bytes(&self) -> usize {
        let beside: usize = self.entries.values().map(|entry| entry.window.heap_bytes()).sum();
        self.entries.allocation_size() + beside
    }

    /// How many counters are marked within all windows, and how many could be.
    pub fn window_bits(&self) -> (u64, u64) {
        self.entries.values().fold((0, 0), |(used, total), RegistryEntry { window, .. }| {
            (used + u64::from(window.used()), total + u64::from(window.width()))
        })
    }
}
