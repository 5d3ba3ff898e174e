//! An independent implementation judges our JSON Web Encryption.
//!
//! josekit needs OpenSSL (`libssl-dev` and `pkg-config` on Debian), so this suite is no part of the ordinary tests:
//! `cargo test --release --features judges --test judges`.

use std::sync::Arc;

use countersign::{
    crypto::{Engine, KeyPool, PrivateKey, backend},
    protocol::jwe,
    types::{CryptoTier, SeedStream},
};
use josekit::{
    jwe::{JweHeader, RSA_OAEP_256},
    jwk::Jwk,
};

const LENGTHS: [usize; 6] = [0, 1, 15, 16, 17, 120_000];

fn key() -> PrivateKey {
    KeyPool::new(SeedStream::new(1)).private_key(0).unwrap()
}

/// The tiers whose ciphertext is real.
fn engines() -> Vec<Engine> {
    let backends = [CryptoTier::AwsLc, CryptoTier::Rsa].into_iter().filter_map(|tier| backend(tier).ok());
    backends.map(|backend| Engine::new(backend, Arc::default(), None)).collect()
}

fn body(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(length).collect()
}

#[test]
fn josekit_opens_what_we_seal() {
    for engine in engines() {
        let key = key();
        let decrypter = RSA_OAEP_256.decrypter_from_der(key.pkcs8().unwrap()).unwrap();
        for length in LENGTHS {
            let mut rng = SeedStream::new(1).rng("judge", 0);
            let sealed = jwe::seal(&body(length), key.public(), &engine, &mut rng).unwrap();
            let (plaintext, header) = josekit::jwe::deserialize_compact(&sealed, &decrypter).unwrap();
            assert_eq!(plaintext, body(length), "{}, {length} bytes", engine.backend());
            assert_eq!(header.algorithm(), Some("RSA-OAEP-256"));
            assert_eq!(header.content_encryption(), Some("A256GCM"));
            assert_eq!(header.key_id(), Some(key.public().thumbprint().to_string().as_str()));
        }
    }
}

#[test]
fn we_open_what_josekit_seals() {
    for engine in engines() {
        let key = key();
        let jwk = serde_json::to_vec(&key.public().to_jwk()).unwrap();
        let encrypter = RSA_OAEP_256.encrypter_from_jwk(&Jwk::from_bytes(jwk).unwrap()).unwrap();
        for length in LENGTHS {
            let mut header = JweHeader::new();
            header.set_content_encryption("A256GCM");
            let sealed = josekit::jwe::serialize_compact(&body(length), &header, &encrypter).unwrap();
            let plaintext = jwe::open(&sealed, &key, &engine).unwrap();
            assert_eq!(plaintext, body(length), "{}, {length} bytes", engine.backend());
        }
    }
}
