//! The site server's cache of tokens, which it cannot issue itself (rules 32, 35 to 37, 39, 40 and 44; holes 7, 10,
//! 14 and 15; attack 24).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use crate::{
    crypto::PublicKey,
    types::{Bug, Jti, NodeId, Parameters, Profile, Thumbprint, Uid, UnixSeconds, WallTime},
};

/// What a token cache decides by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenCacheSettings {
    /// Most uids of one agent (attack 24); taken as at least 1.
    pub uids_per_agent_max: u32,
    /// Whether a refresh starts "requested once more" anew (hole 10).
    pub resets_requested_on_refresh: bool,
    /// Most tokens that one validation asks for (rule 39).
    pub validation_tokens_max: u32,
    /// Most agents in one batch request (rule 40); taken as at least 1.
    pub batch_size_max: u32,
}

impl TokenCacheSettings {
    /// The settings of a site server with these parameters, under this profile.
    pub const fn new(profile: Profile, parameters: &Parameters) -> Self {
        Self {
            uids_per_agent_max: parameters.uids_per_agent_max,
            resets_requested_on_refresh: profile.resets_requested_on_refresh(),
            validation_tokens_max: parameters.validation_tokens_max,
            batch_size_max: parameters.batch_size_max,
        }
    }
}

/// A token from the issuer, with what the site needs to serve and to check it.
#[derive(Clone, PartialEq, Eq)]
pub struct CachedToken {
    /// The three parts as issued.
    pub text: Arc<str>,
    /// The server key that signed it.
    pub kid: Thumbprint,
    /// The token's identifier.
    pub jti: Jti,
    /// When the token ends.
    pub expires: UnixSeconds,
    /// The agent's key, by which the site checks agent signatures (rule 44).
    pub agent_key: PublicKey,
}

impl CachedToken {
    /// Whether the token can still be handed out: its expiry lies after `now`, without leeway (invariant S9).
    pub fn is_live(&self, now: WallTime) -> bool {
        now < self.expires.wall()
    }
}

impl fmt::Debug for CachedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedToken").field("jti", &self.jti).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// How a token came from the issuer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fetched {
    /// An agent authenticates for the first time (rule 35), or its key was in doubt (hole 14).
    First,
    /// A validation asked for it (rule 37).
    Refresh,
}

/// What became of a token that was to be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    /// It is in the cache. Another uid of the agent may have made room for it (attack 24).
    Kept {
        /// The entry that was evicted.
        evicted: Option<(Uid, Jti)>,
    },
    /// It was dropped: a refresh whose entry has meanwhile gone, or no room beside proven entries.
    Dropped,
}

/// What one validation has removed, and what it asks the issuer for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ValidationPlan {
    /// Entries that were removed: expired and not requested again (rule 36). In ascending order.
    pub removed: Vec<(NodeId, Uid, Jti)>,
    /// How many entries are due for refresh, before the ceiling of rule 39.
    pub due: u32,
    /// Whom to ask for, in requests of at most `batch_size_max` agents (rule 40), soonest expiry first.
    pub batches: Vec<Vec<(NodeId, Uid)>>,
}

/// The tokens that a site server holds for agents, by agent and uid: cloned machines share the former
/// only (hole 15).
///
/// Per agent there are at most `uids_per_agent_max` entries. Anybody can cause one, by a first request in
/// the agent's name, so an entry under which the agent has authenticated is *proven* and never makes room
/// for one that is not (attack 24). Proven entries leave one place free, else an agent that restarted often
/// enough within a token's lifetime could not get in: the one unused for longest goes when a further one
/// is proven.
#[derive(Clone, Debug)]
pub struct TokenCache {
    settings: TokenCacheSettings,
    entries: BTreeMap<(NodeId, Uid), CacheEntry>,
    keys_refetched: BTreeSet<(NodeId, Uid)>,
    turns: u64,
}

#[derive(Clone, Debug)]
struct CacheEntry {
    token: CachedToken,
    /// Whether the agent has requested it since the fetch (rule 37).
    requested: bool,
    proven: bool,
    /// Whether a use of the token was refused as a replay: it is not handed out again (hole 7).
    spent: bool,
    /// When it was stored, or last used with success: the lowest turn is evicted first.
    turn: u64,
}

