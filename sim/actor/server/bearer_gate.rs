//! How a server lets bearer tokens in (rules 52, 63): each for the one request that carries it.

use bytes::Bytes;
use http::{
    HeaderValue,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use http_body_util::Full;

use super::{core::Core, gate::TokenServer};
use crate::{
    actor::{
        Environment,
        http::{Reply, ServerConnection, ServerRequest, empty_reply},
    },
    event::{BearerEvent, EventKind},
    protocol::{BearerRejection, BearerToken},
    types::{BearerRefusal, Bug, Undigested, UnixSeconds},
};

/// The bearer token that a request carries, or what is to be taken for one. Two Authorization headers carry none.
pub(super) fn carried(request: &ServerRequest) -> Option<&str> {
    let mut values = request.headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => BearerToken::carried_by(value.to_str().ok()?),
        _ => None,
    }
}

/// Answers a request by the bearer token that it carries, and by nothing else: what the connection is authenticated for does
/// not help a token that is not good, nor does a good one authenticate the connection.
pub(super) async fn answer<E: Environment, S: TokenServer<E>>(
    server: &S,
    connection: &ServerConnection,
    request: &ServerRequest,
    text: &str,
) -> Reply {
    let core = server.core();
    let result = server.check_bearer(text, request.path());
    let event = match &result {
        Ok(token) => BearerEvent::Accepted {
            request: request.id,
            kind: token.kind,
            jti: token.claims.jti,
            expires: token.claims.exp,
            path: request.path().to_owned(),
            token: Undigested(token.fingerprint()),
        },
        Err(BearerRejection { why, token }) => {
            BearerEvent::Refused { request: request.id, why: *why, jti: token.as_ref().map(|token| token.claims.jti) }
        }
    };
    core.environment.record(EventKind::Bearer(event));
    core.charge(1).await;
    match result {
        Ok(token) => {
            if Bug::BearerOpensConnection.is_planted() {
                let (now, expires) = (core.environment.now(), token.claims.exp.unwrap_or(UnixSeconds(u64::MAX)));
                let leeway = core.rules().leeway;
                connection.authenticate(|it| it.accept(token.kind.identity(), now, expires, leeway));
            }
            serve(core, request, &token)
        }
        Err(rejection) => refuse(rejection.why),
    }
}

fn serve<E: Environment>(core: &Core<E>, request: &ServerRequest, token: &BearerToken) -> Reply {
    let agent = Some(token.kind.identity());
    core.environment.record(EventKind::Served { request: request.id, agent });
    Reply::new(Full::new(Bytes::from_static(b"OK\n")))
}

fn refuse(why: BearerRefusal) -> Reply {
    let (status, value) = BearerRejection::answer(why);
    let mut reply = empty_reply(status);
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(value));
    reply
}
