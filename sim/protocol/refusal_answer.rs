//! What each refusal looks like on the wire (the table of SPEC section 1; rules 45 and 46).

use super::ChallengeError;
use crate::types::Refusal;

/// The value of `X-SMP-NSError` that tells an agent that it is revoked (rule 45).
pub const AGENT_REVOKED: &str = "0x80077003";

/// How a server answers a refused token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusalAnswer {
    /// 401 with a new token and this error (rule 46).
    Challenge(ChallengeError),
    /// 403 with [`AGENT_REVOKED`] (rule 45).
    Forbid,
}

impl From<Refusal> for RefusalAnswer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Syntax
            | Refusal::UnknownServerKey
            | Refusal::BadServerSignature
            | Refusal::AgentKeyNotCached
            | Refusal::UidMismatch
            | Refusal::WrongAudience
            | Refusal::WrongBinding => Self::Challenge(ChallengeError::InvalidToken),
            Refusal::UnknownAgent | Refusal::AgentRevoked | Refusal::BadAgentSignature => Self::Forbid,
            Refusal::Expired | Refusal::StaleEpoch | Refusal::BelowPurgeHighWater => {
                Self::Challenge(ChallengeError::ExpiredToken)
            }
            Refusal::CounterUsed | Refusal::CounterBelowWindow | Refusal::CounterBeyondJumpCap => {
                Self::Challenge(ChallengeError::ReplayedToken)
            }
        }
    }
}
