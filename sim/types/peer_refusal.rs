//! Why a peer does not accept a response.

use serde::{Deserialize, Serialize};

/// One refusal, named after the check that failed (rule 50).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerRefusal {
    /// The challenge was never drawn here, was answered before, or is too old.
    UnknownChallenge,
    /// It was drawn for another path.
    AnotherDownload,
    /// The hash is not that of the key.
    WrongResponse,
}
