//! One attacker of a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::ActorId;

/// Who attacks whom, how and when.
///
/// Every attacker has a machine of its own, on no branch. Some are insiders: an agent like others, registered with the
/// key `key` under the identity of the attacker itself, whose software breaks the rules.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackerPlan {
    /// What it does.
    pub attack: Attack,
    /// The server that it attacks, or on the way to which it sits.
    pub server: ActorId,
    /// The agent, or for attacks on site servers the site, in whose name or on whose connections it acts.
    pub victim: ActorId,
    /// When it starts, in milliseconds of virtual time.
    pub start_ms: u64,
    /// When it stops, in milliseconds of virtual time.
    pub until_ms: u64,
    /// From one attempt to the next, in milliseconds.
    pub interval_ms: u64,
    /// How many requests each attempt makes, for those that flood.
    pub burst: u32,
    /// Which key of the key pool it has of its own.
    pub key: u32,
}

/// An attack of SPEC section 4; attacks 22, 26 and 27 are faults.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attack {
    /// 1: tokens that name another algorithm, or none.
    AlgorithmConfusion,
    /// 2: tokens whose header leads to a key of the attacker's.
    KeyInjection,
    /// 3: tokens whose JSON says two things.
    AmbiguousJson,
    /// 4: tokens with too few or too many parts.
    WrongParts,
    /// 5: a captured token in another spelling.
    Respelling,
    /// 6: headers and tokens that are too large or too deep.
    Oversize,
    /// 7: a captured token whose agent signature is altered.
    AlteredAgentSignature,
    /// 8: a captured token whose server signature or payload is altered.
    AlteredServerPart,
    /// 9: a captured token, presented again to the same server.
    Replay,
    /// 10: a three-part token out of a challenge, countersigned with another key.
    StolenOffer,
    /// 11: a five-part token that is taken off the line before it arrives.
    StolenToken,
    /// 11 without a change: a whole request that is taken off the line, and sent on by the thief.
    StolenRequest,
    /// 12: a token captured on its way to one server, presented to another.
    CrossServerReplay,
    /// 13: an insider's counters that roll back, skip and jump.
    CounterTricks,
    /// 14: an insider's nonce with another uid than the token's.
    UidSubstitution,
    /// 15: on the way back, a challenge whose token is for somebody else.
    ForeignOffer,
    /// 16: on the way back, made-up 401 and 403 answers.
    SpoofedRefusal,
    /// 18: batch requests by somebody who is no site server any more, or never was.
    RogueSite,
    /// 19: on the way back, batch answers that are altered, reordered, cut short, old or another site's.
    TamperedBatch,
    /// 20: somebody who reads everything on plain connections.
    Eavesdropping,
    /// 21: requests slipped into somebody else's authenticated connection.
    Injection,
    /// 23: forged tokens in numbers.
    RegistryFlood,
    /// 24: first requests for many uids in one agent's name.
    CacheFlood,
    /// 25: connections on which requests never end.
    SlowLoris,
    /// 30: other keys in the answer to a registration.
    KeySwap,
    /// First requests in numbers, each of which costs the issuer a signature (hole 18).
    FirstRequestFlood,
    /// An agent's stolen key, used from elsewhere: what only revocation ends (S7).
    StolenKey,
    /// 28: a portal's login tokens with another user, another expiry or another tag.
    LoginForgery,
    /// 28: a user of a portal whose id has the delimiter of login tokens in it, and behind it an expiry.
    LoginDelimiter,
    /// A login token that is copied on its way, and used until it expires (rule 83).
    LoginReplay,
    /// Login tokens of its own, made with the key out of the portal's database: what only 'Update' ends (rule 80).
    LoginKeyTheft,
    /// 17: on the way back, challenges out of which the token is taken, so that agents go by what else is offered.
    StrippedChallenge,
    /// 29: a push-install token that was overheard, for something else, and after it was revoked.
    PushInstall,
    /// A bearer token that was overheard, used as its holder uses it (rule 63).
    StolenBearer,
    /// The answer of an account to a server's challenge, overheard and sent again, to the same server and to another.
    AccountReplay,
    /// Accounts with guessed passwords, and by the wrong schemes.
    AccountGuess,
    /// The password of the ACC or of the victim's machine, used from elsewhere: what only another password ends.
    StolenPassword,
    /// Bearer tokens that the issuer never signed: made up, or an overheard one altered.
    BearerForgery,
    /// A response to a peer's challenge that was overheard, sent again, and put under a new challenge (rule 50).
    PeerReplay,
}

