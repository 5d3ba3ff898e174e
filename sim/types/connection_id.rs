//! Names of connections and of the requests on them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One connection between two actors, the same at both of its ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// One request: its connection and its place on it, counted from 1.
///
/// HTTP/1.1 without pipelining answers in order, so both ends count to the same number (rule 77).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RequestId {
    /// The connection that carries the request.
    pub connection: ConnectionId,
    /// The request's place on the connection, counted from 1.
    pub ordinal: u32,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.connection, self.ordinal)
    }
}
