//! Why a server turned a bearer token down.

use serde::{Deserialize, Serialize};

/// One refusal, named after the check that failed. The order of the variants is the order in which servers check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BearerRefusal {
    /// It is no well-formed bearer token.
    Syntax,
    /// No trusted server key has the token's `kid` (rule 43).
    UnknownServerKey,
    /// The signature does not fit.
    BadSignature,
    /// Policy has turned its kind off.
    SwitchedOff,
    /// An administrator revoked it.
    Revoked,
    /// Its kind is not good for this path (rule 52).
    WrongPath,
    /// Its time is over.
    Expired,
}

impl BearerRefusal {
    /// All of them, in their order.
    pub const ALL: [Self; 7] = [
        Self::Syntax,
        Self::UnknownServerKey,
        Self::BadSignature,
        Self::SwitchedOff,
        Self::Revoked,
        Self::WrongPath,
        Self::Expired,
    ];
}
