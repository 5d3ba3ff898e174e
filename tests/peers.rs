//! Every implementation of RSA, those to measure against too, signs to the same bytes and trusts the same signatures.
//!
//! OpenSSL is linked (`libssl-dev` and `pkg-config` on Debian), so this suite is no part of the ordinary tests:
//! `cargo test --release --features peers --test peers`.

use std::sync::Arc;

use countersign::{
    crypto::{Backend, KeyPool, PrivateKey, PublicKey, backend, peers},
    types::{CryptoTier, SeedStream},
};
use proptest::prelude::*;

/// The real tiers that are built in, and every peer.
fn backends() -> Vec<Arc<dyn Backend>> {
    let tiers = [CryptoTier::AwsLc, CryptoTier::Rsa].into_iter().filter_map(|tier| backend(tier).ok());
    tiers.chain(peers()).collect()
}

fn key(number: u32) -> PrivateKey {
    KeyPool::new(SeedStream::new(2)).private_key(number).unwrap()
}

fn sign(backend: &dyn Backend, key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    backend.load_private(key).unwrap().sign(message).unwrap()
}

fn verify(backend: &dyn Backend, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    backend.load_public(key).unwrap().verify(message, signature)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_sign_to_the_same_bytes_which_each_verifies_and_no_other(
        number in 0_u32..21_945,
        message in proptest::collection::vec(any::<u8>(), 0..2_000),
        bit in 0_usize..2_048,
        length in 0_usize..600,
    ) {
        let key = key(number);
        let signature = sign(&*backends()[0], &key, &message);
        let mut damaged = signature.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut resized = signature.clone();
        resized.resize(if length == 256 { 255 } else { length }, 0);
        let mut other_message = message.clone();
        other_message.push(0);
        for backend in backends() {
            let name = backend.name();
            prop_assert_eq!(&sign(&*backend, &key, &message), &signature, "{}", name);
            prop_assert!(verify(&*backend, key.public(), &message, &signature), "{}", name);
            prop_assert!(!verify(&*backend, key.public(), &message, &damaged), "{}, bit {}", name, bit);
            prop_assert!(!verify(&*backend, key.public(), &message, &resized), "{}, {} bytes", name, resized.len());
            prop_assert!(!verify(&*backend, key.public(), &other_message, &signature), "{}", name);
        }
    }

    #[test]
    fn whoever_has_oaep_opens_what_each_seals(number in 0_u32..21_945, message in proptest::collection::vec(any::<u8>(), 0..190)) {
        let (key, other) = (key(number), self::key((number + 1) % 21_945));
        let mut rng = SeedStream::new(3).rng("seal", 0);
        let mut with_oaep = Vec::new();
        for sealer in backends() {
            let Ok(sealed) = sealer.load_public(key.public()).unwrap().seal(&message, &mut rng) else { continue };
            with_oaep.push(sealer.name());
            for opener in backends().iter().filter(|opener| !["ring", "graviola"].contains(&opener.name())) {
                let open = |key| opener.load_private(key).unwrap().open(&sealed);
                prop_assert_eq!(open(&key), Some(message.clone()), "{} opens what {} sealed", opener.name(), sealer.name());
                prop_assert_eq!(open(&other), None, "{}", opener.name());
            }
        }
        prop_assert!(with_oaep.contains(&"openssl") && with_oaep.contains(&"rsa"), "{:?}", with_oaep);
    }
}

#[test]
fn a_key_that_is_none_is_refused_by_its_backend_in_name() {
    for backend in backends() {
        let bad = PrivateKey::new(vec![0x30; 40], key(0).public().clone());
        let error = backend.load_private(&bad).err().unwrap().to_string();
        assert!(error.contains(backend.name()), "{error}");
    }
}
