//! How many instructions the paths beside RSA take: the one measurement that a busy machine does not disturb.
//!
//! Callgrind counts, through gungraun, so this needs Valgrind and gungraun's runner in the version of `Cargo.lock`:
//! `.ci/instructions` runs it and holds the counts against `reports/baseline/instructions.txt`. RSA is left out
//! ([`Nothing`] stands in for it), and everything was done once before it is counted.

#[path = "shared/stores.rs"]
mod filled;

use std::{hint::black_box, mem::forget, sync::Arc, time::Duration};

use countersign::{
    bench::{Nothing, Operation, Prepared, Stage},
    crypto::{Backend, Engine, PrivateKey},
    protocol::{
        CountersignedToken, Credentials, IssuedToken, Nonce, Registry, RequestTarget, SignedHeaders, TokenCache,
        TokenChallenge, jwe, sign_request,
    },
    types::{Epoch, MessageNonce, Profile, SeedStream, Uid, UnixSeconds},
};
use gungraun::{library_benchmark, library_benchmark_group, main};
use http::Method;

fn stage(remembered: u32) -> Stage {
    Stage::new(Arc::new(Nothing), Profile::Hardened, remembered).expect("nothing can fail")
}

fn engine() -> Engine {
    Engine::new(Arc::new(Nothing), Arc::default(), None)
}

/// A path of both ends or of a site, done once.
fn path(operation: Operation) -> Prepared {
    let backend: Arc<dyn Backend> = Arc::new(Nothing);
    operation.prepare(&backend, Profile::Hardened).expect("nothing can fail").expect("a path")
}

#[library_benchmark]
#[bench::site(path(Operation::SitePath))]
#[bench::site_remembered(path(Operation::SitePathRemembered))]
#[bench::one_step(path(Operation::OneStep))]
#[bench::two_step(path(Operation::TwoStep))]
fn authentication(mut prepared: Prepared) -> Prepared {
    prepared().expect("nothing can fail");
    prepared
}

fn tokens() -> (String, String) {
    let mut stage = stage(0);
    let issued = stage.issue().expect("nothing can fail");
    let countersigned = stage.countersign(&issued, 1).expect("nothing can fail");
    assert!(CountersignedToken::parse(countersigned.text()).is_some());
    let texts = (issued.text().to_owned(), countersigned.text().to_owned());
    // Kept: the allocator tidies up after so much that is freed at once, and that would be counted.
    forget(stage);
    texts
}

#[library_benchmark]
#[bench::three_parts(tokens())]
fn parse_issued((issued, _): (String, String)) -> Option<IssuedToken> {
    IssuedToken::parse(black_box(&issued))
}

#[library_benchmark]
#[bench::five_parts(tokens())]
fn parse_countersigned((_, countersigned): (String, String)) -> Option<CountersignedToken> {
    CountersignedToken::parse(black_box(&countersigned))
}

fn warm_stage() -> Stage {
    let mut stage = stage(0);
    stage.two_step().expect("nothing can fail");
    stage
}

#[library_benchmark]
#[bench::three_parts(warm_stage())]
fn encode_issued(mut stage: Stage) -> (IssuedToken, Stage) {
    (stage.issue().expect("nothing can fail"), stage)
}

fn stage_and_token() -> (Stage, IssuedToken) {
    let mut stage = warm_stage();
    let issued = stage.issue().expect("nothing can fail");
    drop(stage.countersign(&issued, 1));
    (stage, issued)
}

#[library_benchmark]
#[bench::five_parts(stage_and_token())]
fn encode_countersigned((stage, issued): (Stage, IssuedToken)) -> (CountersignedToken, Stage, IssuedToken) {
    (stage.countersign(&issued, 2).expect("nothing can fail"), stage, issued)
}

#[library_benchmark]
#[bench::of_a_token("AAAAAAAAAAAAAAAAAAAAAA.1048576")]
fn nonce_there_and_back(text: &str) -> String {
    let nonce: Nonce = black_box(text).parse().expect("a nonce");
    nonce.to_string()
}

