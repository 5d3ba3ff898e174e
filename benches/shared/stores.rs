//! Filled stores of a server.

use countersign::{
    crypto::PublicKey,
    protocol::{CachedToken, Fetched, Registry, RegistrySettings, TokenCache, TokenCacheSettings},
    types::{Epoch, Jti, NodeId, Parameters, Profile, Uid, UnixSeconds},
};

pub const EXPIRES: UnixSeconds = UnixSeconds(1_800_003_600);

/// A token of an agent of its own.
pub fn key(number: u64) -> (NodeId, Jti) {
    let jti = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    (NodeId::from_bits(0x0a9e_0000_0000_4000_8000_0000_0000_0000 + u128::from(number)), Jti::from_bits(jti))
}

/// A registry with one use of so many tokens.
pub fn registry(entries: u64) -> Registry {
    let settings = RegistrySettings::new(Profile::Hardened, &Parameters::defaults(Profile::Hardened));
    let mut registry = Registry::new(settings, Epoch::from_bits(1));
    for number in 0..entries {
        let (agent, jti) = key(number);
        registry.check_and_record(agent, jti, 1, EXPIRES).expect("a fresh token");
    }
    registry
}

/// 4,096 entries that are all due: the most that one validation asks for (rule 39).
pub fn cache() -> TokenCache {
    let settings = TokenCacheSettings::new(Profile::Hardened, &Parameters::defaults(Profile::Hardened));
    let mut cache = TokenCache::new(settings);
    let agent_key = PublicKey::from_modulus(&[0xa5; 256]).expect("an odd modulus of 2048 bits");
    for number in 0..4_096 {
        let (agent, jti) = key(number);
        let expires = UnixSeconds(EXPIRES.0 - number * 7 % 800);
        let (text, kid, agent_key) = ("a.b.c".into(), agent_key.thumbprint(), agent_key.clone());
        let token = CachedToken { text, kid, jti, expires, agent_key };
        cache.store(agent, Uid::from_bits(jti.bits()), token, Fetched::First);
        cache.presented(agent, Uid::from_bits(jti.bits()));
    }
    cache
}
