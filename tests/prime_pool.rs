//! The embedded primes of the key pool are what they are said to be, and nobody chose them.
//!
//! Prime number i is the smallest number that is not below draw i, is prime, and is not 1 modulo 65537 (else it
//! would fit no key with that exponent). Draw i is bytes 128·i to 128·i + 127 of ChaCha20's stream under [`NOTHING_UP_MY_SLEEVE`],
//! big-endian, with the two highest bits set, so that two primes always multiply to 2048 bits.
//!
//! To write the file anew (after changing the key or the count), run
//! `cargo test --release --test prime_pool -- --ignored` and then the tests.

use crypto_bigint::{BoxedUint, Limb, NonZero};
use crypto_primes::{Flavor, hazmat::SmallFactorsSieve, is_prime};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::{collections::BTreeSet, num::NonZeroU32, thread};

static POOL: &[u8] = include_bytes!("../sim/crypto/prime_pool.bin");

const COUNT: usize = 210;
const NOTHING_UP_MY_SLEEVE: [u8; 32] = *b"the primes of countersign's keys";
const BITS: u32 = 1024;

#[test]
fn the_primes_are_the_first_ones_above_the_draws() {
    assert_eq!(POOL.len(), COUNT * 128);
    assert_eq!(POOL, draw_all());
}

#[test]
fn the_primes_are_distinct() {
    let distinct: BTreeSet<_> = POOL.chunks(128).collect();
    assert_eq!(distinct.len(), COUNT);
}

#[test]
#[ignore = "writes the pool's file anew"]
fn regenerate_the_prime_pool() {
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/sim/crypto/prime_pool.bin"), draw_all()).unwrap();
}

fn draw_all() -> Vec<u8> {
    let mut rng = ChaCha20Rng::from_seed(NOTHING_UP_MY_SLEEVE);
    let mut draws = vec![[0; 128]; COUNT];
    draws.iter_mut().for_each(|draw| rng.fill_bytes(draw));
    let (first_half, second_half) = draws.split_at(COUNT / 2);
    let primes = |draws: &[[u8; 128]]| draws.iter().flat_map(|draw| prime_above(*draw)).collect::<Vec<u8>>();
    thread::scope(|scope| {
        let second = scope.spawn(|| primes(second_half));
        [primes(first_half), second.join().unwrap()].concat()
    })
}

fn prime_above(mut draw: [u8; 128]) -> Vec<u8> {
    draw[0] |= 0xc0;
    let start = BoxedUint::from_be_slice(&draw, BITS).unwrap();
    let candidates = SmallFactorsSieve::new(start, NonZeroU32::new(BITS).unwrap(), false).unwrap();
    let exponent = NonZero::new(Limb::from_u32(65_537)).unwrap();
    let fits_the_exponent = |candidate: &BoxedUint| candidate.rem_limb(exponent) != Limb::ONE;
    let is_ours = |candidate: &BoxedUint| fits_the_exponent(candidate) && is_prime(Flavor::Any, candidate);
    candidates.into_iter().find(is_ours).unwrap().to_be_bytes().to_vec()
}
