//! What is known beside a token, and what came of a check.

use serde::Serialize;

use crate::{
    crypto::PublicKey,
    protocol::{AGENT_REVOKED, BearerRejection, LoginTokenKey, RefusalAnswer, ServerKeys},
    types::{Authentication, BearerRefusal, Epoch, LoginRefusal, Origin, Profile, Refusal, UnixSeconds},
};

/// The check that tells whether the issuer made the token.
pub(super) const SERVER_SIGNATURE: &str = "server signature";
/// The same of a login token.
pub(super) const TAG: &str = "tag";

/// What is known beside the token.
#[derive(Clone, Debug)]
pub struct Known {
    /// The moment at which it is looked at.
    pub at: UnixSeconds,
    /// The profile of the server; none goes by the form of the token.
    pub profile: Option<Profile>,
    /// The server keys.
    pub server_keys: Option<ServerKeys>,
    /// The agent's public key.
    pub agent_key: Option<PublicKey>,
    /// The origin of the server.
    pub origin: Option<Origin>,
    /// The server's start.
    pub epoch: Option<Epoch>,
    /// The method of the request.
    pub method: Option<String>,
    /// Path and query of the request.
    pub target: Option<String>,
    /// Which kinds of authentication policy has on.
    pub authentication: Option<Authentication>,
    /// The key of a portal's login tokens.
    pub login_key: Option<LoginTokenKey>,
    /// What stands between the fields of a login token.
    pub delimiter: Option<char>,
}

impl Known {
    /// Nothing but the moment.
    pub const fn nothing_at(at: UnixSeconds) -> Self {
        Self {
            at,
            profile: None,
            server_keys: None,
            agent_key: None,
            origin: None,
            epoch: None,
            method: None,
            target: None,
            authentication: None,
            login_key: None,
            delimiter: None,
        }
    }
}

/// A check and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Checked {
    /// What is checked.
    pub check: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// With what a server turns the token down, if it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Reason>,
    /// What was seen, or what would be needed.
    pub why: String,
}

/// What came of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It fails.
    Fails,
    /// It was not made.
    NotChecked,
}

/// Why a server turns a token down, whatever kind of token it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Reason {
    /// A token of an agent.
    Agent(Refusal),
    /// A push-install or ASDK token.
    Bearer(BearerRefusal),
    /// A login token.
    Login(LoginRefusal),
}

impl Reason {
    /// How a server answers.
    pub fn answer(self) -> String {
        match self {
            Self::Agent(refusal) => match RefusalAnswer::from(refusal) {
                RefusalAnswer::Challenge(error) => format!("401 with another token and error=\"{}\"", error.word()),
                RefusalAnswer::Forbid => format!("403 with X-SMP-NSError: {AGENT_REVOKED}"),
            },
            Self::Bearer(refusal) => {
                let (status, value) = BearerRejection::answer(refusal);
                format!("{} with WWW-Authenticate: {value}", status.as_u16())
            }
            Self::Login(_) => "401".to_owned(),
        }
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self::Agent(refusal)
    }
}

impl From<BearerRefusal> for Reason {
    fn from(refusal: BearerRefusal) -> Self {
        Self::Bearer(refusal)
    }
}

impl From<LoginRefusal> for Reason {
    fn from(refusal: LoginRefusal) -> Self {
        Self::Login(refusal)
    }
}

impl Checked {
    pub(super) fn made<R: Into<Reason>>(check: &'static str, result: Result<(), R>, holds: &str, fails: &str) -> Self {
        match result {
            Ok(()) => Self { check, outcome: Outcome::Holds, refusal: None, why: holds.to_owned() },
            Err(refusal) => {
                Self { check, outcome: Outcome::Fails, refusal: Some(refusal.into()), why: fails.to_owned() }
            }
        }
    }

    pub(super) fn held(check: &'static str, why: &str) -> Self {
        Self { check, outcome: Outcome::Holds, refusal: None, why: why.to_owned() }
    }

    pub(super) fn not_made(check: &'static str, why: &str) -> Self {
        Self { check, outcome: Outcome::NotChecked, refusal: None, why: why.to_owned() }
    }
}
