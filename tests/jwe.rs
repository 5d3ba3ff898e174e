//! JSON Web Encryption: what is sealed opens, what was altered does not, and nothing tells why.

use std::sync::{Arc, LazyLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{
    crypto::{Engine, KeyPool, PrivateKey, backend},
    protocol::jwe::{self, JweError},
    types::{CryptoTier, SeedStream},
};
use proptest::prelude::*;

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| KeyPool::new(SeedStream::new(1)).private_key(0).unwrap());
static OTHER_KEY: LazyLock<PrivateKey> = LazyLock::new(|| KeyPool::new(SeedStream::new(1)).private_key(1).unwrap());

const TIERS: [CryptoTier; 3] = [CryptoTier::AwsLc, CryptoTier::Rsa, CryptoTier::Modelled];

fn engine_of(tier: CryptoTier) -> Option<Engine> {
    Some(Engine::new(backend(tier).ok()?, Arc::default(), None))
}

/// The fastest real tier of this build.
fn engine() -> Engine {
    engine_of(CryptoTier::AwsLc).or_else(|| engine_of(CryptoTier::Rsa)).unwrap()
}

fn seal(plaintext: &[u8], seed: u64) -> String {
    jwe::seal(plaintext, KEY.public(), &engine(), &mut SeedStream::new(seed).rng("jwe", 0)).unwrap()
}

/// A JWE whose header has been replaced.
fn with_header(header: &str) -> String {
    let sealed = seal(b"a body", 1);
    let (_, rest) = sealed.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

fn open_error(compact: &str) -> JweError {
    let engine = engine();
    let error = jwe::open(compact, &KEY, &engine).unwrap_err();
    if error != JweError::Sealed {
        assert_eq!(engine.take_work().opens, 0, "a key was used before {error}");
    }
    error
}

#[test]
fn the_header_is_exactly_algorithm_encryption_and_recipient() {
    let sealed = seal(b"a body", 1);
    let header = URL_SAFE_NO_PAD.decode(sealed.split('.').next().unwrap()).unwrap();
    let expected = format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{}"}}"#, KEY.public().thumbprint());
    assert_eq!(String::from_utf8(header).unwrap(), expected);
}

#[test]
fn all_tiers_make_the_same_length_from_the_same_draws() {
    let traces = TIERS.into_iter().filter_map(engine_of).map(|engine| {
        let key = KeyPool::new(SeedStream::new(1)).private_key(0).unwrap();
        let mut rng = SeedStream::new(5).rng("jwe", 0);
        let sealed = jwe::seal(b"a body", key.public(), &engine, &mut rng).unwrap();
        assert_eq!(jwe::open(&sealed, &key, &engine).unwrap(), b"a body", "{}", engine.backend());
        (sealed.len(), rng.get_word_pos())
    });
    let traces: Vec<_> = traces.collect();
    assert!(traces.iter().all(|trace| *trace == traces[0]), "{traces:?}");
}

#[test]
fn each_message_has_a_key_and_a_nonce_of_its_own() {
    let mut rng = SeedStream::new(1).rng("jwe", 0);
    let mut parts = || {
        let sealed = jwe::seal(b"a body", KEY.public(), &engine(), &mut rng).unwrap();
        sealed.split('.').map(str::to_owned).collect::<Vec<_>>()
    };
    let (one, other) = (parts(), parts());
    assert!((1..5).all(|part| one[part] != other[part]));
}

#[test]
fn a_message_for_another_recipient_is_refused_before_any_key_is_used() {
    let engine = engine();
    let sealed = seal(b"a body", 1);
    let expected = JweError::Recipient { found: KEY.public().thumbprint(), expected: OTHER_KEY.public().thumbprint() };
    assert_eq!(jwe::open(&sealed, &OTHER_KEY, &engine), Err(expected));
    assert_eq!(engine.take_work().opens, 0);
}

#[test]
fn a_header_of_any_other_form_is_refused_before_any_key_is_used() {
    let kid = KEY.public().thumbprint();
    for header in [
        format!(r#"{{"alg":"RSA-OAEP","enc":"A256GCM","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"RSA1_5","enc":"A256GCM","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"RSA-OAEP-256","enc":"A128GCM","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"rsa-oaep-256","enc":"A256GCM","kid":"{kid}"}}"#),
    ] {
        assert!(matches!(open_error(&with_header(&header)), JweError::Algorithm(..)), "{header}");
    }
    for header in [
        String::new(),
        "null".into(),
        "[]".into(),
        r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#.into(),
        format!(r#"{{"alg":"RSA-OAEP-256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}","zip":"DEF"}}"#),
        format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}","crit":["exp"]}}"#),
        format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}="}}"#),
        format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":["{kid}"]}}"#),
        format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}"}} {{}}"#),
    ] {
        assert!(matches!(open_error(&with_header(&header)), JweError::Header(_)), "{header}");
    }
}

