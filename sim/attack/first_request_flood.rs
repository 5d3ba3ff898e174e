//! Hole 18: first requests in numbers, in everybody's name, each of which costs the issuer a signature. Expected:
//! literal signs them all; hardened turns away a source that asks too often.

use std::sync::Arc;

use super::{
    AttackerSettings,
    hand::{Ask, Hand, PROTECTED_TARGET},
};
use crate::{
    actor::{Environment, HttpConnection, RequestHead},
    event::{Carried, EventKind},
    plan::Plan,
    protocol::Credentials,
    types::ActorId,
};

/// All at once, each on a connection of its own: who waited for answers would be slowed down by its own flood.
pub async fn attempt<E: Environment>(hand: &mut Hand<E>) {
    let agents = hand.settings.agents.max(1);
    for number in 0..hand.settings.plan.burst {
        let agent = Plan::node_of(ActorId::Agent(1 + number % agents));
        let credentials = Credentials::First { agent, uid: hand.draw_uid() }.to_value();
        hand.environment.spawn(ask(Arc::clone(&hand.environment), hand.settings.clone(), credentials));
    }
}

async fn ask<E: Environment>(environment: Arc<E>, settings: AttackerSettings, credentials: String) {
    let (server, origin) = (settings.plan.server, &settings.origin);
    let (patience, caps) = (settings.parameters.exchange_timeout(), &settings.parameters.caps);
    let connect_timeout = settings.parameters.connect_timeout();
    let mut status = None;
    if let Ok(mut connection) = HttpConnection::open(&environment, server, origin, connect_timeout, caps).await {
        let ask = Ask::get(PROTECTED_TARGET).authorized(&credentials, Carried::FirstRequest);
        let head = RequestHead { method: ask.method, target: ask.target, headers: ask.headers, carries: ask.carries };
        let answered = connection.exchange(head, ask.body.into(), patience, caps.batch_response_bytes).await;
        status = answered.ok().map(|(_, response)| response.status().as_u16());
    }
    environment.record(EventKind::Attempted { what: "a first request in somebody's name".to_owned(), status });
}
