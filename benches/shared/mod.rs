//! What several benches have in common: the backends, the length of a measurement, the CPU.

#![allow(dead_code, reason = "no bench uses all of it")]

use std::{sync::Arc, time::Duration};

use countersign::{
    bench::{Nothing, Operation},
    cli::environment,
    crypto::{Backend, Engine, backend},
    types::{CryptoTier, Profile},
};
use criterion::{BenchmarkId, Criterion};

/// The real tiers that are built in.
pub fn tiers() -> Vec<Arc<dyn Backend>> {
    [CryptoTier::AwsLc, CryptoTier::Rsa].into_iter().filter_map(|tier| backend(tier).ok()).collect()
}

/// The real tiers and, with the feature `peers`, what they are measured against.
pub fn backends() -> Vec<Arc<dyn Backend>> {
    #[cfg(feature = "peers")]
    let peers = countersign::crypto::peers();
    #[cfg(not(feature = "peers"))]
    let peers = Vec::new();
    tiers().into_iter().chain(peers).collect()
}

pub fn engine(backend: &Arc<dyn Backend>) -> Engine {
    Engine::new(Arc::clone(backend), Arc::default(), None)
}

/// An engine without RSA.
pub fn no_engine() -> Engine {
    Engine::new(Arc::new(Nothing), Arc::default(), None)
}

/// A group for an operation, with a line for each backend that has it.
pub fn measure(criterion: &mut Criterion, operation: Operation, backends: &[Arc<dyn Backend>], profile: Profile) {
    let mut group = criterion.benchmark_group(operation.name());
    for backend in backends {
        let Some(mut prepared) = operation.prepare(backend, profile).expect("a backend fails") else { continue };
        let id = BenchmarkId::from_parameter(backend.name());
        group.bench_function(id, |bencher| bencher.iter(|| prepared().expect("a backend fails")));
    }
    group.finish();
}

/// Short: what is measured takes microseconds, and the machine's noise is larger than what longer would tell.
pub fn settings() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700))
        .sample_size(20)
}

/// The speed of RSA hangs on the CPU: AWS-LC signs twice as fast with AVX-512 IFMA.
pub fn print_cpu(_: &mut Criterion) {
    let name = environment::cpu_name().unwrap_or_default();
    println!("CPU {name}, features {}", environment::cpu_features().join(" "));
}
