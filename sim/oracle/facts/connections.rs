//! Who opened which connection, and who sent what on it last. What a proxy sends on was sent by its client (rule 61).

use super::FadingMap;
use crate::{
    event::{Carried, Event, EventKind, ProxyEvent},
    oracle::Assumptions,
    types::{ActorId, ConnectionId, RequestId, UnixSeconds, VirtualTime},
};

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// Who opened it.
    pub opener: ActorId,
    /// Whom it leads to.
    pub server: ActorId,
    /// The latest request on it. HTTP/1.1 without pipelining: it is the one that is answered next.
    pub sent: Option<Sent>,
}

/// A request on its way.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Its place on the connection.
    pub ordinal: u32,
    /// Who sent it.
    pub by: ActorId,
    /// When.
    pub at: VirtualTime,
    /// What its Authorization header carries.
    pub carries: Carried,
    /// When the token that it carries expires, as far as its sender said.
    pub expires: Option<UnixSeconds>,
}

/// All connections of late. They fade by disuse, not by their end: a server may speak of a connection
/// after its opener has given it up.
#[derive(Debug, Default)]
pub struct Connections {
    connections: FadingMap<ConnectionId, Connection>,
    /// The expiry of the token that each actor countersigned last.
    last_signed: FadingMap<ActorId, UnixSeconds>,
}

impl Connections {
    /// The connection of that name.
    pub fn get(&self, connection: ConnectionId) -> Option<&Connection> {
        self.connections.get(&connection)
    }

    /// The request, if it is the latest on its connection.
    pub fn sent(&self, request: RequestId) -> Option<&Sent> {
        self.get(request.connection)?.sent.as_ref().filter(|sent| sent.ordinal == request.ordinal)
    }

    /// The expiry of the token that an actor countersigned last.
    pub fn last_signed(&self, actor: ActorId) -> Option<UnixSeconds> {
        self.last_signed.get(&actor).copied()
    }

    pub(super) fn learn(&mut self, event: &Event, assumptions: &Assumptions) {
        let keep_until = || assumptions.forget_connection_at(event.at);
        match event.kind {
            EventKind::ConnectionOpened { connection, server, .. } => {
                let opened = Connection { opener: event.actor, server, sent: None };
                self.connections.insert(connection, opened, keep_until());
            }
            EventKind::Countersigned { expires, .. } => self.last_signed.insert(event.actor, expires, keep_until()),
            // What a proxy sends on is the request that came to it, and its client's.
            EventKind::Proxy(ProxyEvent::Forwarded { request, upstream }) => {
                let Some(came) = self.get(request.connection).copied() else { return };
                let Some(connection) = self.connections.touch(&upstream.connection, keep_until()) else { return };
                connection.opener = came.opener;
                connection.sent = came.sent.filter(|sent| sent.ordinal == request.ordinal);
                connection.sent.iter_mut().for_each(|sent| sent.ordinal = upstream.ordinal);
            }
            EventKind::RequestSent { carries: Carried::Forwarded, .. } => {}
            EventKind::RequestSent { request, carries, .. } => {
                let expires = match carries {
                    Carried::StoredToken | Carried::NewToken => self.last_signed(event.actor),
                    _ => None,
                };
                let Some(connection) = self.connections.touch(&request.connection, keep_until()) else { return };
                let by_opener = event.actor == connection.opener;
                // Where two claim the same place, the stranger is remembered.
                let claimed =
                    connection.sent.is_some_and(|sent| sent.ordinal == request.ordinal && sent.by != connection.opener);
                if !(by_opener && claimed) {
                    let (ordinal, by, at) = (request.ordinal, event.actor, event.at);
                    connection.sent = Some(Sent { ordinal, by, at, carries, expires });
                }
            }
            _ => {}
        }
    }

    pub(super) fn fade(&mut self, now: VirtualTime) {
        self.connections.fade(now);
        self.last_signed.fade(now);
    }
}
