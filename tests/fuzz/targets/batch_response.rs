//! GetClientTokens responses, plain and encrypted.

#![no_main]

use std::sync::{Arc, LazyLock};

use countersign::{
    crypto::{Engine, KeyPool, PrivateKey, backend},
    protocol::{ClientTokensRequest, ClientTokensResponse},
    types::{CryptoTier, SeedStream},
};
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 64 << 10;

static ENDS: LazyLock<(Engine, PrivateKey)> = LazyLock::new(|| {
    let backend = backend(CryptoTier::Rsa).expect("it is always built");
    let key = KeyPool::new(SeedStream::new(1)).private_key(0).expect("the pool has a first key");
    (Engine::new(backend, Arc::default(), None), key)
});

fuzz_target!(|body: &[u8]| {
    let (engine, key) = &*ENDS;
    for secure in [true, false] {
        let Ok(response) = ClientTokensResponse::open(body, secure, key, BYTES_MAX, engine) else { continue };
        assert!(body.len() <= BYTES_MAX);
        let asked: Vec<_> = response.tokens.iter().map(|answer| answer.holder).collect();
        let site = countersign::types::NodeId::from_bits(1);
        if let Ok(request) = ClientTokensRequest::new(site, asked.clone(), 4_096) {
            let matched = response.matched(&request).expect("it answers its own request");
            assert!(matched.iter().map(|answer| answer.holder).eq(asked));
        }
    }
});
