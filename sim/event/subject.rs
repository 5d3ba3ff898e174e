//! Which connection and which request an event is about.

use super::{EventKind, MachineChange, PortalEvent};
use crate::types::{ConnectionId, RequestId};

impl EventKind {
    /// The request that the event is about, if it is about one.
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::RequestSent { request, .. }
            | Self::ResponseReceived { request, .. }
            | Self::Challenged { request, .. }
            | Self::RegistryRecorded { request, .. }
            | Self::Accepted { request, .. }
            | Self::Refused { request, .. }
            | Self::Served { request, .. }
            | Self::Unavailable { request, .. }
            | Self::Machine(
                MachineChange::RequestTaken { request, .. }
                | MachineChange::RequestLeft { request, .. }
                | MachineChange::CallFailed { request, .. },
            )
            | Self::Portal(PortalEvent::LoginTokenAccepted { request, .. })
            | Self::Portal(PortalEvent::LoginTokenRefused { request, .. })
            | Self::Portal(PortalEvent::PasswordAccepted { request, .. })
            | Self::Portal(PortalEvent::PasswordRefused { request, .. })
            | Self::Portal(PortalEvent::SessionOpened { request, .. })
            | Self::Portal(PortalEvent::SessionUsed { request, .. })
            | Self::AuthenticationOffered { request, .. }
            | Self::AccountAccepted { request, .. }
            | Self::AccountRefused { request, .. } => Some(*request),
            Self::PackageAsked { request, .. } => Some(*request),
            Self::Bearer(event) => event.request(),
            Self::Proxy(event) => event.request(),
            Self::Peer(event) => event.request(),
            _ => None,
        }
    }

    /// The connection that the event is about, if it is about one.
    pub const fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::ConnectionOpened { connection, .. }
            | Self::ConnectionClosed { connection, .. }
            | Self::Intercepted { connection, .. }
            | Self::Overheard { connection, .. }
            | Self::Machine(MachineChange::ConnectionForgotten { connection })
            | Self::CredentialsSent { connection, .. }
            | Self::DowngradeRefused { connection, .. } => Some(*connection),
            Self::UpstreamStarted { connection, .. } => *connection,
            Self::Proxy(event) => event.connection(),
            Self::Peer(event) => event.connection(),
            _ => match self.request() {
                Some(request) => Some(request.connection),
                None => None,
            },
        }
    }
}
