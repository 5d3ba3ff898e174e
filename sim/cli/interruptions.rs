//! What else this machine does, found out by signing on every core, most of the time.

use std::{
    hint::black_box,
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
};

use super::{
    Failure,
    parallel::{all_cores, in_order},
};
use crate::{
    crypto::{Engine, KeyPool, PrivateKey, USES_OF_A_BLINDING, backend},
    socket::keep_to_core,
    types::{CryptoTier, Interruption, Interruptions, SeedStream, saturating_nanos},
};

/// What takes a core for longest comes seldom, and makes the tails.
const WATCHED: Duration = Duration::from_secs(30);
/// What is shorter is the kernel's own work, which the costs of requests have in them.
const SHORTEST_NS: u64 = 100_000;
/// How many are told at most, of all cores together: the longest, as many as fit into a file.
const TOLD_MAX: usize = 20_000;
/// As many agents' keys as do not fit into a core's own caches.
const KEYS: u32 = 1_000;
/// How many signatures are made before the core rests for a while.
const BUSY_FOR: usize = 4;
/// A core rests for one part of so many, as in a load of four fifths of what the cores bear. On two virtual ones whoever never rested lost
/// 195 and 347 ms in 20 s to others, with such rests 74 to 122, and 20 and 43 where half of the time was rest: who waits for its core
/// is let in sooner.
const RESTS_ONE_IN: u32 = 5;

/// What takes the cores of this machine, and when.
///
/// The watch does what a load does, with rests: whoever only reads the clock notices little of it when all cores are half as fast for
/// some tens of milliseconds, as virtual ones are now and then.
pub(super) fn interruptions(tier: CryptoTier) -> Result<Interruptions, Failure> {
    let (jobs, never) = (all_cores(), AtomicBool::new(false));
    let mut ready = Vec::new();
    in_order(0..jobs.get() as u64, jobs, &never, |core| prepared(tier, core, KEYS), |found| ready.push(found));
    let ready: Vec<(Engine, Vec<PrivateKey>)> = ready.into_iter().collect::<Result<_, _>>()?;
    // They begin together, to some tens of microseconds, each on a core of its own as the threads of a load: two of them on one core
    // would take it from each other.
    let watch = |(core, (engine, keys)): (usize, &(Engine, Vec<PrivateKey>))| {
        keep_to_core(core);
        signatures(engine, keys, WATCHED).map(|timed| interrupted(&timed))
    };
    let mut watched = Vec::new();
    in_order(ready.iter().enumerate(), jobs, &never, watch, |found| watched.push(found));
    let mut cores: Vec<_> = watched.into_iter().collect::<Result<_, _>>()?;
    keep_longest(&mut cores, TOLD_MAX);
    Ok(Interruptions { watched_ns: saturating_nanos(WATCHED), cores })
}

/// Keys of some agents, ready to sign.
fn prepared(tier: CryptoTier, seed: u64, keys: u32) -> Result<(Engine, Vec<PrivateKey>), Failure> {
    let engine = Engine::new(backend(tier).map_err(Failure::internal)?, Arc::default(), None);
    let pool = KeyPool::new(SeedStream::new(seed));
    let key = |number| {
        let key = pool.private_key(number).map_err(Failure::internal)?;
        engine.prepare(&key).map_err(Failure::internal)?;
        Ok(key)
    };
    let keys = (0..keys).map(key).collect::<Result<_, Failure>>()?;
    Ok((engine, keys))
}

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// A signature.
    Plain,
    /// One that makes a new blinding first.
    Blinding,
    /// A rest, from when it should have ended: whoever is late to wake up has no core, and cannot tell from whom. What takes the core
    /// and is done before is met by nobody.
    Rest,
}

/// Something that is timed in the watch.
#[derive(Clone, Copy, Debug)]
struct Timed {
    /// When it began, in nanoseconds from the beginning of the watch.
    at_ns: u64,
    took_ns: u64,
    kind: Kind,
}

/// Signs with one key after the other, and rests, for as long as the watch takes.
fn signatures(engine: &Engine, keys: &[PrivateKey], watched: Duration) -> Result<Vec<Timed>, Failure> {
    let (began, message) = (Instant::now(), [b'x'; 1_000]);
    let (mut timed, mut busy_from) = (Vec::new(), Duration::ZERO);
    for (number, key) in keys.iter().cycle().enumerate() {
        let makes_blinding = (number / keys.len()).is_multiple_of(USES_OF_A_BLINDING as usize);
        let before = began.elapsed();
        engine.sign(key, black_box(&message)).map_err(Failure::internal)?;
        let after = began.elapsed();
        if after > watched {
            break;
        }
        timed.push(Timed::new(if makes_blinding { Kind::Blinding } else { Kind::Plain }, before, after));
        if number % BUSY_FOR == BUSY_FOR - 1 {
            let rest = (after - busy_from) / (RESTS_ONE_IN - 1);
            thread::sleep(rest);
            busy_from = began.elapsed();
            // What ends after the watch is no part of it, and of a rest not even when it should have ended.
            if busy_from <= watched {
                timed.push(Timed::new(Kind::Rest, after + rest, busy_from));
            }
        }
    }
    Ok(timed)
}

