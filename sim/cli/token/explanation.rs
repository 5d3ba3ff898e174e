//! What is told of a token.

use serde::Serialize;

use super::{
    checks::{self, Checked, Known, Outcome, SERVER_SIGNATURE},
    found::{Found, find},
    login, moment, unread,
};
use crate::{
    protocol::{Binding, CountersignedToken, IssuedToken, RefusalAnswer, content_digest},
    types::{Parameters, Profile, Refusal, UnixSeconds},
};

/// Rises when a field of the JSON form changes its meaning or goes.
const VERSION: u32 = 1;

/// The check of a login token's tag.
const TAG: &str = "tag";

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
    let said = |kind, title: String, parts, checks: Vec<Checked>| {
        let answer = checks.iter().find_map(|checked| checked.refusal).map(answer);
        Explanation { countersign_token: VERSION, kind, title, at: known.at, parts, checks, answer }
    };
    match find(text)? {
        Found::Token(text) => {
            let bytes_max = Parameters::defaults(Profile::Hardened).caps.token_bytes;
            let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
            if bytes > u64::from(bytes_max) {
                return Err(format!("the token has {bytes} bytes; servers read {bytes_max} at most (attack 6)"));
            }
            let refused = |error: crate::crypto::KeyError| error.to_string();
            if let Some(token) = CountersignedToken::parse(&text) {
                let mut parts = of_issued(&token.issued, known);
                parts.push(of_nonce(&token));
                let checks = checks::of_countersigned(&token, known).map_err(refused)?;
                let title =
                    format!("A token of five parts: issued, and signed by its agent for one use ({bytes} bytes)");
                Ok(said("five_parts", title, parts, checks))
            } else if let Some(issued) = IssuedToken::parse(&text) {
                let checks = checks::of_issued(&issued, known).map_err(refused)?;
                let title = format!("A token of three parts: issued, and not signed by its agent yet ({bytes} bytes)");
                Ok(said("three_parts", title, of_issued(&issued, known), checks))
            } else {
                Err(unread::why(&text))
            }
        }
        Found::Login(text) => {
            let token = login::read(&text)?;
            let says = vec![says("user", &token.user, None), moment_said("expires", token.expiry, known)];
            let fails = format!("ended {}", moment::away(token.expiry, known.at.wall()));
            let holds = format!("ends {}", moment::away(token.expiry, known.at.wall()));
            let has_ended = known.at >= token.expiry;
            let expiry = Checked {
                check: "expiry",
                outcome: if has_ended { Outcome::Fails } else { Outcome::Holds },
                refusal: None,
                why: if has_ended { fails } else { holds },
            };
            let tag = Checked::not_made(TAG, "only whoever has the key of the portal can tell");
            let parts = vec![Part { part: "fields", says }];
            Ok(said("login", "A login token of a portal".to_owned(), parts, vec![tag, expiry]))
        }
        Found::First { agent, uid } => {
            let says = vec![
                says("agent", &agent, Some("who asks; nothing proves it".to_owned())),
                says("uid", &uid, Some("drawn by the agent at its start".to_owned())),
            ];
            let parts = vec![Part { part: "request", says }];
            Ok(said("first_request", "A first request: it asks for a token and has none".to_owned(), parts, Vec::new()))
        }
        Found::Challenge => Ok(said(
            "challenge",
            "A challenge without a token: whoever asks must say who it is".to_owned(),
            Vec::new(),
            Vec::new(),
        )),
    }
}

fn of_issued(issued: &IssuedToken, known: &Known) -> Vec<Part> {
    let claims = &issued.claims;
    let header = vec![
        says("algorithm", &"RS256", Some("RSASSA-PKCS1-v1_5 with SHA-256".to_owned())),
        says("kid", &issued.kid, Some("the server key".to_owned())),
        says("uid", &issued.uid, Some("drawn by the agent at its start".to_owned())),
    ];
    let payload = vec![
        says("agent", &claims.sub, None),
        says("agent key", &claims.cnf.jkt, Some("alone can use it".to_owned())),
        says("audience", &claims.aud, Some("the server that it is for".to_owned())),
        says("issuer", &claims.iss, None),
        moment_said("issued", claims.iat, known),
        moment_said("expires", claims.exp, known),
        says("jti", &claims.jti, Some("its name".to_owned())),
    ];
    vec![Part { part: "header", says: header }, Part { part: "payload", says: payload }]
}

fn of_nonce(token: &CountersignedToken) -> Part {
    let uid = if token.check_uid().is_ok() { "as in the header" } else { "not that of the header" };
    let mut nonce = vec![
        says("uid", &token.nonce.uid, Some(uid.to_owned())),
        says("counter", &token.nonce.counter, Some("uses of this uid so far".to_owned())),
    ];
    nonce.extend(token.binding.iter().flat_map(of_binding));
    Part { part: "nonce", says: nonce }
}

fn of_binding(binding: &Binding) -> Vec<Said> {
    let is_empty = binding.content_digest == content_digest(b"");
    let mut bound = vec![
        says("audience", &binding.aud, Some("the server that it was signed for".to_owned())),
        says("epoch", &binding.epoch, Some("the start of that server".to_owned())),
        says("method", &binding.htm, None),
        says("target", &binding.htu, None),
        says("body digest", &binding.content_digest, is_empty.then(|| "empty".to_owned())),
    ];
    bound.extend(binding.cb.as_ref().map(|cb| says("channel", cb, Some("the TLS connection".to_owned()))));
    bound
}

fn says(what: &'static str, value: &impl ToString, means: Option<String>) -> Said {
    Said { what, value: value.to_string(), means }
}

fn moment_said(what: &'static str, moment: UnixSeconds, known: &Known) -> Said {
    let means = format!("{}, {}", moment::date(moment), moment::away(moment, known.at.wall()));
    says(what, &moment.0, Some(means))
}

/// How a server answers to a token that it turns down.
fn answer(refusal: Refusal) -> String {
    match RefusalAnswer::from(refusal) {
        RefusalAnswer::Challenge(error) => format!("401 with another token and error=\"{}\"", error.word()),
        RefusalAnswer::Forbid => format!("403 with X-SMP-NSError: {}", crate::protocol::AGENT_REVOKED),
    }
}