#[test]
fn an_oversized_header_is_refused_before_it_is_parsed() {
    let kid = KEY.public().thumbprint();
    let padded = |spaces: usize| {
        let header = format!(r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{kid}"{}}}"#, " ".repeat(spaces));
        open_error(&with_header(&header))
    };
    assert_eq!(padded(100), JweError::Sealed);
    assert!(matches!(padded(1000), JweError::Header(_)));
}

#[test]
fn the_header_is_authenticated() {
    // The same members in other words: it passes the header check, and the tag refuses it.
    let header = format!(r#"{{ "alg":"RSA-OAEP-256","enc":"A256GCM","kid":"{}"}}"#, KEY.public().thumbprint());
    assert_eq!(open_error(&with_header(&header)), JweError::Sealed);
}

#[test]
fn only_five_parts_are_read() {
    let sealed = seal(b"a body", 1);
    for (compact, parts) in [
        (String::new(), 1),
        (sealed.rsplit_once('.').unwrap().0.to_owned(), 4),
        (format!("{sealed}."), 6),
        (format!(".{sealed}"), 6),
    ] {
        assert_eq!(open_error(&compact), JweError::Parts(parts));
    }
}

#[test]
fn whatever_fails_after_the_header_looks_the_same() {
    let sealed = seal(b"a body", 1);
    let parts: Vec<&str> = sealed.split('.').collect();
    let wrapped = |content_key: &[u8]| {
        let mut rng = SeedStream::new(2).rng("jwe", 0);
        URL_SAFE_NO_PAD.encode(engine().seal(KEY.public(), content_key, &mut rng).unwrap())
    };
    let replacements = [
        // The wrapped key: none, no ciphertext of RSA, a key of a wrong length, a wrong key.
        (1, String::new()),
        (1, URL_SAFE_NO_PAD.encode([0xff; 256])),
        (1, wrapped(&[7; 31])),
        (1, wrapped(&[7; 32])),
        // Nonce and tag of wrong lengths, an empty ciphertext, padding, a foreign alphabet.
        (2, URL_SAFE_NO_PAD.encode([0; 11])),
        (2, URL_SAFE_NO_PAD.encode([0; 16])),
        (3, String::new()),
        (3, format!("{}=", parts[3])),
        (4, URL_SAFE_NO_PAD.encode([0; 16])),
        (4, URL_SAFE_NO_PAD.encode([0; 4])),
        (4, "+/+/+/+/+/+/+/+/+/+/+A".into()),
    ];
    for (index, replacement) in replacements {
        let mut parts: Vec<&str> = parts.clone();
        parts[index] = &replacement;
        assert_eq!(open_error(&parts.join(".")), JweError::Sealed, "part {index}: {replacement}");
    }
}

#[test]
fn the_stand_in_for_a_key_that_does_not_open_opens_nothing() {
    use aes_gcm::aead::{AeadInOut, KeyInit};
    let header = seal(b"", 1).split('.').next().unwrap().to_owned();
    let mut body = *b"a body";
    let tag = aes_gcm::Aes256Gcm::new(&[0; 32].into())
        .encrypt_inout_detached(&[0; 12].into(), header.as_bytes(), body.as_mut_slice().into())
        .unwrap();
    let parts = [&[0xff; 256][..], &[0; 12], &body, &tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    assert_eq!(open_error(&format!("{header}.{}", parts.join("."))), JweError::Sealed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens(plaintext in proptest::collection::vec(any::<u8>(), 0..2000), seed: u64) {
        let sealed = seal(&plaintext, seed);
        prop_assert!(sealed.is_ascii());
        prop_assert_eq!(jwe::open(&sealed, &KEY, &engine()).unwrap(), plaintext);
    }

    #[test]
    fn one_changed_character_anywhere_is_refused(
        plaintext in proptest::collection::vec(any::<u8>(), 0..100),
        position: prop::sample::Index,
        replacement in "[A-Za-z0-9_.=+/-]",
    ) {
        let sealed = seal(&plaintext, 1);
        let position = position.index(sealed.len());
        prop_assume!(sealed[position..=position] != replacement);
        let altered = format!("{}{replacement}{}", &sealed[..position], &sealed[position + 1..]);
        prop_assert!(jwe::open(&altered, &KEY, &engine()).is_err());
    }

    #[test]
    fn one_flipped_bit_of_any_part_is_refused(
        plaintext in proptest::collection::vec(any::<u8>(), 1..100),
        part in 0_usize..5,
        bit: prop::sample::Index,
    ) {
        let sealed = seal(&plaintext, 1);
        let mut parts: Vec<String> = sealed.split('.').map(str::to_owned).collect();
        let mut bytes = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        parts[part] = URL_SAFE_NO_PAD.encode(bytes);
        prop_assert!(jwe::open(&parts.join("."), &KEY, &engine()).is_err());
    }

    #[test]
    fn no_text_panics(text in ".{0,200}", parts in proptest::collection::vec("[A-Za-z0-9_-]{0,60}", 0..7)) {
        let _ = jwe::open(&text, &KEY, &engine());
        let _ = jwe::open(&parts.join("."), &KEY, &engine());
        // With a header that passes, the other parts are read too.
        let header = seal(b"", 1).split('.').next().unwrap().to_owned();
        let _ = jwe::open(&format!("{header}.{}", parts.join(".")), &KEY, &engine());
    }
}
