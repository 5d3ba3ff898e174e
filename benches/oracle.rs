//! What an event costs the oracle and the digest, in a well-formed run of 2,000 agents over 6 hours.

#[path = "../tests/history/mod.rs"]
mod history;

use std::hint::black_box;

use countersign::{event::Listener, oracle::Oracle, trace::Digest, types::Profile};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use history::{History, day};

fn per_event(criterion: &mut Criterion) {
    let mut history = History::of(Profile::Hardened);
    day::well_formed(&mut history, 2_000, 6 * 3_600);
    let mut group = criterion.benchmark_group("listen");
    group.throughput(Throughput::Elements(history.events.len() as u64)).sample_size(10);
    group.bench_function("oracle", |bencher| {
        bencher.iter_batched(
            || Oracle::new(&history.plan),
            |mut oracle| {
                history.events.iter().for_each(|event| oracle.hear(event));
                black_box(oracle.finish(history.now()))
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("digest", |bencher| {
        bencher.iter_batched(
            Digest::new,
            |mut digest| {
                history.events.iter().for_each(|event| digest.hear(event));
                black_box(digest.finish())
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, per_event);
criterion_main!(benches);
