//! What events say of accounts.

use serde::{Deserialize, Serialize};

/// What made an agent use an account, and no token (S10).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountReason {
    /// The resource is a UNC path.
    Unc,
    /// The server's challenge offered no token.
    NoTokenOffered,
    /// Tokens failed.
    TokenFailed,
}

/// Why a server turned an account down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRefusal {
    /// The message cannot be read, or is not one that a client sends.
    Malformed,
    /// There is no challenge on this connection that it could answer.
    NoChallenge,
    /// The domain has no such account, or none of the kind that the scheme takes.
    UnknownAccount,
    /// The answer is not that of somebody who knows the password of the day.
    WrongPassword,
    /// It is the own account of the machine of an agent that is revoked (hardened).
    Revoked,
}