impl Timed {
    fn new(kind: Kind, began: Duration, ended: Duration) -> Self {
        Self { at_ns: saturating_nanos(began), took_ns: saturating_nanos(ended.saturating_sub(began)), kind }
    }
}

/// What took the core: as much as something took longer than most of its kind.
fn interrupted(timed: &[Timed]) -> Vec<Interruption> {
    let usual_ns = |kind: Kind| {
        let mut all: Vec<u64> = timed.iter().filter(|it| it.kind == kind).map(|it| it.took_ns).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let (plain_ns, blinding_ns, rest_ns) = (usual_ns(Kind::Plain), usual_ns(Kind::Blinding), usual_ns(Kind::Rest));
    let interruption = |it: &Timed| {
        let usual_ns = match it.kind {
            Kind::Plain => plain_ns,
            Kind::Blinding => blinding_ns,
            Kind::Rest => rest_ns,
        };
        let length_ns = it.took_ns.saturating_sub(usual_ns);
        (length_ns >= SHORTEST_NS).then_some(Interruption { at_ns: it.at_ns, length_ns })
    };
    timed.iter().filter_map(interruption).collect()
}

/// Leaves the longest of all cores, at most so many.
fn keep_longest(cores: &mut [Vec<Interruption>], most: usize) {
    let mut lengths: Vec<u64> = cores.iter().flatten().map(|it| it.length_ns).collect();
    lengths.sort_unstable_by(|one, other| other.cmp(one));
    let Some(&too_short_ns) = lengths.get(most) else { return };
    for taken in cores {
        taken.retain(|it| it.length_ns > too_short_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_something_takes_longer_than_most_of_its_kind_is_what_took_the_core() {
        let took = [
            (200_000, Kind::Plain),
            (200_000, Kind::Plain),
            (190_000, Kind::Plain),
            (310_000, Kind::Plain),
            (200_000, Kind::Plain),
            (60_000, Kind::Rest),
            (60_000, Kind::Rest),
            (170_000, Kind::Rest),
            (7_200_000, Kind::Plain),
            (200_000, Kind::Plain),
            (500_000, Kind::Blinding),
            (299_999, Kind::Plain),
            (500_000, Kind::Blinding),
            (610_000, Kind::Blinding),
        ];
        let (mut at_ns, mut timed) = (0, Vec::new());
        for (took_ns, kind) in took {
            timed.push(Timed { at_ns, took_ns, kind });
            at_ns += took_ns;
        }
        let found = interrupted(&timed);
        let expected = [(590_000, 110_000), (1_220_000, 110_000), (1_390_000, 7_000_000), (10_089_999, 110_000)];
        assert_eq!(found, expected.map(|(at_ns, length_ns)| Interruption { at_ns, length_ns }));
        assert!(interrupted(&[]).is_empty());
    }

    #[test]
    fn a_core_that_is_watched_rests_for_a_fifth_of_the_time_and_what_is_timed_does_not_overlap() {
        let (engine, keys) = prepared(CryptoTier::Rsa, 1, 2).unwrap();
        let timed = signatures(&engine, &keys, Duration::from_millis(500)).unwrap();
        // How much a core should have rested, and since when it had been busy.
        let (mut busy_from_ns, mut ended_ns, mut signed, mut rests) = (0, 0, Vec::new(), 0);
        for it in &timed {
            if it.kind == Kind::Rest {
                let (rest_ns, busy_ns) = (it.at_ns - ended_ns, ended_ns - busy_from_ns);
                assert!(busy_ns.abs_diff(rest_ns * u64::from(RESTS_ONE_IN - 1)) < 8, "{busy_ns} and {rest_ns} ns");
                (rests, busy_from_ns) = (rests + 1, it.at_ns + it.took_ns);
            } else {
                signed.push(it.kind);
            }
            ended_ns = it.at_ns + it.took_ns;
        }
        assert!(rests > 1 && signed.len() / BUSY_FOR - rests <= 1, "{rests} rests of {}", signed.len());
        assert!(signed.iter().enumerate().all(|(index, kind)| (*kind == Kind::Blinding) == (index / 2 % 32 == 0)));
        let follows = |pair: &[Timed]| pair[0].at_ns + pair[0].took_ns <= pair[1].at_ns;
        assert!(timed.windows(2).all(follows), "{timed:?}");
    }

    #[test]
    fn of_too_many_the_longest_of_all_cores_are_told() {
        let taken = |lengths: &[u64]| -> Vec<_> {
            lengths.iter().map(|length_ns| Interruption { at_ns: 0, length_ns: *length_ns }).collect()
        };
        let all = [taken(&[5, 9, 7, 5]), taken(&[8, 1])];
        for (most, told) in [(6, [4, 2]), (5, [4, 1]), (4, [2, 1]), (3, [2, 1]), (2, [1, 1]), (0, [0, 0])] {
            let mut cores = all.clone();
            keep_longest(&mut cores, most);
            assert_eq!(cores.each_ref().map(Vec::len), told, "{most}");
        }
    }
}
