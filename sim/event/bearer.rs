//! What happens to bearer tokens (rules 52, 63).

use serde::{Deserialize, Serialize};

use crate::types::{ActorId, BearerKind, BearerRefusal, Fingerprint, Jti, RequestId, Undigested, UnixSeconds};

/// What happened to a bearer token. The actor of the event is the subject of each sentence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BearerEvent {
    /// The SMP issued a token, because an administrator asked for it.
    Issued {
        /// What it is for.
        kind: BearerKind,
        /// Its name.
        jti: Jti,
        /// Its expiry, if it has one.
        expires: Option<UnixSeconds>,
        /// Of its text.
        token: Undigested<Fingerprint>,
    },
    /// An administrator revoked a token, at the SMP.
    Revoked {
        /// Its name.
        jti: Jti,
    },
    /// The server accepted a token, for this one request.
    Accepted {
        /// For which request.
        request: RequestId,
        /// What it is for.
        kind: BearerKind,
        /// Its name.
        jti: Jti,
        /// Its expiry, if it has one.
        expires: Option<UnixSeconds>,
        /// The path that was asked for.
        path: String,
        /// Of its text.
        token: Undigested<Fingerprint>,
    },
    /// The server turned a token down.
    Refused {
        /// For which request.
        request: RequestId,
        /// Why.
        why: BearerRefusal,
        /// Its name, as far as it could be read; nothing in it need be true.
        jti: Option<Jti>,
    },
    /// Whoever holds a token has made a call with it, or had none to make it with.
    Called {
        /// To whom.
        server: ActorId,
        /// With which kind of token.
        kind: BearerKind,
        /// The HTTP status that came back; none if no answer came, or there is no token.
        status: Option<u16>,
    },
}

impl BearerEvent {
    /// The request that it is about, if it is about one.
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Accepted { request, .. } | Self::Refused { request, .. } => Some(*request),
            _ => None,
        }
    }
}
