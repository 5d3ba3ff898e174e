//! Distinct RSA keys for thousands of simulated nodes, made in an instant.
//!
//! **For tests and simulations only.** Every key here is the product of two primes out of one small pool that
//! is part of this repository: anybody can factor any of them, and two keys that share a prime give both private
//! keys away to whoever sees the public ones. Never protect anything with such a key.

use crypto_bigint::{Limb, NonZero, Odd, U1024, U2048, Uint};
use rand_core::Rng;
use rsa::{
    pkcs1::{self, UintRef},
    pkcs8::{
        PrivateKeyInfoRef,
        der::{self, Encode, asn1::OctetStringRef},
    },
};
use thiserror::Error;

use super::{KeyError, PrivateKey, PublicKey};
use crate::types::SeedStream;

/// The pool's primes, 128 big-endian bytes each. `tests/prime_pool.rs` says how they were drawn, draws them again,
/// and can write this file anew.
static PRIMES: &[u8] = include_bytes!("prime_pool.bin");

/// The public exponent of every key.
const EXPONENT: u32 = 65_537;

const LIMB_OF_EXPONENT: NonZero<Limb> = NonZero::<Limb>::new_unwrap(Limb::from_u32(EXPONENT));

/// RSA-2048 keys for up to [`KeyPool::capacity`] nodes, each of two primes from an embedded pool.
///
/// Generating an RSA key takes tens of milliseconds; pairing two known primes takes microseconds, and n primes make
/// n(n-1)/2 distinct keys. The seed decides which pair each number gets.
///
/// **For tests and simulations only**: the primes are public and the keys share them, so no such key is a secret.
///
/// ```
/// use countersign::{crypto::KeyPool, types::SeedStream};
///
/// let pool = KeyPool::new(SeedStream::new(7));
/// let (agent, site) = (pool.private_key(0)?, pool.private_key(1)?);
/// assert_ne!(agent.public(), site.public());
/// assert!(pool.private_key(pool.capacity()).is_err());
/// # Ok::<(), countersign::crypto::KeyPoolError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyPool {
    /// Two different indices into [`primes`] per key.
    pairs: Vec<(u8, u8)>,
}

/// Why the pool has no key of a number.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeyPoolError {
    /// The number is beyond the pool.
    #[error(
        "found a node of number {number}, expected one below {capacity}, as many keys as the pool has: use fewer nodes"
    )]
    Exhausted {
        /// The number that was asked for.
        number: u32,
        /// How many keys there are.
        capacity: u32,
    },
    /// The embedded primes are no primes of this pool.
    #[error("the embedded primes make no key of number {number} ({reason}): write their file anew")]
    Broken {
        /// The number that was asked for.
        number: u32,
        /// What the primes lack.
        reason: String,
    },
}

impl KeyPool {
    /// The pool, with its pairs in the order that `seed` gives them.
    pub fn new(seed: SeedStream) -> Self {
        let indices = (0..=u8::MAX).take(primes().len());
        let mut pairs: Vec<_> = indices.flat_map(|one| (0..one).map(move |other| (one, other))).collect();
        let mut rng = seed.rng("key pool", 0);
        for last in (1..pairs.len()).rev() {
            pairs.swap(last, up_to(last, &mut rng));
        }
        Self { pairs }
    }

    /// How many distinct keys there are.
    pub fn capacity(&self) -> u32 {
        u32::try_from(self.pairs.len()).unwrap_or(u32::MAX)
    }

    /// The key of a number from 0 to the capacity less one. Its public half is made at once, the rest when a backend
    /// loads it.
    ///
    /// # Errors
    /// If the number is not below the capacity.
    pub fn private_key(&self, number: u32) -> Result<PrivateKey, KeyPoolError> {
        let pair = usize::try_from(number).ok().and_then(|number| self.pairs.get(number));
        let &(one, other) = pair.ok_or(KeyPoolError::Exhausted { number, capacity: self.capacity() })?;
        let prime = |index: u8| U1024::from_be_slice(&primes()[usize::from(index)]);
        let (one, other) = (prime(one), prime(other));
        // Some implementations take p for the larger prime and sign wrongly otherwise.
        let (p, q) = if one > other { (one, other) } else { (other, one) };
        let public = PublicKey::from_modulus(modulus(&p, &q).to_be_bytes().as_ref())
            .map_err(|error| KeyPoolError::Broken { number, reason: error.to_string() })?;
        Ok(PrivateKey::derived(public, move || {
            pkcs8_of(&p, &q)
                .map_err(|reason| KeyError::Derivation { reason: format!("number {number} of the pool: {reason}") })
        }))
    }
}

fn primes() -> &'static [[u8; 128]] {
    PRIMES.as_chunks().0
}

/// A number from 0 to `last`. Its bias, `last` in 2^64, is of no account.
fn up_to(last: usize, rng: &mut impl Rng) -> usize {
    let scaled = u128::from(rng.next_u64()) * (last as u128 + 1);
    (scaled >> 64) as usize
}

fn modulus(p: &U1024, q: &U1024) -> U2048 {
    p.concatenating_mul(q)
}

