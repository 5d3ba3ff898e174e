//! What one RSA operation of each backend costs, and what a key of the pool does.
//!
//! `cargo bench --bench crypto`; with `--features peers` OpenSSL, Graviola and ring are measured, too.

mod shared;

use countersign::{
    bench::Operation,
    crypto::KeyPool,
    types::{Profile, SeedStream},
};
use criterion::{Criterion, criterion_group, criterion_main};
use shared::{backends, measure, print_cpu, settings};

fn rsa(criterion: &mut Criterion) {
    for operation in Operation::ALL.into_iter().filter(|operation| !operation.is_path()) {
        measure(criterion, operation, &backends(), Profile::Hardened);
    }
}

fn keys(criterion: &mut Criterion) {
    let pool = || KeyPool::new(SeedStream::new(1));
    criterion.bench_function("key_pool/new", |bencher| bencher.iter(pool));
    let pool = pool();
    let mut numbers = (0..pool.capacity()).cycle();
    criterion.bench_function("key_pool/derive", |bencher| {
        bencher.iter(|| pool.private_key(numbers.next().unwrap_or(0)));
    });
}

criterion_group! {
    name = benches;
    config = settings();
    targets = print_cpu, rsa, keys
}
criterion_main!(benches);
