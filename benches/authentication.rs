//! What an authentication costs at protocol level, both ends and a site alone, without sockets.
//!
//! `cargo bench --bench authentication`. The line `none` is without RSA: codec, cache and registry.

mod shared;

use std::sync::Arc;

use countersign::{
    bench::{Nothing, Operation},
    types::Profile,
};
use criterion::{Criterion, criterion_group, criterion_main};
use shared::{backends, measure, print_cpu, settings};

fn paths(criterion: &mut Criterion) {
    let mut backends = backends();
    backends.push(Arc::new(Nothing));
    for operation in Operation::ALL.into_iter().filter(|operation| operation.is_path()) {
        measure(criterion, operation, &backends, Profile::Hardened);
    }
}

criterion_group! {
    name = benches;
    config = settings();
    targets = print_cpu, paths
}
criterion_main!(benches);