impl TokenCache {
    /// Decides by other settings from now on.
    pub fn go_by(&mut self, settings: TokenCacheSettings) {
        self.settings = settings;
    }

    /// An empty cache.
    pub const fn new(settings: TokenCacheSettings) -> Self {
        Self { settings, entries: BTreeMap::new(), keys_refetched: BTreeSet::new(), turns: 0 }
    }

    /// The live token that answers a first request (rule 32), none if the issuer must be asked.
    ///
    /// The request counts for rule 37 whether or not the token is still live.
    pub fn first_request(&mut self, agent: NodeId, uid: Uid, now: WallTime) -> Option<&CachedToken> {
        let entry = self.entries.get_mut(&self.key(agent, uid))?;
        entry.requested = true;
        let is_live = entry.token.is_live(now) || Bug::ExpiredTokenOffered.is_planted();
        (is_live && !entry.spent).then_some(&entry.token)
    }

    /// The entry whose key checks a presented token (rule 44); none if the cache has none, which makes the
    /// token invalid. The entry's own token may have expired, or be another than the one presented.
    pub fn entry(&self, agent: NodeId, uid: Uid) -> Option<&CachedToken> {
        self.entries.get(&self.key(agent, uid)).map(|entry| &entry.token)
    }

    /// The same for a token that the issuer is known to have signed: its presentation counts for rule 37.
    pub fn presented(&mut self, agent: NodeId, uid: Uid) -> Option<&CachedToken> {
        let entry = self.entries.get_mut(&self.key(agent, uid))?;
        entry.requested = true;
        Some(&entry.token)
    }

    /// Notes that the agent has authenticated under this uid, so that no unproven entry evicts it (attack 24).
    ///
    /// Returns the proven entry that made room, if there were too many; never the one just noted.
    pub fn mark_proven(&mut self, agent: NodeId, uid: Uid) -> Option<(Uid, Jti)> {
        let turn = self.next_turn();
        let entry = self.entries.get_mut(&self.key(agent, uid))?;
        entry.proven = true;
        entry.turn = turn;
        let proven_max = self.uids_per_agent_max().saturating_sub(1).max(1);
        let proven = self.entries_of(agent).filter(|(_, entry)| entry.proven).count();
        if proven > proven_max { self.evict_oldest(agent, true) } else { None }
    }

    /// Stores a token from the issuer (rule 35), or renews the one that is there.
    pub fn store(&mut self, agent: NodeId, uid: Uid, token: CachedToken, fetched: Fetched) -> Stored {
        if Bug::CacheKeyedByAgent.is_planted() {
            // One entry per agent: whoever comes last has it.
            self.entries.retain(|&(other, its), _| other != agent || its == uid);
        }
        if let Some(entry) = self.entries.get_mut(&(agent, uid)) {
            entry.token = token;
            entry.spent = false;
            let resets = self.settings.resets_requested_on_refresh && !Bug::RefreshFlagKept.is_planted();
            if fetched == Fetched::First || resets {
                entry.requested = false;
            }
            return Stored::Kept { evicted: None };
        }
        if fetched == Fetched::Refresh {
            return Stored::Dropped;
        }
        let mut evicted = None;
        if self.entries_of(agent).count() >= self.uids_per_agent_max() {
            evicted = self.evict_oldest(agent, false);
            if evicted.is_none() {
                return Stored::Dropped;
            }
        }
        let turn = self.next_turn();
        self.entries.insert((agent, uid), CacheEntry { token, requested: false, proven: false, spent: false, turn });
        Stored::Kept { evicted }
    }

    /// Hands a token out no more, after a use of it was refused as a replay (hole 7).
    ///
    /// The entry and its key stay. If they went, whoever replays a captured token could have its victim's next one
    /// refused for want of the key, unused and good for the thief; and would rob the entry of its proof (attack 24).
    pub fn spend(&mut self, agent: NodeId, uid: Uid) -> Option<Jti> {
        let entry = self.entries.get_mut(&self.key(agent, uid)).filter(|entry| !entry.spent)?;
        entry.spent = true;
        Some(entry.token.jti)
    }

