//! The signed messages of the protocol: rules 33, 34, 40 and 43, attacks 18, 19, 20 and 30.

mod client_tokens;
mod directory;
mod registration;
mod sealing;
mod signatures;

use std::sync::Arc;

use countersign::{
    crypto::{Engine, PrivateKey, PublicKey, WallTotals, backend},
    protocol::{Answered, Policy, RequestTarget, ServerEntry, ServerKeys, ServerKind},
    types::{Authentication, CryptoTier, MessageNonce, NodeId, Parameters, Profile, Uid, UnixSeconds},
};
use http::{HeaderMap, Method};

const NOW: UnixSeconds = UnixSeconds(1_750_000_000);
const MAX_BYTES: usize = 1 << 20;
const SMP: NodeId = NodeId::from_bits(1 << 124);

fn engine() -> Engine {
    let modelled = backend(CryptoTier::Modelled).expect("every build has the modelled tier");
    Engine::new(modelled, Arc::new(WallTotals::default()), None)
}

/// A key of the modelled tier.
fn key(number: u8) -> PrivateKey {
    let mut modulus = [0xff; 256];
    modulus[1] = number;
    PrivateKey::new(Vec::new(), PublicKey::from_modulus(&modulus).expect("2048 bits and odd"))
}

fn node(number: u128) -> NodeId {
    NodeId::from_bits(number)
}

fn uid(number: u128) -> Uid {
    Uid::from_bits(number)
}

fn nonce(number: u128) -> MessageNonce {
    MessageNonce::from_bits(number)
}

fn post(path: &str) -> RequestTarget<'_> {
    RequestTarget::new(&Method::POST, path).expect("a path")
}

fn answered(path: &str, number: u128) -> Answered<'_> {
    Answered { target: post(path), nonce: nonce(number) }
}

fn signed(path: &str, body: &[u8], key: &PrivateKey) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let signed = countersign::protocol::sign_request(post(path), body, NOW, nonce(7), key, &engine());
    signed.expect("the modelled tier signs").write_to(&mut headers);
    headers
}

fn policy(server_keys: impl IntoIterator<Item = u8>) -> Policy {
    let keys: ServerKeys = server_keys.into_iter().map(|number| key(number).public().clone()).collect();
    let smp = ServerEntry {
        id: SMP,
        kind: ServerKind::Smp,
        origin: "http://smp".parse().expect("an origin"),
        profile: Profile::Literal,
    };
    let authentication = Authentication { acc: true, ..Authentication::TOKENS };
    let parameters = Parameters { authentication, ..Parameters::defaults(Profile::Literal) };
    Policy::new(3, vec![smp], &parameters, keys, [node(9)].into())
}
