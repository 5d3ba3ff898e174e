//! The server-side stores against naive models, and rule by rule.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use countersign::{
    crypto::PublicKey,
    protocol::{
        CachedToken, Fetched, Registry, RegistrySettings, Stored, TokenCache, TokenCacheSettings, ValidationPlan,
        Window,
    },
    types::{Epoch, Jti, NodeId, Parameters, Profile, Refusal, Thumbprint, Uid, UnixSeconds, WallTime},
};
use proptest::{collection::vec, prelude::*, sample::select};

const WIDTHS: [u32; 7] = [1, 2, 63, 64, 65, 100, 1_024];
const START_S: u64 = 1_800_000_000;
const LOOK_AHEAD: Duration = Duration::from_secs(15 * 60);

fn agent(number: u64) -> NodeId {
    NodeId::from_bits(u128::from(number))
}

fn uid(number: u64) -> Uid {
    Uid::from_bits(u128::from(number))
}

fn jti(number: u64) -> Jti {
    Jti::from_bits(u128::from(number))
}

fn seconds(after_start_s: u64) -> UnixSeconds {
    UnixSeconds(START_S + after_start_s)
}

fn wall(after_start_s: u64) -> WallTime {
    seconds(after_start_s).wall()
}

// --- window ------------------------------------------------------------------------------------------

/// What a window must do, told by the set of all counters ever used.
#[derive(Clone, Default)]
struct NaiveWindow {
    used: BTreeSet<u64>,
}

impl NaiveWindow {
    fn highest(&self) -> u64 {
        self.used.last().copied().unwrap_or(0)
    }

    fn check_and_record(&mut self, counter: u64, width: u32, jump_max: u64) -> Result<u64, Refusal> {
        let highest = self.highest();
        let lowest = (u128::from(highest) + 1).saturating_sub(u128::from(width)).max(1);
        if u128::from(counter) < lowest {
            return Err(Refusal::CounterBelowWindow);
        }
        if self.used.contains(&counter) {
            return Err(Refusal::CounterUsed);
        }
        if u128::from(counter) > u128::from(highest) + u128::from(jump_max) {
            return Err(Refusal::CounterBeyondJumpCap);
        }
        self.used.insert(counter);
        Ok(self.highest() - highest)
    }

    fn bits(&self, width: u32) -> impl Iterator<Item = u64> {
        (0..u64::from(width)).filter(|below| self.highest() > *below && self.used.contains(&(self.highest() - below)))
    }

    fn lowest_64_bits(&self, width: u32) -> u64 {
        self.bits(width).take_while(|below| *below < 64).fold(0, |word, below| word | 1 << below)
    }
}

/// Where a counter lies, relative to the highest so far: what a test of a window should try.
#[derive(Clone, Copy, Debug)]
enum Pick {
    Below(u64),
    Above(u64),
    Exactly(u64),
}

impl Pick {
    fn counter(self, highest: u64) -> u64 {
        match self {
            Self::Below(by) => highest.saturating_sub(by),
            Self::Above(by) => highest.saturating_add(by),
            Self::Exactly(counter) => counter,
        }
    }
}

fn pick(width: u32) -> impl Strategy<Value = Pick> {
    let width = u64::from(width);
    prop_oneof![
        4 => (0..width + 3).prop_map(Pick::Below),
        2 => (1..4u64).prop_map(Pick::Above),
        2 => (1..2 * width + 130).prop_map(Pick::Above),
        1 => select(vec![0, 1, u64::MAX - 1, u64::MAX]).prop_map(Pick::Exactly),
    ]
}

