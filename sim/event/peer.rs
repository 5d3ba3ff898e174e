//! What happens between peers (rule 50).

use serde::{Deserialize, Serialize};

use crate::types::{ActorId, ConnectionId, NodeId, PeerChallenge, PeerRefusal, RequestId};

/// What happened between peers. The actor of the event is the subject of each sentence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerEvent {
    /// The peer was asked for a package, and drew a challenge.
    Challenged {
        /// For which request.
        request: RequestId,
        /// What it drew.
        challenge: PeerChallenge,
        /// Which package.
        path: String,
    },
    /// The agent is about to answer a challenge with the fleet's key, which itself never leaves it.
    Answered {
        /// On which connection.
        connection: ConnectionId,
        /// To which peer.
        peer: ActorId,
        /// Which challenge.
        challenge: PeerChallenge,
        /// For which package.
        path: String,
    },
    /// The peer handed a package out.
    Served {
        /// For which request.
        request: RequestId,
        /// To whom, by the response.
        node: NodeId,
        /// Which challenge was answered.
        challenge: PeerChallenge,
        /// Which package.
        path: String,
    },
    /// The peer turned a response down.
    Refused {
        /// With which request it came.
        request: RequestId,
        /// Why.
        why: PeerRefusal,
    },
    /// The agent has tried to download a package.
    Downloaded {
        /// From which peer.
        peer: ActorId,
        /// The HTTP status that came back last; none if no answer came.
        status: Option<u16>,
    },
}

impl PeerEvent {
    /// The request that it is about, if it is about one.
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Challenged { request, .. } | Self::Served { request, .. } | Self::Refused { request, .. } => {
                Some(*request)
            }
            Self::Answered { .. } | Self::Downloaded { .. } => None,
        }
    }

    /// The connection that it is about, if it is about one.
    pub const fn connection(&self) -> Option<ConnectionId> {
        match (self, self.request()) {
            (Self::Answered { connection, .. }, _) => Some(*connection),
            (_, Some(request)) => Some(request.connection),
            _ => None,
        }
    }
}
