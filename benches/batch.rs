//! The answer to a batch request for 128 agents, over plain HTTP: signing its tokens, encrypting it, reading it.

mod shared;

use std::sync::Arc;

use countersign::{
    bench::Stage,
    crypto::Backend,
    protocol::{Answer, ClientToken, ClientTokensResponse, Holder},
    types::{NodeId, Profile, SeedStream, Uid},
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use shared::{engine, print_cpu, settings, tiers};

const AGENTS: u128 = 128;
const BYTES_MAX: usize = 1 << 20;

fn stage(backend: &Arc<dyn Backend>) -> Stage {
    Stage::new(Arc::clone(backend), Profile::Hardened, 0).expect("pool keys work")
}

fn response(stage: &mut Stage) -> ClientTokensResponse {
    let mut answer = |number| Answer {
        holder: Holder { agent: NodeId::from_bits(number), uid: Uid::from_bits(1) },
        result: Ok(ClientToken {
            token: stage.issue().expect("pool keys sign").text().to_owned(),
            agent_key: stage.agent_key().public().clone(),
        }),
    };
    ClientTokensResponse { tokens: (1..=AGENTS).map(&mut answer).collect() }
}

fn batch(criterion: &mut Criterion) {
    for backend in tiers() {
        let mut stage = stage(&backend);
        let mut group = criterion.benchmark_group("batch_of_128");
        let id = |step| BenchmarkId::new(step, backend.name());
        group.sample_size(10);
        group.bench_function(id("sign"), |bencher| bencher.iter(|| response(&mut stage)));

        let response = response(&mut stage);
        let (engine, mut rng) = (engine(&backend), SeedStream::new(1).rng("bench", 0));
        let site_key = stage.issuing_key().clone();
        let mut seal = || response.seal(false, site_key.public(), BYTES_MAX, &engine, &mut rng).expect("it fits");
        let sealed = seal();
        println!("{} bytes", sealed.len());
        group.bench_function(id("encrypt"), |bencher| bencher.iter(&mut seal));
        group.bench_function(id("decrypt"), |bencher| {
            bencher
                .iter(|| ClientTokensResponse::open(&sealed, false, &site_key, BYTES_MAX, &engine).expect("it opens"));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = settings();
    targets = print_cpu, batch
}
criterion_main!(benches);
