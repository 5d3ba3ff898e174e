//! What is told of a token.

use serde::Serialize;

use super::{
    account, agent_token, bearer,
    checked::{Checked, Known, Outcome, SERVER_SIGNATURE, TAG},
    found::{Found, find},
    login, moment, unread,
};
use crate::{
    protocol::{BearerToken, CountersignedToken, IssuedToken},
    types::{Parameters, Profile, UnixSeconds},
};

/// Rises when a field of the JSON form changes its meaning or goes.
const VERSION: u32 = 1;

/// What a token is, what its parts say and what came of the checks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Explanation {
    /// The version of this form.
    pub countersign_token: u32,
    /// What it is.
    pub kind: &'static str,
    /// The same for people.
    #[serde(skip)]
    pub title: String,
    /// The moment at which it was looked at, in seconds since 1970.
    pub at: UnixSeconds,
    /// What its parts say.
    pub parts: Vec<Part>,
    /// What came of the checks, in their order.
    pub checks: Vec<Checked>,
    /// How a server answers, if a check fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// A part of a token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Part {
    /// Which one.
    pub part: &'static str,
    /// What it says.
    pub says: Vec<Said>,
}

/// Something that a part says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Said {
    /// What it is.
    pub what: &'static str,
    /// As it stands there.
    pub value: String,
    /// What that means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
}

impl Explanation {
    pub(super) fn new(
        kind: &'static str,
        title: impl Into<String>,
        parts: Vec<Part>,
        checks: Vec<Checked>,
        known: &Known,
    ) -> Self {
        let answer = checks.iter().find_map(|checked| checked.refusal).map(|reason| reason.answer());
        Self { countersign_token: VERSION, kind, title: title.into(), at: known.at, parts, checks, answer }
    }

    /// Whether it was checked that the issuer made it.
    pub fn is_examined(&self) -> bool {
        let is_of_the_issuer = |checked: &Checked| matches!(checked.check, SERVER_SIGNATURE | TAG);
        let unmade = |checked: &Checked| is_of_the_issuer(checked) && checked.outcome == Outcome::NotChecked;
        !self.checks.iter().any(unmade)
    }

    /// Whether everything that was checked holds.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|checked| checked.outcome != Outcome::Fails)
    }
}

/// Explains the token in a text.
///
/// # Errors
/// If there is none, or it cannot be read: what was found and what was expected.
pub fn explain(text: &str, known: &Known) -> Result<Explanation, String> {
    match find(text, known.delimiter)? {
        Found::Token(text) => of_parts(&text, known),
        Found::Login(text) => login::explain(&text, known),
        Found::First { agent, uid } => Ok(agent_token::first_request(agent, uid, known)),
        Found::Account(credentials) => Ok(account::explain(&credentials, known)),
        Found::Challenge => {
            let title = "A challenge without a token: whoever asks must say who it is";
            Ok(Explanation::new("challenge", title, Vec::new(), Vec::new(), known))
        }
    }
}

/// Which of the tokens with dots it is, its form alone tells.
fn of_parts(text: &str, known: &Known) -> Result<Explanation, String> {
    let bytes_max = Parameters::defaults(Profile::Hardened).caps.token_bytes;
    let bytes = text.len();
    if u64::try_from(bytes).unwrap_or(u64::MAX) > u64::from(bytes_max) {
        return Err(format!("the token has {bytes} bytes; servers read {bytes_max} at most (attack 6)"));
    }
    let told = if let Some(token) = CountersignedToken::parse(text) {
        agent_token::countersigned(&token, known)
    } else if let Some(issued) = IssuedToken::parse(text) {
        agent_token::issued(&issued, known)
    } else if let Some(token) = BearerToken::parse(text) {
        bearer::explain(&token, known)
    } else {
        return Err(login::other_delimiter(text, known).unwrap_or_else(|| unread::why(text)));
    };
    told.map_err(|error| error.to_string())
}

pub(super) fn says(what: &'static str, value: &impl ToString, means: Option<&str>) -> Said {
    Said { what, value: value.to_string(), means: means.map(str::to_owned) }
}

pub(super) fn moment_said(what: &'static str, moment: UnixSeconds, known: &Known) -> Said {
    let means = format!("{}, {}", moment::date(moment), moment::away(moment, known.at.wall()));
    says(what, &moment.0, Some(&means))
}
