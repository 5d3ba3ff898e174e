//! Attack 18: batch requests by somebody who is no site server any more, or never was. Expected: denied, no token.

use http::{HeaderMap, Method};

use super::hand::{Ask, Hand, Line};
use crate::{
    actor::Environment,
    crypto::PrivateKey,
    event::Carried,
    plan::Plan,
    protocol::{
        CLIENT_TOKENS_PATH, ClientTokensRequest, Holder, NodeKind, REGISTER_PATH, RegisterRequest, RequestTarget,
        sign_request,
    },
    types::{ActorId, NodeId, Profile},
};

pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let (node, victim, own_key) = (hand.settings.node, hand.settings.victim, hand.settings.key.clone());
    // The SMP alone answers batch requests, whichever server the plan names.
    let smp_origin = hand.settings.smp_origin().clone();
    let Some(mut line) = hand.line_to(ActorId::Smp, &smp_origin).await else { return };
    if hand.round == 0 {
        let origin = Some(hand.settings.origin.clone());
        register(hand, &mut line, "a registration as a site server", NodeKind::Site, origin).await;
        // Whoever reaches the SMP may register as an agent; its key is then known, and is no site server's.
        register(hand, &mut line, "a registration as an agent", NodeKind::Agent, None).await;
    }
    ask(hand, &mut line, "a batch request in a made-up site's name, with an agent's key", node, Some(&own_key)).await;
    ask(hand, &mut line, "a batch request in a site's name, with an agent's key", victim, Some(&own_key)).await;
    ask(hand, &mut line, "a batch request in a site's name, unsigned", victim, None).await;
    let sites: Vec<_> = hand.settings.servers.iter().map(|(server, _)| *server).collect();
    for site in sites.into_iter().filter(|server| *server != ActorId::Smp).map(Plan::node_of) {
        // One that is legitimate, signed by somebody who is known and is not it.
        ask(hand, &mut line, "a batch request in each site's name, with an agent's key", site, Some(&own_key)).await;
    }
    if let Some(key) = hand.settings.stolen_key.clone() {
        ask(hand, &mut line, "a batch request with a former site's own key", victim, Some(&key)).await;
    }
}

async fn ask<E: Environment>(
    hand: &mut Hand<E>,
    line: &mut Line<E>,
    what: &str,
    site: NodeId,
    key: Option<&PrivateKey>,
) {
    let uid = hand.draw_uid();
    let agents = vec![Holder { agent: Plan::node_of(ActorId::Agent(1)), uid }];
    let body = ClientTokensRequest { site, agents }.encode();
    send(hand, line, what, CLIENT_TOKENS_PATH, body, key).await;
}

async fn register<E: Environment>(
    hand: &mut Hand<E>,
    line: &mut Line<E>,
    what: &str,
    kind: NodeKind,
    origin: Option<crate::types::Origin>,
) {
    let key = hand.settings.key.clone();
    let request = RegisterRequest {
        id: hand.settings.node,
        kind,
        public_key: key.public().clone(),
        origin,
        profile: Profile::Literal,
    };
    send(hand, line, what, REGISTER_PATH, request.encode(), Some(&key)).await;
}

async fn send<E: Environment>(
    hand: &mut Hand<E>,
    line: &mut Line<E>,
    what: &str,
    path: &str,
    body: Vec<u8>,
    key: Option<&PrivateKey>,
) {
    let nonce = hand.draw_nonce();
    let created = hand.environment.wall().seconds();
    let mut headers = HeaderMap::new();
    if let (Some(key), Ok(target)) = (key, RequestTarget::new(&Method::POST, path))
        && let Ok(signed) = sign_request(target, &body, created, nonce, key, &hand.engine)
    {
        signed.write_to(&mut headers);
    }
    let carries = if headers.is_empty() { Carried::Nothing } else { Carried::Signature };
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
    hand.attempt(line, what, Ask { method: Method::POST, target: path, headers, body, carries }).await;
}
