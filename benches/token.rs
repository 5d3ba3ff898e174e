//! The three parts that an issuer signs, made and read by us and by JWT libraries: what is lost by a codec of our own,
//! or won.
//!
//! `cargo bench --bench token`; with `--features judges` josekit takes part, which needs OpenSSL.

mod shared;

use std::hint::black_box;

use countersign::{
    bench::Stage,
    crypto::{Engine, PrivateKey, PublicKey},
    protocol::IssuedToken,
    types::Profile,
};
use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, dangerous::insecure_decode};
use rsa::pkcs8::{PrivateKeyInfoRef, der::Decode};
use serde_json::Value;
use shared::{engine, no_engine, print_cpu, settings, tiers};

/// A token, the key that signs it and the fastest engine.
fn issued() -> (IssuedToken, PrivateKey, Engine) {
    let backend = tiers().into_iter().next().expect("every build has a real tier");
    let engine = engine(&backend);
    let mut stage = Stage::new(backend, Profile::Hardened, 0).expect("pool keys work");
    (stage.issue().expect("pool keys sign"), stage.issuing_key().clone(), engine)
}

fn encode(criterion: &mut Criterion) {
    let (issued, key, engine) = issued();
    let mut group = criterion.benchmark_group("token_encode");
    let sign = |key, engine| IssuedToken::sign(issued.uid, issued.claims.clone(), key, engine).expect("pool keys sign");
    group.bench_function("countersign", |bencher| bencher.iter(|| sign(&key, &engine)));

    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(issued.kid.to_string());
    let encoding_key = EncodingKey::from_rsa_der(&pkcs1(&key));
    group.bench_function("jsonwebtoken", |bencher| {
        bencher.iter(|| jsonwebtoken::encode(&header, &issued.claims, &encoding_key).expect("pool keys sign"));
    });
    #[cfg(feature = "judges")]
    {
        let (header, payload) = josekit_parts(&issued);
        let signer = josekit::jws::RS256.signer_from_der(key.pkcs8().expect("PKCS#8")).expect("pool keys sign");
        group.bench_function("josekit", |bencher| {
            bencher.iter(|| josekit::jwt::encode_with_signer(&payload, &header, &signer).expect("pool keys sign"));
        });
    }
    // One that has signed keeps the backend by which it did.
    let (key, engine) = (anew(&key), no_engine());
    group.bench_function("countersign, without RSA", |bencher| bencher.iter(|| sign(&key, &engine)));
    group.finish();
}

fn parse(criterion: &mut Criterion) {
    let (issued, ..) = issued();
    let text = issued.text();
    let mut group = criterion.benchmark_group("token_parse");
    group.bench_function("countersign", |bencher| bencher.iter(|| IssuedToken::parse(black_box(text)).expect("good")));
    group.bench_function("jsonwebtoken", |bencher| {
        bencher.iter(|| insecure_decode::<Value>(black_box(text)).expect("good"));
    });
    group.finish();
}

fn verify(criterion: &mut Criterion) {
    let (issued, key, engine) = issued();
    let text = issued.text();
    let mut group = criterion.benchmark_group("token_parse_and_verify");
    group.bench_function("countersign", |bencher| {
        bencher.iter(|| {
            let token = IssuedToken::parse(black_box(text)).expect("good");
            assert!(token.is_signed_by(key.public(), &engine));
        });
    });
    let jwk = key.public().to_jwk();
    let decoding_key = DecodingKey::from_rsa_components(&jwk.n, &jwk.e).expect("an RSA key");
    let mut validation = Validation::new(Algorithm::RS256);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    group.bench_function("jsonwebtoken", |bencher| {
        bencher.iter(|| jsonwebtoken::decode::<Value>(black_box(text), &decoding_key, &validation).expect("good"));
    });
    #[cfg(feature = "judges")]
    {
        let jwk = serde_json::to_vec(&jwk).expect("a JWK is JSON");
        let jwk = josekit::jwk::Jwk::from_bytes(jwk).expect("an RSA key");
        let verifier = josekit::jws::RS256.verifier_from_jwk(&jwk).expect("an RSA key");
        group.bench_function("josekit", |bencher| {
            bencher.iter(|| josekit::jwt::decode_with_verifier(black_box(text), &verifier).expect("good"));
        });
    }
    group.finish();
}

/// The same key, as no backend has prepared it yet.
fn anew(key: &PrivateKey) -> PrivateKey {
    let pkcs8 = key.pkcs8().expect("pool keys can be encoded").into_owned();
    PrivateKey::new(pkcs8, PublicKey::from_modulus(key.public().modulus()).expect("pool keys are accepted"))
}

/// What jsonwebtoken reads a private key from (RFC 8017 appendix A.1.2).
fn pkcs1(key: &PrivateKey) -> Vec<u8> {
    let pkcs8 = key.pkcs8().expect("pool keys can be encoded");
    PrivateKeyInfoRef::from_der(&pkcs8).expect("PKCS#8").private_key.as_bytes().to_vec()
}

#[cfg(feature = "judges")]
fn josekit_parts(issued: &IssuedToken) -> (josekit::jws::JwsHeader, josekit::jwt::JwtPayload) {
    let mut header = josekit::jws::JwsHeader::new();
    header.set_token_type("JWT");
    header.set_key_id(issued.kid.to_string());
    let Ok(Value::Object(claims)) = serde_json::to_value(&issued.claims) else { unreachable!("claims are an object") };
    (header, josekit::jwt::JwtPayload::from_map(claims).expect("ordinary claims"))
}

criterion_group! {
    name = benches;
    config = settings();
    targets = print_cpu, encode, parse, verify
}
criterion_main!(benches);
