//! The tiers agree wherever they must, and no altered signature passes.

use std::sync::Arc;

use countersign::{
    crypto::{Engine, KeyPool, PrivateKey, PublicKey, backend},
    types::{CryptoTier, SeedStream},
};
use proptest::prelude::*;

const TIERS: [CryptoTier; 3] = [CryptoTier::AwsLc, CryptoTier::Rsa, CryptoTier::Modelled];

/// Engines of the tiers that are built in.
fn engines() -> Vec<Engine> {
    let backends = TIERS.into_iter().filter_map(|tier| backend(tier).ok());
    backends.map(|backend| Engine::new(backend, Arc::default(), None)).collect()
}

fn real_engines() -> Vec<Engine> {
    engines().into_iter().filter(|engine| engine.backend() != CryptoTier::Modelled.name()).collect()
}

/// A key of the pool that no engine has prepared yet.
fn fresh_key(number: u32) -> PrivateKey {
    KeyPool::new(SeedStream::new(1)).private_key(number).unwrap()
}

fn fresh_public(number: u32) -> PublicKey {
    fresh_key(number).public().clone()
}

#[test]
fn every_build_has_the_rsa_and_the_modelled_tier() {
    assert!(backend(CryptoTier::Rsa).is_ok() && backend(CryptoTier::Modelled).is_ok());
    assert_eq!(backend(CryptoTier::AwsLc).is_ok(), cfg!(feature = "aws-lc"));
}

#[test]
fn real_tiers_sign_to_the_same_bytes_and_verify_each_other() {
    // A prime number of steps, so that the sample wanders over the pool's primes.
    for number in (0..21_945).step_by(997) {
        let message = format!("message {number}");
        let sign = |engine: &Engine| engine.sign(&fresh_key(number), message.as_bytes()).unwrap();
        let signatures: Vec<_> = real_engines().iter().map(sign).collect();
        assert!(signatures.iter().all(|signature| *signature == signatures[0]));
        for engine in real_engines() {
            assert!(engine.verify(&fresh_public(number), message.as_bytes(), &signatures[0]));
            assert!(!engine.verify(&fresh_public(number + 1), message.as_bytes(), &signatures[0]));
        }
    }
}

#[test]
fn real_tiers_seal_to_the_same_bytes_and_open_each_other() {
    let seal = |engine: &Engine| {
        engine.seal(&fresh_public(3), b"a content key", &mut SeedStream::new(5).rng("seal", 0)).unwrap()
    };
    let sealed: Vec<_> = real_engines().iter().map(seal).collect();
    assert!(sealed.iter().all(|ciphertext| *ciphertext == sealed[0]));
    for engine in real_engines() {
        assert_eq!(engine.open(&fresh_key(3), &sealed[0]).as_deref(), Some(&b"a content key"[..]));
        assert_eq!(engine.open(&fresh_key(4), &sealed[0]), None);
    }
}

#[test]
fn every_tier_draws_alike_and_makes_outputs_of_the_same_length() {
    // Else a draw that follows, and with it the digest of a run, would depend on the tier (S12).
    let traces = engines().into_iter().map(|engine| {
        let mut rng = SeedStream::new(5).rng("seal", 0);
        let sealed = engine.seal(&fresh_public(3), b"a content key", &mut rng).unwrap();
        let signature = engine.sign(&fresh_key(3), b"a message").unwrap();
        (rng.get_word_pos(), sealed.len(), signature.len())
    });
    let traces: Vec<_> = traces.collect();
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{traces:?}");
}

#[test]
fn a_message_too_long_for_the_key_is_an_error_and_no_panic() {
    // RFC 8017 section 7.1.1: at most 256 - 2·32 - 2 bytes.
    for engine in engines() {
        let mut rng = SeedStream::new(5).rng("seal", 0);
        assert!(engine.seal(&fresh_public(3), &[7; 190], &mut rng).is_ok());
        assert!(engine.seal(&fresh_public(3), &[7; 191], &mut rng).is_err());
    }
}

#[test]
fn a_private_key_that_is_none_is_an_error_and_no_panic() {
    for engine in real_engines() {
        let good = fresh_key(3);
        for pkcs8 in [vec![], vec![0x30], good.pkcs8().unwrap()[..600].to_vec(), vec![0xff; 1200]] {
            let bad = PrivateKey::new(pkcs8, fresh_public(3));
            assert!(engine.sign(&bad, b"a message").is_err());
            assert_eq!(engine.open(&bad, &[1; 256]), None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_signature_with_one_flipped_bit_is_refused(
        message in proptest::collection::vec(any::<u8>(), 0..200),
        bit in 0_usize..2048,
    ) {
        for engine in engines() {
            let mut signature = engine.sign(&fresh_key(3), &message).unwrap();
            prop_assert!(engine.verify(&fresh_public(3), &message, &signature));
            signature[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!engine.verify(&fresh_public(3), &message, &signature));
        }
    }

    #[test]
    fn arbitrary_bytes_are_neither_a_signature_nor_a_ciphertext(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        for engine in engines() {
            prop_assert!(!engine.verify(&fresh_public(3), b"a message", &bytes));
            prop_assert_eq!(engine.open(&fresh_key(3), &bytes), None);
        }
    }
}