    /// Removes an entry, since the issuer refuses the agent a token.
    pub fn evict(&mut self, agent: NodeId, uid: Uid) -> Option<Jti> {
        self.entries.remove(&self.key(agent, uid)).map(|entry| entry.token.jti)
    }

    /// Whether the agent's key may be fetched again after a bad agent signature, and notes that it is:
    /// once per entry and validation period (hole 14), even if the entry is evicted and fetched anew.
    pub fn may_refetch_key(&mut self, agent: NodeId, uid: Uid) -> bool {
        self.entries.contains_key(&(agent, uid)) && self.keys_refetched.insert((agent, uid))
    }

    /// Validates the cache: removes what has expired and was not requested again (rule 36), and picks what
    /// ends within `look_ahead` and was requested again (rule 37).
    ///
    /// What is picked comes soonest expiry first, then by agent and uid, up to the ceiling of rule 39; the
    /// rest stays for the next validation. An entry that has expired but was requested again stays until
    /// it is refreshed or evicted.
    pub fn validate(&mut self, now: WallTime, look_ahead: Duration) -> ValidationPlan {
        self.keys_refetched.clear();
        let mut removed = Vec::new();
        let mut due = Vec::new();
        self.entries.retain(|&(agent, uid), CacheEntry { token, requested, .. }| {
            if *requested {
                let look_ahead = if Bug::LookAheadIgnored.is_planted() { Duration::ZERO } else { look_ahead };
                if token.expires.wall().since(now) <= look_ahead {
                    due.push((token.expires, agent, uid));
                }
                return true;
            }
            if Bug::CacheNeverCleaned.is_planted() {
                return true;
            }
            if !token.is_live(now) {
                removed.push((agent, uid, token.jti));
            }
            token.is_live(now)
        });
        due.sort_unstable();
        let due_before_ceiling = saturating_u32(due.len());
        if !Bug::ValidationCeilingIgnored.is_planted() {
            due.truncate(saturating_usize(self.settings.validation_tokens_max));
        }
        let batch_size = if Bug::BatchTooLarge.is_planted() { u32::MAX } else { self.settings.batch_size_max };
        let batches = due
            .chunks(saturating_usize(batch_size).max(1))
            .map(|batch| batch.iter().map(|&(_, agent, uid)| (agent, uid)).collect())
            .collect();
        ValidationPlan { removed, due: due_before_ceiling, batches }
    }

    /// How many tokens the cache holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the cache holds no token.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the entry of an agent and uid is: clones of a machine share the former only (hole 15).
    fn key(&self, agent: NodeId, uid: Uid) -> (NodeId, Uid) {
        if Bug::CacheKeyedByAgent.is_planted() {
            return self.entries_of(agent).next().map_or((agent, uid), |(uid, _)| (agent, uid));
        }
        (agent, uid)
    }

    fn entries_of(&self, agent: NodeId) -> impl Iterator<Item = (Uid, &CacheEntry)> {
        let uids = (agent, Uid::from_bits(0))..=(agent, Uid::from_bits(u128::MAX));
        self.entries.range(uids).map(|(&(_, uid), entry)| (uid, entry))
    }

    /// Evicts the agent's oldest entry among the proven or the unproven ones.
    fn evict_oldest(&mut self, agent: NodeId, proven: bool) -> Option<(Uid, Jti)> {
        let candidates = self.entries_of(agent).filter(|(_, entry)| entry.proven == proven);
        let (uid, _) = candidates.min_by_key(|(_, entry)| entry.turn)?;
        self.evict(agent, uid).map(|jti| (uid, jti))
    }

    fn uids_per_agent_max(&self) -> usize {
        saturating_usize(self.settings.uids_per_agent_max).max(1)
    }

    fn next_turn(&mut self) -> u64 {
        self.turns = self.turns.saturating_add(1);
        self.turns
    }
}

fn saturating_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn saturating_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
