//! What the events speak of.

use serde::{Deserialize, Serialize};

use crate::types::{Epoch, Fingerprint, Jti, NodeId, Uid, Undigested, UnixSeconds};

/// What a request's Authorization header carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    /// No Authorization header (rule 15).
    Nothing,
    /// Agent and uid: a first request.
    FirstRequest,
    /// A stored token, countersigned (rule 10).
    StoredToken,
    /// The token of the challenge just received, countersigned.
    NewToken,
    /// A message signature (RFC 9421).
    Signature,
    /// A portal's login token, wherever in the request it stands.
    LoginToken,
    /// The first message of a Windows handshake: it says that an account wants to come in.
    AccountHello,
    /// The last message of a Windows handshake: an account's answer to the server's challenge.
    AccountResponse,
    /// A bearer token (rules 52, 63).
    Bearer,
    /// Whatever came to a proxy, which sends it on (rule 61).
    Forwarded,
    /// A response to a peer's challenge (rule 50).
    PeerResponse,
}

/// Why a connection ended, as its opener saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Close {
    /// Its opener was done with it.
    Done,
    /// The peer closed it.
    ByPeer,
    /// An exchange on it timed out.
    TimedOut,
    /// What came back was not understood.
    Broken,
}

/// How an agent's exchange ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Served on a connection that was authenticated before.
    ServedAuthenticated,
    /// Served with a stored token, in one step.
    ServedOneStep,
    /// Served after a challenge, in two steps.
    ServedTwoStep,
    /// Served without any authentication (rule 3).
    ServedPublic,
    /// 401 again after the answer to a challenge.
    Unauthorized,
    /// 403: the agent is deemed revoked (rule 45).
    Forbidden,
    /// 503 or 429.
    Unavailable,
    /// No connection.
    NotConnected,
    /// A time-out on a connection.
    TimedOut,
    /// The connection broke, or an answer could not be read.
    Broken,
    /// The agent did not trust the token that it was offered (rule 6).
    TokenDeclined,
    /// Served after a Windows handshake, by an account (rules 56, 60).
    ServedByAccount,
    /// There was no way to authenticate with what the agent has (rule 57).
    NoCredentials,
    /// The agent was to be talked out of tokens, and would not (hardened, attack 17).
    DowngradeRefused,
}

impl Outcome {
    /// Whether the agent got what it asked for.
    pub const fn is_served(self) -> bool {
        matches!(
            self,
            Self::ServedAuthenticated
                | Self::ServedOneStep
                | Self::ServedTwoStep
                | Self::ServedPublic
                | Self::ServedByAccount
        )
    }
}

/// The token in a challenge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Challenge {
    /// For which agent.
    pub agent: NodeId,
    /// The token's uid.
    pub uid: Uid,
    /// The token's jti.
    pub jti: Jti,
    /// The token's expiry.
    pub expires: UnixSeconds,
    /// Whether it answers a refused token.
    pub after_refusal: bool,
}

/// A five-part token as a server saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Presented {
    /// The agent that the token names.
    pub agent: NodeId,
    /// The token's uid.
    pub uid: Uid,
    /// The token's jti.
    pub jti: Jti,
    /// The counter in part four.
    pub counter: u64,
    /// Of the text of the first three parts.
    pub token: Undigested<Fingerprint>,
    /// Of the text of all five parts.
    pub countersigned: Undigested<Fingerprint>,
}

/// A registry entry after a use: "the final registry content, counter and window" (rule 47).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegistryState {
    /// The server's epoch at this start.
    pub epoch: Epoch,
    /// Whether the entry is new.
    pub is_new: bool,
    /// The highest counter accepted.
    pub highest: u64,
    /// How far the window moved.
    pub slid_by: u64,
    /// The expiry of the entry's token.
    pub expires: UnixSeconds,
    /// The lowest 64 bits of the window; bit 0 is the highest counter.
    pub window: u64,
}

/// Why something was removed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// It expired and was removed by the periodic pass (rules 13, 36, 48).
    ExpiredSweep,
    /// It was seen to have expired while in use (rule 48).
    ExpiredInUse,
    /// It was not used for too long (rule 13).
    Idle,
    /// 403 came back on it (rule 14), or the issuer gives its agent no token any more.
    Forbidden,
    /// The server turned it down with 401, and a newer one takes its place.
    Replaced,
    /// The path to the server changed (rule 12).
    PathChanged,
    /// It is not handed out any more after a replay; the agent's key stays (hardened, hole 7).
    ReplayRefused,
    /// It was evicted to make room (attack 24).
    Capacity,
    /// A newer key of the agent may be at the issuer (hardened, hole 14).
    KeyDoubted,
}

/// What a GetClientTokens request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamPurpose {
    /// One agent authenticates for the first time (rule 35).
    FirstFetch,
    /// A validation refreshes tokens (rule 37).
    Validation,
}

/// How a run of an automation job ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobOutcome {
    /// All of its steps were served.
    Done,
    /// No login token could be made for its user.
    Denied,
    /// Its login token was turned down: the steps that were left were not tried.
    Refused,
    /// The front end did not answer.
    Unreachable,
}
