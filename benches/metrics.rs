//! What measuring costs: it should be far below a microsecond for each event.

#[path = "../tests/loose_events/mod.rs"]
mod loose_events;

use countersign::{
    event::{Event, Listener as _},
    metrics::Metrics,
    types::VirtualTime,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use loose_events::{fleet, plan};

fn hear(criterion: &mut Criterion) {
    let plan = plan();
    let history = (1..).zip(fleet::history(&plan, 1_000, 20));
    let events: Vec<_> =
        history.map(|(at_ms, (actor, kind))| Event { at: VirtualTime::from_millis(at_ms), actor, kind }).collect();
    let mut group = criterion.benchmark_group("metrics");
    group.throughput(Throughput::Elements(u64::try_from(events.len()).unwrap_or(u64::MAX)));
    group.bench_function("hear", |bencher| {
        bencher.iter_batched_ref(
            || Metrics::new(&plan),
            |metrics| events.iter().for_each(|event| metrics.hear(event)),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, hear);
criterion_main!(benches);