fn window_run() -> impl Strategy<Value = (u32, u64, Vec<Pick>)> {
    (select(WIDTHS.to_vec()), select(vec![1, 40, 1 << 20, u64::MAX]))
        .prop_flat_map(|(width, jump_max)| (Just(width), Just(jump_max), vec(pick(width), 1..120)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_window_decides_as_the_set_of_all_used_counters((width, jump_max, picks) in window_run()) {
        let mut window = Window::new(width);
        let mut naive = NaiveWindow::default();
        for pick in picks {
            let counter = pick.counter(naive.highest());
            let before = window.clone();
            let decided = window.check_and_record(counter, jump_max);
            prop_assert_eq!(before.check(counter, jump_max), decided.map(|_| ()));
            prop_assert_eq!(decided, naive.check_and_record(counter, width, jump_max));
            if decided.is_err() {
                prop_assert_eq!(&window, &before);
            }
            prop_assert_eq!(window.highest(), naive.highest());
            prop_assert_eq!(window.lowest_64_bits(), naive.lowest_64_bits(width));
            prop_assert_eq!(window.used() as usize, naive.bits(width).count());
        }
    }
}

/// The facts of WireGuard's own test of its window. Its counters start at 0 and ours at 1, so each is one
/// higher here; its last usable counter is our `u64::MAX`.
#[test]
fn a_window_passes_the_wireguard_counter_sequence() {
    for width in [64, 65, 100, 1_024u32] {
        let limit = u64::from(width);
        let last = u64::MAX;
        let main = [
            (1, true),
            (2, true),
            (2, false),
            (10, true),
            (9, true),
            (8, true),
            (8, false),
            (limit + 1, true),
            (limit, true),
            (limit, false),
            (limit - 1, true),
            (3, true),
            (3, false),
            (limit + 17, true),
            (4, false),
            (limit + 17, false),
            (limit * 4 + 1, true),
            (limit * 3 + 2, true),
            (11, false),
            (limit * 3 + 1, false),
            (limit * 3, false),
            (limit * 3 + 3, true),
            (limit * 3 + 2, false),
            (1, false),
            (last, true),
            (last, false),
            (last - 1, true),
            (last - 1, false),
            (last - 2, true),
            (1, false),
        ];
        accepts(width, main);
        accepts(width, (2..=limit).map(yes).chain([(1, true), (1, false)]));
        accepts(width, (3..=limit + 1).map(yes).chain([(2, true), (1, false)]));
        accepts(width, (1..=limit).rev().map(yes));
        accepts(width, (2..=limit + 1).rev().map(yes).chain([(1, false)]));
        accepts(width, (2..=limit).rev().map(yes).chain([(limit + 1, true), (1, false)]));
        accepts(width, (2..=limit).rev().map(yes).chain([(1, true), (limit + 1, true)]));
    }
}

fn yes(counter: u64) -> (u64, bool) {
    (counter, true)
}

fn accepts(width: u32, sequence: impl IntoIterator<Item = (u64, bool)>) {
    let mut window = Window::new(width);
    for (step, (counter, expected)) in sequence.into_iter().enumerate() {
        let decided = window.check_and_record(counter, u64::MAX);
        assert_eq!(decided.is_ok(), expected, "width {width}, step {step}, counter {counter}: {decided:?}");
    }
}

#[test]
fn hole_3_width_1_takes_rising_counters_only() {
    accepts(1, [(0, false), (1, true), (1, false), (3, true), (2, false), (4, true), (3, false)]);
}

// --- registry ----------------------------------------------------------------------------------------

fn registry(settings: RegistrySettings) -> Registry {
    Registry::new(settings, Epoch::from_bits(7))
}

fn defaults(profile: Profile) -> RegistrySettings {
    RegistrySettings::new(profile, &Parameters::defaults(profile))
}

#[derive(Clone, Debug)]
enum Operation {
    Use { agent: u64, jti: u64, pick: Pick, expires_s: u64 },
    Remove { agent: u64, jti: u64 },
    Purge { now_ms: u64 },
}

fn operation(width: u32) -> impl Strategy<Value = Operation> {
    let token = (0..3u64, 0..4u64);
    prop_oneof![
        12 => (token.clone(), pick(width), 0..100u64)
            .prop_map(|((agent, jti), pick, expires_s)| Operation::Use { agent, jti, pick, expires_s }),
        1 => token.prop_map(|(agent, jti)| Operation::Remove { agent, jti }),
        1 => (0..120_000u64).prop_map(|now_ms| Operation::Purge { now_ms }),
    ]
}

fn registry_run() -> impl Strategy<Value = (RegistrySettings, Vec<Operation>)> {
    (select(WIDTHS.to_vec()), select(vec![0, 1, 500, 60_000]), any::<bool>()).prop_flat_map(
        |(window_width, leeway_ms, keeps_purge_high_water)| {
            let leeway = Duration::from_millis(leeway_ms);
            let settings = RegistrySettings { window_width, counter_jump_max: 1 << 20, leeway, keeps_purge_high_water };
            (Just(settings), vec(operation(window_width), 1..150))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_registry_decides_as_a_map_of_all_used_counters((settings, operations) in registry_run()) {
        let RegistrySettings { window_width: width, counter_jump_max, leeway, keeps_purge_high_water } = settings;
        let mut registry = registry(settings);
        let mut naive: BTreeMap<(NodeId, Jti), (NaiveWindow, u64)> = BTreeMap::new();
        let mut high_water: Option<u64> = None;
        for operation in operations {
            match operation {
                Operation::Use { agent: agent_number, jti: jti_number, pick, expires_s } => {
                    let key = (agent(agent_number), jti(jti_number));
                    let is_new = !naive.contains_key(&key);
                    let (mut window, known_s) = naive.get(&key).cloned().unwrap_or_default();
                    let counter = pick.counter(window.highest());
                    let below = keeps_purge_high_water && high_water.is_some_and(|mark| expires_s <= mark);
                    prop_assert_eq!(registry.is_below_high_water(seconds(expires_s)), below);
                    let expected = window.check_and_record(counter, width, counter_jump_max).and_then(|slid_by| {
                        if below { Err(Refusal::BelowPurgeHighWater) } else { Ok(slid_by) }
                    });
                    let decided = registry.check_and_record(key.0, key.1, counter, seconds(expires_s));
                    prop_assert_eq!(decided.map(|used| used.slid_by), expected);
                    if let Ok(used) = decided {
                        prop_assert_eq!(used.is_new, is_new);
                        prop_assert_eq!(used.highest, window.highest());
                        prop_assert_eq!(used.window, window.lowest_64_bits(width));
                        naive.insert(key, (window, known_s.max(expires_s)));
                    }
                }
                Operation::Remove { agent: agent_number, jti: jti_number } => {
                    let key = (agent(agent_number), jti(jti_number));
                    let removed = naive.remove(&key);
                    high_water = high_water.max(removed.as_ref().map(|(_, expires_s)| *expires_s));
                    prop_assert_eq!(registry.remove(key.0, key.1), removed.is_some());
                }
                Operation::Purge { now_ms } => {
                    let now = wall(0).after(Duration::from_millis(now_ms));
                    let passed = |expires_s: u64| expires_s * 1_000 + (leeway.as_millis() as u64) < now_ms;
                    let mut expected: Vec<_> = naive.iter()
                        .filter(|(_, (_, expires_s))| passed(*expires_s)).map(|(key, _)| *key).collect();
                    expected.sort();
                    high_water = high_water.max(expected.iter().map(|key| naive[key].1).max());
                    naive.retain(|key, _| !expected.contains(key));
                    prop_assert_eq!(registry.purge(now), expected);
                }
            }
            prop_assert_eq!(registry.len(), naive.len());
            prop_assert_eq!(registry.is_empty(), naive.is_empty());
            let used: usize = naive.values().map(|(window, _)| window.bits(width).count()).sum();
            prop_assert_eq!(registry.window_bits(), (used as u64, naive.len() as u64 * u64::from(width)));
        }
    }
}

#[test]
fn rule_18_the_second_identical_use_is_refused_and_another_token_is_not() {
    let mut registry = registry(defaults(Profile::Literal));
    let first = registry.check_and_record(agent(1), jti(1), 1, seconds(3_600)).expect("a first use");
    assert!(first.is_new);
    assert_eq!((first.highest, first.slid_by, first.window), (1, 1, 1));
    assert_eq!(registry.check_and_record(agent(1), jti(1), 1, seconds(3_600)), Err(Refusal::CounterUsed));
    assert!(registry.check_and_record(agent(2), jti(1), 1, seconds(3_600)).is_ok());
    assert!(registry.check_and_record(agent(1), jti(2), 1, seconds(3_600)).is_ok());
    assert_eq!(registry.len(), 3);
}

#[test]
fn hole_5_a_refused_jump_leaves_no_entry() {
    let mut registry = registry(defaults(Profile::Hardened));
    let cap = 1 << 20;
    let refused = registry.check_and_record(agent(1), jti(1), cap + 1, seconds(3_600));
    assert_eq!(refused, Err(Refusal::CounterBeyondJumpCap));
    assert_eq!(registry.check_and_record(agent(1), jti(1), 0, seconds(3_600)), Err(Refusal::CounterBelowWindow));
    assert!(registry.is_empty());
    assert!(registry.check_and_record(agent(1), jti(1), cap, seconds(3_600)).is_ok());
    assert!(registry.check_and_record(agent(1), jti(1), 2 * cap, seconds(3_600)).is_ok());
}

#[test]
fn rule_48_an_entry_stays_for_its_expiry_and_leeway_and_goes_with_the_purge_after() {
    for (profile, leeway_s) in [(Profile::Literal, 0), (Profile::Hardened, 60)] {
        let mut registry = registry(defaults(profile));
        for number in [3, 1, 2] {
            assert!(registry.check_and_record(agent(number), jti(9), 1, seconds(3_600)).is_ok());
        }
        assert!(registry.check_and_record(agent(4), jti(9), 1, seconds(3_601)).is_ok());
        let end = wall(3_600 + leeway_s);
        assert_eq!(registry.purge(end), []);
        let gone = [1, 2, 3].map(|number| (agent(number), jti(9)));
        assert_eq!(registry.purge(end.after(Duration::from_nanos(1))), gone);
        assert_eq!(registry.len(), 1);
    }
}

#[test]
fn hole_19_only_hardened_refuses_what_a_purge_has_passed() {
    for (profile, leeway_s) in [(Profile::Literal, 0), (Profile::Hardened, 60)] {
        let mut registry = registry(defaults(profile));
        assert!(registry.check_and_record(agent(1), jti(1), 1, seconds(100)).is_ok());
        assert_eq!(registry.purge(wall(100 + leeway_s).after(Duration::from_nanos(1))).len(), 1);
        // The clock steps back: the token has not expired, and the record of its use is gone.
        let replayed = registry.check_and_record(agent(1), jti(1), 1, seconds(100));
        let unseen = registry.check_and_record(agent(2), jti(2), 1, seconds(100));
        let later = registry.check_and_record(agent(3), jti(3), 1, seconds(101));
        assert!(later.is_ok());
        match profile {
            Profile::Literal => assert!(replayed.is_ok() && unseen.is_ok()),
            Profile::Hardened => {
                assert_eq!(replayed, Err(Refusal::BelowPurgeHighWater));
                assert_eq!(unseen, Err(Refusal::BelowPurgeHighWater));
                assert_eq!(registry.len(), 1, "a refused use leaves nothing");
            }
        }
        // An earlier purge does not lower the mark.
        assert_eq!(registry.purge(wall(50)), []);
        assert_eq!(registry.is_below_high_water(seconds(100)), profile == Profile::Hardened);
    }
}

#[test]
fn hole_19_a_purge_by_a_clock_that_was_far_ahead_shuts_out_only_what_it_forgot() {
    let mut registry = registry(defaults(Profile::Hardened));
    let day_s = 86_400;
    assert_eq!(registry.purge(wall(day_s)), []);
    assert!(registry.check_and_record(agent(1), jti(1), 1, seconds(3_600)).is_ok(), "nothing was forgotten");
    assert!(registry.check_and_record(agent(2), jti(2), 1, seconds(3_000)).is_ok());
    assert_eq!(registry.purge(wall(day_s)).len(), 2);
    let replayed = registry.check_and_record(agent(2), jti(2), 1, seconds(3_000));
    assert_eq!(replayed, Err(Refusal::BelowPurgeHighWater));
    assert!(registry.check_and_record(agent(3), jti(3), 1, seconds(3_601)).is_ok(), "a token issued after is new");
}

#[test]
fn hole_19_a_removal_during_authentication_counts_as_a_purge() {
    let mut registry = registry(defaults(Profile::Hardened));
    assert!(registry.check_and_record(agent(1), jti(1), 1, seconds(100)).is_ok());
    assert!(registry.remove(agent(1), jti(1)));
    assert!(!registry.remove(agent(1), jti(1)));
    let replayed = registry.check_and_record(agent(1), jti(1), 1, seconds(100));
    assert_eq!(replayed, Err(Refusal::BelowPurgeHighWater));
}

#[test]
fn memory_follows_the_entries_and_their_windows() {
    let narrow = defaults(Profile::Hardened);
    for (settings, least, most) in [(narrow, 64, 200), (RegistrySettings { window_width: 65, ..narrow }, 192, 328)] {
        let mut registry = registry(settings);
        assert_eq!(registry.memory_bytes(), 0);
        for number in 0..10_000 {
            assert!(registry.check_and_record(agent(number), jti(number), 1, seconds(3_600)).is_ok());
        }
        let each = registry.memory_bytes() / registry.len();
        assert!((least..=most).contains(&each), "{each} bytes an entry");
    }
}

// --- token cache -------------------------------------------------------------------------------------

fn cache(profile: Profile) -> TokenCache {
    TokenCache::new(TokenCacheSettings::new(profile, &Parameters::defaults(profile)))
}

fn agent_key(last_byte: u8) -> PublicKey {
    let mut modulus = [0xa5; 256];
    modulus[255] = last_byte | 1;
    PublicKey::from_modulus(&modulus).expect("an odd modulus of 2048 bits")
}

fn token(jti_number: u64, expires_s: u64) -> CachedToken {
    // Making a key hashes its modulus; the models need thousands of tokens and no more than one key.
    static KEY: std::sync::LazyLock<PublicKey> = std::sync::LazyLock::new(|| agent_key(1));
    let (jti, expires) = (jti(jti_number), seconds(expires_s));
    CachedToken { text: "a.b.c".into(), kid: Thumbprint([1; 32]), jti, expires, agent_key: KEY.clone() }
}

fn batched(plan: &ValidationPlan) -> Vec<(NodeId, Uid)> {
    plan.batches.concat()
}

/// A cache told as a list of facts; evictions are found by looking at all of it.
#[derive(Default)]
struct NaiveCache {
    entries: BTreeMap<(u64, u64), NaiveEntry>,
    refetched: BTreeSet<(u64, u64)>,
    turn: u64,
}

#[derive(Clone, Copy)]
struct NaiveEntry {
    jti: u64,
    expires_s: u64,
    requested: bool,
    proven: bool,
    turn: u64,
}

impl NaiveCache {
    fn evict_oldest(&mut self, agent: u64, proven: bool) -> Option<(Uid, Jti)> {
        let of_agent = self.entries.iter().filter(|((other, _), entry)| *other == agent && entry.proven == proven);
        let (&key, entry) = of_agent.min_by_key(|(_, entry)| entry.turn)?;
        let evicted = (uid(key.1), jti(entry.jti));
        self.entries.remove(&key);
        Some(evicted)
    }

    fn count(&self, agent: u64, counts: impl Fn(&NaiveEntry) -> bool) -> usize {
        self.entries.iter().filter(|((other, _), entry)| *other == agent && counts(entry)).count()
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    First(u64, u64),
    Present(u64, u64),
    Prove(u64, u64),
    Store(u64, u64, u64, Fetched),
    Evict(u64, u64),
    Refetch(u64, u64),
    Validate,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let entry = (0..3u64, 0..6u64);
    let fetched = select(vec![Fetched::First, Fetched::First, Fetched::Refresh]);
    prop_oneof![
        3 => entry.clone().prop_map(|(agent, uid)| Step::First(agent, uid)),
        3 => entry.clone().prop_map(|(agent, uid)| Step::Present(agent, uid)),
        2 => entry.clone().prop_map(|(agent, uid)| Step::Prove(agent, uid)),
        6 => (entry.clone(), 0..2_000u64, fetched).prop_map(|((agent, uid), left, how)| Step::Store(agent, uid, left, how)),
        1 => entry.clone().prop_map(|(agent, uid)| Step::Evict(agent, uid)),
        1 => entry.prop_map(|(agent, uid)| Step::Refetch(agent, uid)),
        2 => Just(Step::Validate),
        2 => (0..600u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cache_behaves_as_a_naive_map(
        steps in vec(step(), 1..150),
        resets in any::<bool>(),
        cap in 0..5u32,
        tokens_max in 0..8u32,
        batch_max in 0..4u32,
    ) {
        let mut cache = TokenCache::new(TokenCacheSettings {
            uids_per_agent_max: cap,
            resets_requested_on_refresh: resets,
            validation_tokens_max: tokens_max,
            batch_size_max: batch_max,
        });
        let cap = (cap as usize).max(1);
        let mut naive = NaiveCache::default();
        let (mut now_s, mut next_jti) = (0, 0);
        for step in steps {
            match step {
                Step::First(a, u) | Step::Present(a, u) => {
                    let only_live = matches!(step, Step::First(..));
                    let expected = naive.entries.get_mut(&(a, u)).map(|entry| {
                        entry.requested = true;
                        *entry
                    }).filter(|entry| !only_live || entry.expires_s > now_s);
                    let found = if only_live {
                        cache.first_request(agent(a), uid(u), wall(now_s))
                    } else {
                        cache.presented(agent(a), uid(u))
                    };
                    prop_assert_eq!(found.map(|token| token.jti), expected.map(|entry| jti(entry.jti)));
                }
                Step::Prove(a, u) => {
                    naive.turn += 1;
                    let turn = naive.turn;
                    let known = naive.entries.get_mut(&(a, u)).map(|entry| {
                        entry.proven = true;
                        entry.turn = turn;
                    });
                    let crowded = naive.count(a, |entry| entry.proven) > (cap - 1).max(1);
                    let expected = if known.is_some() && crowded { naive.evict_oldest(a, true) } else { None };
                    prop_assert_eq!(cache.mark_proven(agent(a), uid(u)), expected);
                }
                Step::Store(a, u, left_s, fetched) => {
                    next_jti += 1;
                    let stored = cache.store(agent(a), uid(u), token(next_jti, now_s + left_s), fetched);
                    naive.turn += 1;
                    let mut entry = NaiveEntry {
                        jti: next_jti, expires_s: now_s + left_s, requested: false, proven: false, turn: naive.turn,
                    };
                    let old = naive.entries.get(&(a, u)).copied();
                    let expected = match (old, fetched) {
                        (Some(old), fetched) => {
                            entry.requested = fetched == Fetched::Refresh && !resets && old.requested;
                            (entry.proven, entry.turn) = (old.proven, old.turn);
                            naive.entries.insert((a, u), entry);
                            Stored::Kept { evicted: None }
                        }
                        (None, Fetched::Refresh) => Stored::Dropped,
                        (None, Fetched::First) if naive.count(a, |_| true) < cap => {
                            naive.entries.insert((a, u), entry);
                            Stored::Kept { evicted: None }
                        }
                        (None, Fetched::First) => match naive.evict_oldest(a, false) {
                            None => Stored::Dropped,
                            evicted => {
                                naive.entries.insert((a, u), entry);
                                Stored::Kept { evicted }
                            }
                        },
                    };
                    prop_assert_eq!(stored, expected);
                }
                Step::Evict(a, u) => {
                    let expected = naive.entries.remove(&(a, u)).map(|entry| jti(entry.jti));
                    prop_assert_eq!(cache.evict(agent(a), uid(u)), expected);
                }
                Step::Refetch(a, u) => {
                    let expected = naive.entries.contains_key(&(a, u)) && naive.refetched.insert((a, u));
                    prop_assert_eq!(cache.may_refetch_key(agent(a), uid(u)), expected);
                }
                Step::Validate => {
                    naive.refetched.clear();
                    let plan = cache.validate(wall(now_s), LOOK_AHEAD);
                    let (mut removed, mut due) = (Vec::new(), Vec::new());
                    for (&(a, u), entry) in &naive.entries {
                        if entry.expires_s <= now_s && !entry.requested {
                            removed.push((agent(a), uid(u), jti(entry.jti)));
                        } else if entry.requested && entry.expires_s <= now_s + LOOK_AHEAD.as_secs() {
                            due.push((entry.expires_s, agent(a), uid(u)));
                        }
                    }
                    naive.entries.retain(|_, entry| entry.expires_s > now_s || entry.requested);
                    due.sort();
                    prop_assert_eq!(&plan.removed, &removed);
                    prop_assert_eq!(plan.due as usize, due.len());
                    let chosen: Vec<_> =
                        due.into_iter().take(tokens_max as usize).map(|(_, agent, uid)| (agent, uid)).collect();
                    prop_assert_eq!(batched(&plan), chosen);
                    let full = batch_max.max(1) as usize;
                    prop_assert!(plan.batches.iter().rev().skip(1).all(|batch| batch.len() == full));
                    prop_assert!(plan.batches.last().is_none_or(|batch| (1..=full).contains(&batch.len())));
                }
                Step::Wait(wait_s) => now_s += wait_s,
            }
            prop_assert_eq!(cache.len(), naive.entries.len());
            prop_assert_eq!(cache.is_empty(), naive.entries.is_empty());
        }
    }
}

/// Copied machines have one id, and a uid each (hole 15).
#[test]
fn rule_32_the_same_agent_and_uid_get_the_cached_token_while_it_lives() {
    let mut cache = cache(Profile::Literal);
    assert_eq!(cache.first_request(agent(1), uid(1), wall(0)), None);
    cache.store(agent(1), uid(1), token(5, 100), Fetched::First);
    assert_eq!(cache.first_request(agent(1), uid(1), wall(99)), Some(&token(5, 100)));
    // Hole 15: a clone has another uid; and another agent may have drawn the same one.
    assert_eq!(cache.first_request(agent(1), uid(2), wall(99)), None);
    assert_eq!(cache.first_request(agent(2), uid(1), wall(99)), None);
    assert_eq!(cache.first_request(agent(1), uid(1), wall(100)), None, "S9: no expired token is handed out");
}

#[test]
fn rule_36_what_expired_and_was_not_requested_again_goes_at_the_next_validation() {
    let mut cache = cache(Profile::Literal);
    cache.store(agent(1), uid(1), token(1, 100), Fetched::First);
    assert_eq!(cache.validate(wall(100), LOOK_AHEAD).removed, [(agent(1), uid(1), jti(1))]);
    cache.store(agent(1), uid(1), token(2, 200), Fetched::First);
    assert_eq!(cache.validate(WallTime(wall(200).0 - 1), LOOK_AHEAD), ValidationPlan::default());
    assert_eq!(cache.validate(wall(200), LOOK_AHEAD).removed.len(), 1);
    assert!(cache.is_empty());
}

#[test]
fn rule_36_what_expired_and_was_requested_again_stays_and_is_refreshed() {
    let mut cache = cache(Profile::Hardened);
    cache.store(agent(1), uid(1), token(1, 100), Fetched::First);
    assert!(cache.presented(agent(1), uid(1)).is_some());
    let plan = cache.validate(wall(500), LOOK_AHEAD);
    assert_eq!((plan.removed.len(), batched(&plan)), (0, vec![(agent(1), uid(1))]));
    assert!(cache.presented(agent(1), uid(1)).is_some(), "rule 44: the key stays with the entry");
}

#[test]
fn rule_37_a_token_is_refreshed_with_15_00_left_but_not_with_15_01() {
    for (expires_s, due) in [(900, 1), (901, 0)] {
        let mut cache = cache(Profile::Literal);
        cache.store(agent(1), uid(1), token(1, expires_s), Fetched::First);
        assert!(cache.first_request(agent(1), uid(1), wall(0)).is_some());
        assert_eq!(cache.validate(wall(0), LOOK_AHEAD).due, due);
    }
}

#[test]
fn rule_37_a_token_is_refreshed_after_1_request_but_not_after_0() {
    let mut cache = cache(Profile::Literal);
    for number in 0..3 {
        // The request that causes the fetch comes before it and does not count.
        assert_eq!(cache.first_request(agent(number), uid(1), wall(0)), None);
        cache.store(agent(number), uid(1), token(number, 600), Fetched::First);
    }
    assert!(cache.first_request(agent(1), uid(1), wall(0)).is_some());
    assert!(cache.presented(agent(2), uid(1)).is_some());
    let plan = cache.validate(wall(0), LOOK_AHEAD);
    assert_eq!((plan.due, batched(&plan)), (2, vec![(agent(1), uid(1)), (agent(2), uid(1))]));
}

#[test]
fn hole_10_only_hardened_starts_requested_once_more_anew_with_a_refresh() {
    for (profile, due_again) in [(Profile::Literal, 1), (Profile::Hardened, 0)] {
        let mut cache = cache(profile);
        cache.store(agent(1), uid(1), token(1, 600), Fetched::First);
        assert!(cache.presented(agent(1), uid(1)).is_some());
        assert_eq!(cache.validate(wall(0), LOOK_AHEAD).due, 1);
        cache.store(agent(1), uid(1), token(2, 4_200), Fetched::Refresh);
        assert_eq!(cache.validate(wall(3_600), LOOK_AHEAD).due, due_again);
        let gone = cache.validate(wall(4_200), LOOK_AHEAD).removed.len();
        assert_eq!(gone, if profile == Profile::Hardened { 1 } else { 0 }, "a departed agent");
    }
}

#[test]
fn a_refresh_of_an_entry_that_has_gone_is_dropped() {
    let mut cache = cache(Profile::Hardened);
    assert_eq!(cache.store(agent(1), uid(1), token(1, 600), Fetched::Refresh), Stored::Dropped);
    assert!(cache.is_empty());
}

fn cohort(count: u64) -> TokenCache {
    let mut cache = cache(Profile::Hardened);
    for number in 0..count {
        // The higher the agent's number, the sooner its token expires.
        cache.store(agent(number), uid(1), token(number, 800 - number / 16), Fetched::First);
        assert!(cache.presented(agent(number), uid(1)).is_some());
    }
    cache
}

#[test]
fn rule_40_a_full_validation_makes_32_requests_of_128_agents() {
    let plan = cohort(4_096).validate(wall(0), LOOK_AHEAD);
    assert_eq!(plan.due, 4_096);
    assert_eq!(plan.batches.iter().map(Vec::len).collect::<Vec<_>>(), [128; 32]);
    assert_eq!(plan.batches[0][..2], [(agent(4_080), uid(1)), (agent(4_081), uid(1))], "soonest first, then by agent");
}

#[test]
fn rule_39_4097_tokens_need_a_second_validation() {
    let mut cache = cohort(4_097);
    let plan = cache.validate(wall(0), LOOK_AHEAD);
    assert_eq!((plan.due, batched(&plan).len(), plan.batches.len()), (4_097, 4_096, 32));
    for (agent, uid) in batched(&plan) {
        cache.store(agent, uid, token(9, 3_600), Fetched::Refresh);
    }
    let plan = cache.validate(wall(0), LOOK_AHEAD);
    assert_eq!((plan.due, batched(&plan)), (1, vec![(agent(15), uid(1))]), "who had most time left comes last");
}

#[test]
fn hole_14_a_key_is_fetched_again_once_per_entry_and_validation_period() {
    let mut cache = cache(Profile::Hardened);
    assert!(!cache.may_refetch_key(agent(1), uid(1)), "no entry, no key to doubt");
    cache.store(agent(1), uid(1), token(1, 9_000), Fetched::First);
    assert!(cache.may_refetch_key(agent(1), uid(1)));
    cache.evict(agent(1), uid(1));
    let new_key = agent_key(77);
    cache.store(agent(1), uid(1), CachedToken { agent_key: new_key.clone(), ..token(2, 9_000) }, Fetched::First);
    assert_eq!(cache.presented(agent(1), uid(1)).map(|token| &token.agent_key), Some(&new_key));
    assert!(!cache.may_refetch_key(agent(1), uid(1)));
    cache.validate(wall(300), LOOK_AHEAD);
    assert!(cache.may_refetch_key(agent(1), uid(1)));
}

#[test]
fn attack_24_a_flood_of_uids_never_evicts_an_entry_that_was_used() {
    let mut cache = cache(Profile::Literal);
    cache.store(agent(1), uid(0), token(0, 9_000), Fetched::First);
    assert_eq!(cache.mark_proven(agent(1), uid(0)), None);
    cache.store(agent(2), uid(0), token(0, 9_000), Fetched::First);
    for number in 1..1_000 {
        let stored = cache.store(agent(1), uid(number), token(number, 9_000), Fetched::First);
        // The oldest of the flood makes room.
        let evicted = number.checked_sub(15).filter(|oldest| *oldest > 0).map(|oldest| (uid(oldest), jti(oldest)));
        assert_eq!(stored, Stored::Kept { evicted });
    }
    assert_eq!(cache.len(), 17);
    assert!(cache.presented(agent(1), uid(0)).is_some());
    assert!(cache.presented(agent(2), uid(0)).is_some(), "another agent's entries are untouched");
}

#[test]
fn attack_24_an_agent_with_many_used_uids_still_gets_in() {
    let mut cache = cache(Profile::Literal);
    for number in 0..100 {
        assert!(matches!(
            cache.store(agent(1), uid(number), token(number, 9_000), Fetched::First),
            Stored::Kept { evicted: None }
        ));
        let idle_longest = number.checked_sub(15).map(|oldest| (uid(oldest), jti(oldest)));
        assert_eq!(cache.mark_proven(agent(1), uid(number)), idle_longest);
    }
}

#[test]
fn a_cached_token_does_not_show_its_text() {
    assert!(!format!("{:?}", token(1, 1)).contains("a.b.c"));
}