fn challenge_value() -> String {
    TokenChallenge { token: Some(&tokens().0), error: None, epoch: Some(Epoch::from_bits(7)) }.to_value()
}

#[library_benchmark]
#[bench::with_token(challenge_value())]
fn challenge_header(value: String) -> String {
    TokenChallenge::parse(black_box(&value)).expect("a challenge").to_value()
}

#[library_benchmark]
#[bench::first_request(r#"SMPToken agent="0a9e0000-0000-4000-8000-000000000001", nonce="AAAAAAAAAAAAAAAAAAAAAA""#)]
fn authorization_header(value: &str) -> String {
    Credentials::parse(black_box(value)).expect("a first request").to_value()
}

fn registry() -> Registry {
    filled::registry(10_000)
}

#[library_benchmark]
#[bench::second_use(registry(), 5_000, 2)]
#[bench::replay(registry(), 5_000, 1)]
#[bench::new_token(registry(), 10_001, 1)]
fn registry_check(mut registry: Registry, token: u64, counter: u64) -> Registry {
    let (agent, jti) = filled::key(token);
    let _ = black_box(registry.check_and_record(agent, jti, counter, filled::EXPIRES));
    registry
}

#[library_benchmark]
#[bench::of_10_000(registry())]
fn registry_purge(mut registry: Registry) -> Registry {
    drop(black_box(registry.purge(UnixSeconds(filled::EXPIRES.0 - 1).wall())));
    registry
}

#[library_benchmark]
#[bench::of_4_096(filled::cache())]
fn cache_look_up(mut cache: TokenCache) -> TokenCache {
    let (agent, jti) = filled::key(2_000);
    assert!(black_box(cache.presented(agent, Uid::from_bits(jti.bits()))).is_some());
    cache
}

#[library_benchmark]
#[bench::of_4_096(filled::cache())]
fn cache_validation(mut cache: TokenCache) -> TokenCache {
    let now = UnixSeconds(filled::EXPIRES.0 - 900).wall();
    drop(black_box(cache.validate(now, Duration::from_secs(900))));
    cache
}

type Signer = (PrivateKey, Engine);

fn signer() -> Signer {
    let (key, engine) = (warm_stage().agent_key().clone(), engine());
    drop(sign_a_request(&key, &engine));
    (key, engine)
}

fn sign_a_request(key: &PrivateKey, engine: &Engine) -> SignedHeaders {
    let target = RequestTarget::new(&Method::POST, "/NS/Agent/GetClientTokens.aspx").expect("a path");
    let nonce = MessageNonce::from_bits(1);
    sign_request(target, black_box(&[b'x'; 1_024]), filled::EXPIRES, nonce, key, engine).expect("nothing can fail")
}

#[library_benchmark]
#[bench::of_a_request(signer())]
fn signature_base((key, engine): Signer) -> (SignedHeaders, Signer) {
    (sign_a_request(&key, &engine), (key, engine))
}

#[library_benchmark]
#[bench::of_16_kib(signer())]
fn jwe_seal((key, engine): Signer) -> (String, Signer) {
    let mut rng = SeedStream::new(1).rng("bench", 0);
    let sealed = jwe::seal(black_box(&[b'x'; 16 << 10]), key.public(), &engine, &mut rng).expect("nothing can fail");
    (sealed, (key, engine))
}

library_benchmark_group!(
    name = codec,
    benchmarks = [
        parse_issued,
        parse_countersigned,
        encode_issued,
        encode_countersigned,
        nonce_there_and_back,
        challenge_header,
        authorization_header
    ]
);
library_benchmark_group!(name = stores, benchmarks = [registry_check, registry_purge, cache_look_up, cache_validation]);
library_benchmark_group!(name = messages, benchmarks = [signature_base, jwe_seal]);
library_benchmark_group!(name = paths, benchmarks = [authentication]);

main!(library_benchmark_groups = codec, stores, messages, paths);
