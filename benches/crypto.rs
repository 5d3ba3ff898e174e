//! What one operation of each crypto tier costs, and what a key and a batch response cost.
//!
//! Run with `cargo bench --bench crypto`. The signing time of AWS-LC depends strongly on the processor
//! (AVX-512 IFMA halves it), so the processor's vector features are printed first.

use std::{hint::black_box, sync::Arc, time::Duration};

use countersign::{
    crypto::{Engine, KeyPool, PrivateKey, PublicKey, backend},
    protocol::jwe,
    types::{CryptoTier, SeedStream},
};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

const TIERS: [CryptoTier; 3] = [CryptoTier::AwsLc, CryptoTier::Rsa, CryptoTier::Modelled];

/// As long as a batch response of 128 entries: a token and a public key each.
const BATCH_BYTES: usize = 120_000;

fn engines() -> Vec<Engine> {
    let backends = TIERS.into_iter().filter_map(|tier| backend(tier).ok());
    backends.map(|backend| Engine::new(backend, Arc::default(), None)).collect()
}

fn pool() -> KeyPool {
    KeyPool::new(SeedStream::new(1))
}

/// A key that no engine has prepared yet.
fn fresh_key(number: u32) -> PrivateKey {
    pool().private_key(number).expect("the pool has more keys than a bench takes")
}

fn signatures(c: &mut Criterion) {
    let message = [b'a'; 900];
    let mut sign = c.benchmark_group("sign");
    for engine in engines() {
        let key = fresh_key(0);
        let id = BenchmarkId::from_parameter(engine.backend());
        sign.bench_function(id, |b| b.iter(|| engine.sign(&key, black_box(&message))));
    }
    sign.finish();

    let mut verify = c.benchmark_group("verify");
    for engine in engines() {
        let key = fresh_key(0);
        let signature = engine.sign(&key, &message).expect("pool keys sign");
        let public = key.public().clone();
        let id = BenchmarkId::from_parameter(engine.backend());
        verify.bench_function(id, |b| b.iter(|| engine.verify(&public, black_box(&message), &signature)));
    }
    verify.finish();
}

fn keys(c: &mut Criterion) {
    let mut load_private = c.benchmark_group("load private key");
    let mut fresh_again = {
        let key = fresh_key(0);
        move || PrivateKey::new(key.pkcs8().unwrap().to_vec(), key.public().clone())
    };
    for tier in TIERS {
        let Ok(backend) = backend(tier) else { continue };
        let load = |key: PrivateKey| backend.load_private(&key).expect("pool keys load");
        load_private.bench_function(BenchmarkId::from_parameter(tier), |b| {
            b.iter_batched(&mut fresh_again, load, BatchSize::SmallInput);
        });
    }
    load_private.finish();

    let mut load_public = c.benchmark_group("load public key");
    let public = PublicKey::from_modulus(fresh_key(0).public().modulus()).expect("pool keys are accepted");
    for tier in TIERS {
        let Ok(backend) = backend(tier) else { continue };
        load_public.bench_function(BenchmarkId::from_parameter(tier), |b| b.iter(|| backend.load_public(&public)));
    }
    load_public.finish();

    c.bench_function("key pool/new", |b| b.iter(pool));
    let pool = pool();
    let mut numbers = (0..pool.capacity()).cycle();
    c.bench_function("key pool/derive a key", |b| b.iter(|| pool.private_key(numbers.next().unwrap_or(0))));
}

fn batch_response(c: &mut Criterion) {
    let body = vec![b'a'; BATCH_BYTES];
    let mut seal = c.benchmark_group("jwe seal 120 kB");
    for engine in engines() {
        let key = fresh_key(0);
        let mut rng = SeedStream::new(1).rng("bench", 0);
        let id = BenchmarkId::from_parameter(engine.backend());
        seal.bench_function(id, |b| b.iter(|| jwe::seal(black_box(&body), key.public(), &engine, &mut rng)));
    }
    seal.finish();

    let mut open = c.benchmark_group("jwe open 120 kB");
    for engine in engines() {
        let key = fresh_key(0);
        let mut rng = SeedStream::new(1).rng("bench", 0);
        let sealed = jwe::seal(&body, key.public(), &engine, &mut rng).expect("pool keys seal");
        let id = BenchmarkId::from_parameter(engine.backend());
        open.bench_function(id, |b| b.iter(|| jwe::open(black_box(&sealed), &key, &engine)));
    }
    open.finish();
}

fn settings() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700))
        .sample_size(20)
}

fn print_processor(_: &mut Criterion) {
    #[cfg(target_arch = "x86_64")]
    println!(
        "processor features: aes {}, avx2 {}, avx512f {}, avx512ifma {}",
        is_x86_feature_detected!("aes"),
        is_x86_feature_detected!("avx2"),
        is_x86_feature_detected!("avx512f"),
        is_x86_feature_detected!("avx512ifma"),
    );
}

criterion_group! {
    name = benches;
    config = settings();
    targets = print_processor, signatures, keys, batch_response
}
criterion_main!(benches);
