//! Facts in the words of a sentence.

use serde::Serialize;

use crate::{
    event::{Carried, Close, Outcome, Removal},
    types::Refusal,
};

/// The word that a value has in JSON, with spaces: `counter used`.
pub(super) fn plain(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => "?".to_owned(),
    }
}

/// As what, or for what, a token was refused: it stands after "refused".
pub(super) const fn refused(why: Refusal) -> &'static str {
    match why {
        Refusal::Syntax => "as unreadable",
        Refusal::UnknownServerKey => "for a server key that is unknown there",
        Refusal::BadServerSignature => "for its server signature",
        Refusal::AgentKeyNotCached => "because the site holds no key of the agent for it",
        Refusal::UnknownAgent => "because the agent is unknown",
        Refusal::AgentRevoked => "because the agent is revoked",
        Refusal::BadAgentSignature => "for its agent signature",
        Refusal::Expired => "as expired",
        Refusal::StaleEpoch => "as older than the server's latest start",
        Refusal::UidMismatch => "for its uid",
        Refusal::WrongAudience => "as meant for another server",
        Refusal::WrongBinding => "as bound to another request or connection",
        Refusal::CounterUsed => "as a replay: its counter was used before",
        Refusal::CounterBelowWindow => "as a replay: its counter lies below the window",
        Refusal::CounterBeyondJumpCap => "because its counter jumps too far",
        Refusal::BelowPurgeHighWater => "because the registry has purged its time",
    }
}

/// Why a token was removed: it stands after "removed".
pub(super) const fn removed(why: Removal) -> &'static str {
    match why {
        Removal::ExpiredSweep | Removal::ExpiredInUse => "because it has expired",
        Removal::Idle => "because it was not used for long",
        Removal::Forbidden => "because it was forbidden",
        Removal::Replaced => "because a newer one takes its place",
        Removal::PathChanged => "because the path to the server has changed",
        Removal::ReplayRefused => "because it was replayed",
        Removal::Capacity => "to make room",
        Removal::KeyDoubted => "because the agent may have a newer key",
    }
}

/// What a request carries, in a few words.
pub(super) const fn carried(carries: Carried) -> &'static str {
    match carries {
        Carried::Nothing => "no token",
        Carried::FirstRequest => "first request",
        Carried::StoredToken => "stored token",
        Carried::NewToken => "new token",
        Carried::Signature => "signed message",
        Carried::LoginToken => "login token",
        Carried::AccountHello => "account wanted",
        Carried::AccountResponse => "account answered",
        Carried::Bearer => "bearer token",
        Carried::Forwarded => "sent on",
        Carried::PeerResponse => "peer answered",
    }
}

/// How an exchange ended, where it was not served: it stands after the agent's name.
pub(super) const fn failed(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unauthorized => "was still asked for a token (401) and gave up",
        Outcome::Forbidden => "was told that it is revoked (403)",
        Outcome::Unavailable => "was turned away (503 or 429)",
        Outcome::NotConnected => "got no connection",
        Outcome::TimedOut => "waited in vain for an answer",
        Outcome::Broken => "lost the connection, or could not read the answer",
        Outcome::TokenDeclined => "gave up",
        Outcome::NoCredentials | Outcome::DowngradeRefused => "gave up",
        _ => "was served",
    }
}

/// How exchanges ended, in a count of them.
pub(super) const fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::ServedAuthenticated => "served on an authenticated connection",
        Outcome::ServedOneStep => "served in one step",
        Outcome::ServedTwoStep => "served in two steps",
        Outcome::ServedPublic => "served without a token",
        Outcome::Unauthorized => "not authorized",
        Outcome::Forbidden => "forbidden",
        Outcome::Unavailable => "turned away",
        Outcome::NotConnected => "without a connection",
        Outcome::TimedOut => "without an answer in time",
        Outcome::Broken => "broken",
        Outcome::TokenDeclined => "given up for a token that it did not trust",
        Outcome::ServedByAccount => "served by an account",
        Outcome::NoCredentials => "given up for want of credentials",
        Outcome::DowngradeRefused => "given up so as not to be talked out of tokens",
    }
}

/// Why a connection was closed.
pub(super) const fn closed(why: Close) -> &'static str {
    match why {
        Close::Done => "done",
        Close::ByPeer => "by its peer",
        Close::TimedOut => "after a time-out",
        Close::Broken => "broken",
    }
}