impl Attack {
    /// Its number in SPEC section 4; none for what stands elsewhere in the SPEC.
    pub const fn number(self) -> Option<u8> {
        Some(match self {
            Self::AlgorithmConfusion => 1,
            Self::KeyInjection => 2,
            Self::AmbiguousJson => 3,
            Self::WrongParts => 4,
            Self::Respelling => 5,
            Self::Oversize => 6,
            Self::AlteredAgentSignature => 7,
            Self::AlteredServerPart => 8,
            Self::Replay => 9,
            Self::StolenOffer => 10,
            Self::StolenToken | Self::StolenRequest => 11,
            Self::CrossServerReplay => 12,
            Self::CounterTricks => 13,
            Self::UidSubstitution => 14,
            Self::ForeignOffer => 15,
            Self::SpoofedRefusal => 16,
            Self::RogueSite => 18,
            Self::TamperedBatch => 19,
            Self::Eavesdropping => 20,
            Self::Injection => 21,
            Self::RegistryFlood => 23,
            Self::CacheFlood => 24,
            Self::SlowLoris => 25,
            Self::PushInstall => 29,
            Self::KeySwap => 30,
            Self::StrippedChallenge => 17,
            Self::LoginForgery | Self::LoginDelimiter => 28,
            Self::FirstRequestFlood
            | Self::StolenKey
            | Self::LoginReplay
            | Self::LoginKeyTheft
            | Self::StolenBearer
            | Self::AccountReplay
            | Self::AccountGuess
            | Self::StolenPassword
            | Self::BearerForgery
            | Self::PeerReplay => return None,
        })
    }

    /// Whether only the issuer can be attacked in this way: what it attacks passes nobody else.
    pub const fn is_on_the_issuer(self) -> bool {
        matches!(self, Self::RogueSite | Self::TamperedBatch | Self::KeySwap)
    }

    /// Whether it is a portal that is attacked in this way.
    pub const fn is_on_a_portal(self) -> bool {
        matches!(self, Self::LoginForgery | Self::LoginDelimiter | Self::LoginReplay | Self::LoginKeyTheft)
    }

    /// Whether it is an agent with packages for others that is attacked in this way.
    pub const fn is_on_a_peer(self) -> bool {
        matches!(self, Self::PeerReplay)
    }

    /// What it can do beside sending requests.
    pub const fn power(self) -> Power {
        match self {
            Self::Respelling
            | Self::AlteredAgentSignature
            | Self::AlteredServerPart
            | Self::Replay
            | Self::StolenOffer
            | Self::CrossServerReplay
            | Self::Eavesdropping
            | Self::LoginForgery
            | Self::LoginReplay
            | Self::PushInstall
            | Self::StolenBearer
            | Self::AccountReplay
            | Self::BearerForgery
            | Self::PeerReplay => Power::Listens,
            Self::StolenToken
            | Self::StolenRequest
            | Self::ForeignOffer
            | Self::SpoofedRefusal
            | Self::TamperedBatch
            | Self::Injection
            | Self::KeySwap
            | Self::StrippedChallenge => Power::OnPath,
            Self::AlgorithmConfusion | Self::CounterTricks | Self::UidSubstitution | Self::LoginDelimiter => {
                Power::Insider
            }
            Self::StolenKey | Self::LoginKeyTheft | Self::StolenPassword => Power::HasKey,
            Self::KeyInjection
            | Self::AmbiguousJson
            | Self::WrongParts
            | Self::Oversize
            | Self::RogueSite
            | Self::RegistryFlood
            | Self::CacheFlood
            | Self::SlowLoris
            | Self::FirstRequestFlood
            | Self::AccountGuess => Power::Outsider,
        }
    }
}

/// What an attacker can do beside opening connections and sending requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Power {
    /// Nothing.
    Outsider,
    /// It reads the victim's plain connections.
    Listens,
    /// It reads and changes what goes over the victim's plain connections.
    OnPath,
    /// It is a registered agent, or has an account in the portal.
    Insider,
    /// It has the victim's private key, the one in the portal's database, or the password of an account.
    HasKey,
}
