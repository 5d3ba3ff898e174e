//! The hot paths of the server-side stores.

use std::{hint::black_box, time::Duration};

use countersign::{
    crypto::PublicKey,
    protocol::{CachedToken, Fetched, Registry, RegistrySettings, TokenCache, TokenCacheSettings},
    types::{Epoch, Jti, NodeId, Parameters, Profile, Uid, UnixSeconds},
};
use criterion::{Criterion, criterion_group, criterion_main};

/// The allocator of the command, so that the tables lie in memory as they do there.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXPIRES: UnixSeconds = UnixSeconds(1_800_003_600);

fn key(number: u64) -> (NodeId, Jti) {
    let jti = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    (NodeId::from_bits(0x0a9e_0000_0000_4000_8000_0000_0000_0000 + u128::from(number)), Jti::from_bits(jti))
}

fn registry(entries: u64) -> Registry {
    let settings = RegistrySettings::new(Profile::Hardened, &Parameters::defaults(Profile::Hardened));
    let mut registry = Registry::new(settings, Epoch::from_bits(1));
    for number in 0..entries {
        let (agent, jti) = key(number);
        registry.check_and_record(agent, jti, 1, EXPIRES).expect("a fresh token");
    }
    registry
}

fn registry_check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("registry_check");
    for entries in [1_000, 10_000, 100_000, 1_000_000] {
        let mut registry = registry(entries);
        println!("{entries} entries: {} bytes each", registry.memory_bytes() as u64 / entries);
        let (mut number, mut counter) = (0, 2);
        group.bench_function(entries.to_string(), |bencher| {
            bencher.iter(|| {
                // A full cycle in scattered order: neither the table nor the counters are met in sequence.
                number = (number + 382_519) % entries;
                if number == 0 {
                    counter += 1;
                }
                let (agent, jti) = key(number);
                black_box(registry.check_and_record(agent, jti, counter, EXPIRES))
            });
        });
    }
    group.finish();
}

fn registry_purge(criterion: &mut Criterion) {
    let mut registry = registry(1_000_000);
    criterion.bench_function("registry_purge_all_live/1000000", |bencher| {
        bencher.iter(|| black_box(registry.purge(EXPIRES.wall())));
    });
}

/// 4,096 entries that are all due: the most that one validation asks for (rule 39).
fn cache_validation(criterion: &mut Criterion) {
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
    let (now, look_ahead) = (UnixSeconds(EXPIRES.0 - 900).wall(), Duration::from_secs(900));
    assert_eq!(cache.validate(now, look_ahead).batches.len(), 32);
    criterion.bench_function("cache_validation/4096", |bencher| {
        bencher.iter(|| black_box(cache.validate(now, look_ahead)));
    });
}

criterion_group! {
    name = stores;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = registry_check, registry_purge, cache_validation
}
criterion_main!(stores);
