//! Why a server turned a presented token down.

use serde::{Deserialize, Serialize};

/// One refusal of SPEC section 1, named after the rule that was broken. The order of the variants is
/// the order in which both server kinds check (rule 8); only whether an agent is revoked comes before
/// whether its key is known, and the counter's refusals exclude each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The token is no well-formed five-part token (attacks 1 to 6).
    Syntax,
    /// No trusted server key has the token's `kid` (rule 43).
    UnknownServerKey,
    /// The server signature does not fit (attack 8).
    BadServerSignature,
    /// A site server holds no key for this agent and uid (rule 44).
    AgentKeyNotCached,
    /// The SMP does not know this agent.
    UnknownAgent,
    /// The agent was revoked by an administrator.
    AgentRevoked,
    /// The agent signature does not fit; the agent is deemed revoked (rule 45).
    BadAgentSignature,
    /// The token's time is over.
    Expired,
    /// The token is bound to an earlier start of this server (hardened, hole 6).
    StaleEpoch,
    /// Header and nonce name different uids (attack 14).
    UidMismatch,
    /// The token was issued for, or bound to, another server (hardened, hole 11).
    WrongAudience,
    /// The token is bound to another request or connection (hardened, hole 12).
    WrongBinding,
    /// This counter was accepted before (rule 18).
    CounterUsed,
    /// The counter lies below the registry's window.
    CounterBelowWindow,
    /// The counter jumps further than the cap allows (hole 5).
    CounterBeyondJumpCap,
    /// A purge has passed this expiry, so that no record of use can remain (hardened, hole 19).
    BelowPurgeHighWater,
}
