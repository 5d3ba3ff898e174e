//! Push-install and ASDK tokens: what is read is written again to the byte, is no agent token, and is good for nothing under
//! keys that did not sign it.

#![no_main]

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use countersign::{
    crypto::{Engine, KeyPool, backend},
    protocol::{BearerRules, BearerToken, INSTALLER_PATH, IssuedToken, ServerKeys},
    types::{Authentication, BearerKind, CryptoTier, SeedStream, UnixSeconds},
};
use libfuzzer_sys::fuzz_target;

static KEYS: LazyLock<ServerKeys> = LazyLock::new(|| {
    let key = KeyPool::new(SeedStream::new(1)).private_key(0).expect("a key of the pool");
    ServerKeys::from_iter([key.public().clone()])
});

fuzz_target!(|text: &str| {
    let carried = BearerToken::carried_by(text);
    let engine = Engine::new(backend(CryptoTier::Modelled).expect("always there"), Default::default(), None);
    let revoked = BTreeSet::new();
    let rules = BearerRules {
        authentication: Authentication { token: true, asdk: true, windows: false, acc: false },
        revoked: &revoked,
        server_keys: &KEYS,
        leeway: Duration::ZERO,
        token_bytes_max: 8_192,
    };
    for text in [Some(text), carried].into_iter().flatten() {
        let parsed = BearerToken::parse(text);
        if let Some(token) = &parsed {
            assert_eq!(token.text(), text, "one spelling only");
            assert_eq!(BearerToken::carried_by(&token.to_value()), Some(text));
            assert!(IssuedToken::parse(text).is_none(), "an agent token, too");
            assert!(token.kind == BearerKind::Asdk || token.claims.exp.is_none(), "it ends");
        }
        let checked = rules.check(text, INSTALLER_PATH, UnixSeconds(0).wall(), &engine);
        let rejection = checked.expect_err("nobody signed it");
        assert_eq!(rejection.token.is_some(), parsed.is_some());
    }
});
