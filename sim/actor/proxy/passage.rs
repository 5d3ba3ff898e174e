//! How requests get through a proxy: each sent on by itself, or a tunnel for whatever comes.

use std::sync::{Arc, Weak};

use http::{
    HeaderMap, StatusCode,
    header::{
        CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
        UPGRADE,
    },
};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::ProxyServer;
use crate::{
    actor::{
        Environment, HttpConnection,
        http::{ExchangeError, Reply, RequestHead, ServerConnection, ServerRequest, empty_reply},
        timeout::timeout,
    },
    event::{Carried, ProxyEvent},
    types::{Origin, Scheme},
};

/// What ends at a proxy (RFC 9110 section 7.6.1), and what each hop says for itself.
const OF_ONE_HOP: [http::HeaderName; 9] = [
    CONNECTION,
    CONTENT_LENGTH,
    HOST,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// Longest answer that is sent on, in bytes.
const BODY_BYTES_MAX: u32 = 1 << 20;

/// A connection to a server on behalf of a client's.
#[derive(Debug)]
pub(super) struct Upstream<E: Environment> {
    connection: HttpConnection<E>,
    client: Weak<ServerConnection>,
}

impl<E: Environment> Upstream<E> {
    /// Whether the client's connection is still there.
    pub(super) fn has_client(&self) -> bool {
        self.client.strong_count() > 0
    }
}

impl<E: Environment> ProxyServer<E> {
    /// Sends a request on to the server that it names, and the answer back.
    pub(super) async fn forward(&self, client: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        let Some(origin) = origin_of(&request, Scheme::Http) else { return empty_reply(StatusCode::BAD_REQUEST) };
        let kept = self.take_upstream(client.id);
        let kept = kept.filter(|it| it.connection.is_open() && *it.connection.origin() == origin);
        let mut upstream = match kept {
            Some(upstream) => upstream,
            None => {
                let Some(server) = self.server(origin.host()) else { return empty_reply(StatusCode::FORBIDDEN) };
                let parameters = &self.settings.parameters;
                let (patience, caps) = (parameters.connect_timeout(), &parameters.caps);
                match HttpConnection::open(&self.environment, server, &origin, patience, caps).await {
                    Ok(connection) => Upstream { connection, client: Arc::downgrade(client) },
                    Err(error) => return empty_reply(status_of(&error)),
                }
            }
        };
        let headers = of_both_hops(&request.headers);
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let head =
            RequestHead { method: request.method, target: &request.target, headers, carries: Carried::Forwarded };
        let (connection, patience) = (&mut upstream.connection, self.settings.parameters.exchange_timeout());
        self.record(ProxyEvent::Forwarded { request: request.id, upstream: connection.next_request() });
        match connection.exchange(head, request.body, patience, BODY_BYTES_MAX).await {
            Ok((_, answer)) => {
                self.keep_upstream(client.id, upstream);
                let (head, body) = answer.into_parts();
                let mut reply = Reply::new(Full::new(body));
                *reply.status_mut() = head.status;
                *reply.headers_mut() = of_both_hops(&head.headers);
                reply
            }
            Err(error) => empty_reply(status_of(&error)),
        }
    }

    /// Opens a tunnel to the server that the request names.
    pub(super) async fn open_tunnel(&self, request: ServerRequest) -> Reply {
        let Some(origin) = origin_of(&request, self.settings.scheme) else {
            return empty_reply(StatusCode::BAD_REQUEST);
        };
        let (Some(_), Some(upgrade)) = (self.server(origin.host()), request.upgrade) else {
            return empty_reply(StatusCode::FORBIDDEN);
        };
        let patience = self.settings.parameters.connect_timeout();
        let mut upstream = match timeout(&*self.environment, patience, self.environment.connect(&origin)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(_)) => return empty_reply(StatusCode::BAD_GATEWAY),
            Err(_) => return empty_reply(StatusCode::GATEWAY_TIMEOUT),
        };
        self.environment.joined(request.id.connection, upstream.id);
        self.record(ProxyEvent::TunnelOpened { request: request.id, upstream: upstream.id });
        self.environment.spawn(async move {
            let Ok(client) = upgrade.await else { return };
            // Whichever end goes first takes the other with it; there is nobody to tell.
            let _ = copy_bidirectional(&mut TokioIo::new(client), &mut upstream.stream).await;
        });
        empty_reply(StatusCode::OK)
    }
}

/// The server that a request to a proxy names.
fn origin_of(request: &ServerRequest, scheme: Scheme) -> Option<Origin> {
    let authority = request.authority.as_deref()?;
    let usual = if scheme == Scheme::Https { 443 } else { 80 };
    let (host, port) =
        authority.split_once(':').map_or(Some((authority, usual)), |(host, port)| Some((host, port.parse().ok()?)))?;
    Some(Origin::new(scheme, host, port))
}

fn of_both_hops(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    OF_ONE_HOP.iter().for_each(|name| while headers.remove(name).is_some() {});
    headers
}

fn status_of(error: &ExchangeError) -> StatusCode {
    match error {
        ExchangeError::TimedOut | ExchangeError::ConnectTimedOut => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}
