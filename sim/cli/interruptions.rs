//! What else this machine does, found out by signing on every core, one signature after the other.

use std::{
    hint::black_box,
    sync::{Arc, atomic::AtomicBool},
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

/// What takes the cores of this machine, and when.
///
/// The watch does what a load does: whoever only reads the clock notices little of it when all cores are half as fast for some tens
/// of milliseconds, as virtual ones are now and then.
pub(super) fn interruptions(tier: CryptoTier) -> Result<Interruptions, Failure> {
    let (jobs, never) = (all_cores(), AtomicBool::new(false));
    let mut ready = Vec::new();
    in_order(0..jobs.get() as u64, jobs, &never, |core| prepared(tier, core), |found| ready.push(found));
    let ready: Vec<(Engine, Vec<PrivateKey>)> = ready.into_iter().collect::<Result<_, _>>()?;
    // They begin together, to some tens of microseconds, each on a core of its own as the threads of a load: two of them on one core
    // would take it from each other.
    let watch = |(core, (engine, keys)): (usize, &(Engine, Vec<PrivateKey>))| {
        keep_to_core(core);
        signatures(engine, keys).map(|signed| interrupted(&signed))
    };
    let mut watched = Vec::new();
    in_order(ready.iter().enumerate(), jobs, &never, watch, |found| watched.push(found));
    let mut cores: Vec<_> = watched.into_iter().collect::<Result<_, _>>()?;
    keep_longest(&mut cores, TOLD_MAX);
    Ok(Interruptions { watched_ns: saturating_nanos(WATCHED), cores })
}

/// Keys of some agents, ready to sign.
fn prepared(tier: CryptoTier, seed: u64) -> Result<(Engine, Vec<PrivateKey>), Failure> {
    let engine = Engine::new(backend(tier).map_err(Failure::internal)?, Arc::default(), None);
    let pool = KeyPool::new(SeedStream::new(seed));
    let key = |number| {
        let key = pool.private_key(number).map_err(Failure::internal)?;
        engine.prepare(&key).map_err(Failure::internal)?;
        Ok(key)
    };
    let keys = (0..KEYS).map(key).collect::<Result<_, Failure>>()?;
    Ok((engine, keys))
}

/// One of the watch.
#[derive(Clone, Copy, Debug)]
struct Signature {
    /// When it began, in nanoseconds from the beginning of the watch.
    at_ns: u64,
    took_ns: u64,
    makes_blinding: bool,
}

/// Signs with one key after the other for as long as the watch takes.
fn signatures(engine: &Engine, keys: &[PrivateKey]) -> Result<Vec<Signature>, Failure> {
    let (began, message) = (Instant::now(), [b'x'; 1_000]);
    let (mut signed, mut before) = (Vec::new(), Duration::ZERO);
    for round in 0.. {
        for key in keys {
            engine.sign(key, black_box(&message)).map_err(Failure::internal)?;
            let after = began.elapsed();
            if after > WATCHED {
                return Ok(signed);
            }
            let makes_blinding = round % USES_OF_A_BLINDING == 0;
            signed.push(Signature {
                at_ns: saturating_nanos(before),
                took_ns: saturating_nanos(after - before),
                makes_blinding,
            });
            before = after;
        }
    }
    Ok(signed)
}

/// What took the core: as much as a signature took longer than most of its kind, with a new blinding or without.
fn interrupted(signed: &[Signature]) -> Vec<Interruption> {
    let middle_ns = |makes_blinding: bool| {
        let kind = signed.iter().filter(|signature| signature.makes_blinding == makes_blinding);
        let mut all: Vec<u64> = kind.map(|signature| signature.took_ns).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let (plain_ns, blinding_ns) = (middle_ns(false), middle_ns(true));
    let interruption = |signature: &Signature| {
        let usual_ns = if signature.makes_blinding { blinding_ns } else { plain_ns };
        let length_ns = signature.took_ns.saturating_sub(usual_ns);
        (length_ns >= SHORTEST_NS).then_some(Interruption { at_ns: signature.at_ns, length_ns })
    };
    signed.iter().filter_map(interruption).collect()
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
    fn what_a_signature_takes_longer_than_most_is_what_took_the_core() {
        let took =
            [200_000, 200_000, 190_000, 310_000, 200_000, 7_200_000, 200_000, 500_000, 299_999, 500_000, 610_000];
        let (mut at_ns, mut signed) = (0, Vec::new());
        for (number, took_ns) in took.into_iter().enumerate() {
            signed.push(Signature { at_ns, took_ns, makes_blinding: [7, 9, 10].contains(&number) });
            at_ns += took_ns;
        }
        let found = interrupted(&signed);
        let expected = [(590_000, 110_000), (1_100_000, 7_000_000), (9_799_999, 110_000)];
        assert_eq!(found, expected.map(|(at_ns, length_ns)| Interruption { at_ns, length_ns }));
        assert!(interrupted(&[]).is_empty());
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