/// The RSA key of two primes (RFC 8017 section 3.2), encoded.
fn pkcs8_of(p: &U1024, q: &U1024) -> Result<Vec<u8>, String> {
    let (p_less_one, q_less_one) = (p.wrapping_sub(&U1024::ONE), q.wrapping_sub(&U1024::ONE));
    let totient: U2048 = p_less_one.concatenating_mul(&q_less_one);
    let odd_p = Odd::new(*p).into_option().ok_or("an even prime")?;
    let coefficient = q.invert_odd_mod_vartime(&odd_p).into_option().ok_or("the same prime twice")?;

    let integers = [
        modulus(p, q).to_be_bytes().as_ref(),
        inverse_of_exponent(&totient).to_be_bytes().as_ref(),
        p.to_be_bytes().as_ref(),
        q.to_be_bytes().as_ref(),
        inverse_of_exponent(&p_less_one).to_be_bytes().as_ref(),
        inverse_of_exponent(&q_less_one).to_be_bytes().as_ref(),
        coefficient.to_be_bytes().as_ref(),
    ]
    .map(<[u8]>::to_vec);
    pkcs8(&integers).map_err(|error| error.to_string())
}

/// The DER encoding of n, d, p, q, d mod p-1, d mod q-1 and the coefficient (RFC 8017 appendix A.1.2) in PKCS#8
/// (RFC 5958).
fn pkcs8([n, d, p, q, d_p, d_q, coefficient]: &[Vec<u8>; 7]) -> der::Result<Vec<u8>> {
    let key = pkcs1::RsaPrivateKey {
        modulus: UintRef::new(n)?,
        public_exponent: UintRef::new(&EXPONENT.to_be_bytes())?,
        private_exponent: UintRef::new(d)?,
        prime1: UintRef::new(p)?,
        prime2: UintRef::new(q)?,
        exponent1: UintRef::new(d_p)?,
        exponent2: UintRef::new(d_q)?,
        coefficient: UintRef::new(coefficient)?,
        other_prime_infos: None,
    }
    .to_der()?;
    PrivateKeyInfoRef::new(pkcs1::ALGORITHM_ID, OctetStringRef::new(&key)?).to_der()
}

/// The inverse of the public exponent e modulo m, where e does not divide m.
///
/// Be m = e·quotient + remainder, and k such that e divides 1 + k·remainder. Then the inverse is
/// (1 + k·m)/e = k·quotient + (1 + k·remainder)/e: one division by a small number, where the general algorithm
/// takes as long as all the rest of a key.
fn inverse_of_exponent<const LIMBS: usize>(m: &Uint<LIMBS>) -> Uint<LIMBS> {
    let (quotient, remainder) = m.div_rem_limb(LIMB_OF_EXPONENT);
    let (e, remainder) = (u64::from(EXPONENT), u64::from(remainder));
    // By Fermat, remainder^(e-2) is its inverse modulo the prime e. All sixteen bits of e-2 are set.
    let inverse = (0..16).fold(1, |power, _| power * power % e * remainder % e);
    let k = e - inverse;
    quotient.wrapping_mul(&Uint::<LIMBS>::from(k)).wrapping_add(&Uint::from((1 + k * remainder) / e))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rsa::pkcs8::der::Decode;

    use super::*;

    #[test]
    fn two_hundred_and_ten_primes_make_every_pair_exactly_once() {
        let pool = KeyPool::new(SeedStream::new(1));
        let distinct: BTreeSet<_> = pool.pairs.iter().collect();
        assert_eq!(pool.capacity(), 210 * 209 / 2);
        assert_eq!(distinct.len(), pool.pairs.len());
        assert!(distinct.iter().all(|(one, other)| other < one && *one < 210));
    }

    #[test]
    fn the_seed_decides_which_key_a_number_gets() {
        let keys = |seed| {
            let pool = KeyPool::new(SeedStream::new(seed));
            (0..20).map(|number| pool.private_key(number).unwrap().public().thumbprint()).collect::<Vec<_>>()
        };
        assert_eq!(keys(1), keys(1));
        assert!(keys(1).iter().zip(keys(2)).all(|(one, other)| *one != other));
    }

    #[test]
    fn a_number_beyond_the_pool_is_refused_with_the_capacity() {
        let pool = KeyPool::new(SeedStream::new(1));
        assert!(pool.private_key(21_944).is_ok());
        for number in [21_945, u32::MAX] {
            let error = pool.private_key(number).unwrap_err();
            assert_eq!(error, KeyPoolError::Exhausted { number, capacity: 21_945 });
            assert!(error.to_string().contains("21945"));
        }
    }

    #[test]
    fn the_inverse_times_the_exponent_is_one_for_every_prime() {
        for bytes in primes() {
            let m = U1024::from_be_slice(bytes).wrapping_sub(&U1024::ONE);
            let product: U2048 = inverse_of_exponent(&m).concatenating_mul(&U1024::from(EXPONENT));
            let wide_m = NonZero::new(m.resize::<{ U2048::LIMBS }>()).unwrap();
            assert_eq!(product.rem_vartime(&wide_m), U2048::ONE);
        }
    }

    #[test]
    fn the_first_prime_of_a_key_is_the_larger_one() {
        let pool = KeyPool::new(SeedStream::new(1));
        for number in 0..100 {
            let key = pool.private_key(number).unwrap();
            let pkcs8 = key.pkcs8().unwrap();
            let info = PrivateKeyInfoRef::from_der(&pkcs8).unwrap();
            let key = pkcs1::RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).unwrap();
            assert!(key.prime1.as_bytes() > key.prime2.as_bytes());
        }
    }
}
