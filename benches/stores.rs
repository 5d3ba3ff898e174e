//! The hot paths of the server-side stores.

#[path = "shared/stores.rs"]
mod filled;

use std::{hint::black_box, time::Duration};

use countersign::types::UnixSeconds;
use criterion::{Criterion, criterion_group, criterion_main};
use filled::{EXPIRES, cache, key, registry};

/// The allocator of the command, so that the tables lie in memory as they do there.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENTRIES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn registry_check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("registry_check");
    for entries in ENTRIES {
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

/// A purge that finds nothing to remove, which is what most of them do.
fn registry_purge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("registry_purge_all_live");
    for entries in ENTRIES {
        let mut registry = registry(entries);
        group.bench_function(entries.to_string(), |bencher| {
            bencher.iter(|| black_box(registry.purge(EXPIRES.wall())));
        });
    }
    group.finish();
}

fn cache_validation(criterion: &mut Criterion) {
    let mut cache = cache();
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
