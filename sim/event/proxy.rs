//! What happens at HTTP proxies (rule 61).

use serde::{Deserialize, Serialize};

use crate::types::{AccountScheme, ActorId, ConnectionId, RequestId};

/// What happened at a proxy, or to whom one is in the way. The actor of the event is the subject of each sentence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyEvent {
    /// The proxy answered 407.
    Asked {
        /// To which request.
        request: RequestId,
        /// Whether it asks for a token, too.
        for_token: bool,
    },
    /// The proxy got something in `Proxy-Authorization`.
    Received {
        /// With which request.
        request: RequestId,
        /// What.
        what: ProxyCredentials,
    },
    /// The proxy let somebody through, by an account.
    Admitted {
        /// With which request.
        request: RequestId,
        /// By which scheme.
        scheme: AccountScheme,
    },
    /// The proxy sends a request on, on a connection of its own.
    Forwarded {
        /// The request as it came.
        request: RequestId,
        /// The request as it leaves.
        upstream: RequestId,
    },
    /// The proxy opened a tunnel: whatever comes goes on to the server, unread.
    TunnelOpened {
        /// For which request.
        request: RequestId,
        /// The connection to the server.
        upstream: ConnectionId,
    },
    /// The agent gives the proxy nothing of what it asks for.
    Declined {
        /// On which connection.
        connection: ConnectionId,
        /// Which proxy.
        proxy: ActorId,
        /// Whether that asked for a token.
        for_token: bool,
        /// Why, and what to do.
        why: String,
    },
}

/// What `Proxy-Authorization` carries, as the proxy reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyCredentials {
    /// A message of an account.
    Account(AccountScheme),
    /// Something of a scheme of tokens.
    Token,
    /// Something else.
    Unknown,
}

impl ProxyEvent {
    /// The request that it is about, if it is about one.
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Asked { request, .. }
            | Self::Received { request, .. }
            | Self::Admitted { request, .. }
            | Self::Forwarded { request, .. }
            | Self::TunnelOpened { request, .. } => Some(*request),
            Self::Declined { .. } => None,
        }
    }

    /// The connection that it is about, if it is about one.
    pub const fn connection(&self) -> Option<ConnectionId> {
        match (self, self.request()) {
            (Self::Declined { connection, .. }, _) => Some(*connection),
            (_, Some(request)) => Some(request.connection),
            _ => None,
        }
    }
}
