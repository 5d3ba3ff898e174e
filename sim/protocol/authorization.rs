//! The `SMPToken` authentication scheme (RFC 9110 section 11): what requests and challenges carry.

use memchr::{memchr, memchr2};

use crate::types::{Epoch, NodeId, Uid};

/// The name of the scheme.
pub const SCHEME: &str = "SMPToken";

/// What an `Authorization` header carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credentials<'a> {
    /// `SMPToken agent="…", nonce="<uid>"`: the agent asks for a token.
    First {
        /// Who asks; nothing proves it.
        agent: NodeId,
        /// The uid that the agent drew.
        uid: Uid,
    },
    /// `SMPToken <five parts>`: the agent presents a token, which is still to be parsed.
    Token(&'a str),
}

impl<'a> Credentials<'a> {
    /// Reads the header's value. `None` if it is neither form of this scheme.
    pub fn parse(value: &'a str) -> Option<Self> {
        let rest = strip_scheme(value)?;
        // A token has none of these, so all of it is looked at: by what looks at many bytes at once.
        if memchr(b'"', rest.as_bytes()).is_none() {
            return memchr2(b' ', b',', rest.as_bytes()).is_none().then_some(Self::Token(rest));
        }
        let (mut agent, mut uid) = (None, None);
        for (name, value) in parameters(rest)? {
            let slot_is_free = match name {
                "agent" => agent.replace(value.parse().ok()?).is_none(),
                "nonce" => uid.replace(value.parse().ok()?).is_none(),
                _ => false,
            };
            if !slot_is_free {
                return None;
            }
        }
        Some(Self::First { agent: agent?, uid: uid? })
    }

    /// The header's value.
    pub fn to_value(&self) -> String {
        match self {
            Self::First { agent, uid } => format!(r#"{SCHEME} agent="{agent}", nonce="{uid}""#),
            Self::Token(token) => format!("{SCHEME} {token}"),
        }
    }
}

/// Why a challenge follows a presented token: the `error` parameter (compare RFC 6750 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChallengeError {
    /// The token was not understood, or not trusted.
    InvalidToken,
    /// The token's time, or its server's epoch, is over.
    ExpiredToken,
    /// The counter was used before, or is out of the window.
    ReplayedToken,
}

impl ChallengeError {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::ExpiredToken => "expired_token",
            Self::ReplayedToken => "replayed_token",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::InvalidToken, Self::ExpiredToken, Self::ReplayedToken].into_iter().find(|error| error.word() == word)
    }
}

/// A `WWW-Authenticate: SMPToken …` challenge.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TokenChallenge<'a> {
    /// The three parts of a new token; none where the server does not know for whom.
    pub token: Option<&'a str>,
    /// Why a presented token was turned down.
    pub error: Option<ChallengeError>,
    /// The server's epoch (hardened, hole 6).
    pub epoch: Option<Epoch>,
}

impl<'a> TokenChallenge<'a> {
    /// Reads the header's value. `None` if it is not a challenge of this scheme.
    pub fn parse(value: &'a str) -> Option<Self> {
        let mut challenge = Self::default();
        if value.eq_ignore_ascii_case(SCHEME) {
            return Some(challenge);
        }
        for (name, value) in parameters(strip_scheme(value)?)? {
            let slot_is_free = match name {
                "token" => challenge.token.replace(value).is_none(),
                "error" => challenge.error.replace(ChallengeError::from_word(value)?).is_none(),
                "epoch" => challenge.epoch.replace(value.parse().ok()?).is_none(),
                _ => true, // RFC 9110 section 11.6.1: unknown parameters are ignored
            };
            if !slot_is_free {
                return None;
            }
        }
        Some(challenge)
    }

    /// The header's value.
    pub fn to_value(&self) -> String {
        let mut value = SCHEME.to_owned();
        let mut separator = " ";
        let mut push = |name: &str, text: &str| {
            value.push_str(separator);
            value.push_str(name);
            value.push_str("=\"");
            value.push_str(text);
            value.push('"');
            separator = ", ";
        };
        if let Some(token) = self.token {
            push("token", token);
        }
        if let Some(error) = self.error {
            push("error", error.word());
        }
        if let Some(epoch) = self.epoch {
            push("epoch", &epoch.to_string());
        }
        value
    }
}

fn strip_scheme(value: &str) -> Option<&str> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case(SCHEME) && !rest.is_empty()).then_some(rest)
}

/// Splits `name="value", name="value"`. Nothing that we quote contains a quote or a backslash, so escapes
/// (RFC 9110 section 5.6.4) are refused.
fn parameters(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut parameters = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if !is_plain || value.contains('\\') || parameters.len() == 8 {
            return None;
        }
        parameters.push((name, value));
        let after = after.trim_start_matches(' ');
        if after.is_empty() {
            return Some(parameters);
        }
        rest = after.strip_prefix(',')?.trim_start_matches(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_back_as_they_were_written() {
        let first = Credentials::First { agent: NodeId::from_bits(1), uid: Uid::from_bits(2) };
        assert_eq!(Credentials::parse(&first.to_value()), Some(first));
        let token = Credentials::Token("a.b.c.d.e");
        assert_eq!(Credentials::parse(&token.to_value()), Some(token));
    }

    #[test]
    fn other_schemes_and_broken_parameters_are_no_credentials() {
        for value in [
            "",
            "SMPToken",
            "SMPToken ",
            "Basic abc",
            "SMPToken a b",
            "SMPToken agent=\"x\", nonce=\"y\"",
            "SMPToken agent=\"00000000-0000-0000-0000-000000000001\"",
            "SMPToken nonce=\"AAAAAAAAAAAAAAAAAAAAAA\", nonce=\"AAAAAAAAAAAAAAAAAAAAAA\"",
            "SMPToken agent=\"",
        ] {
            assert_eq!(Credentials::parse(value), None, "{value:?}");
        }
    }

    #[test]
    fn challenges_come_back_as_they_were_written() {
        for challenge in [
            TokenChallenge::default(),
            TokenChallenge { token: Some("a.b.c"), ..Default::default() },
            TokenChallenge {
                token: Some("a.b.c"),
                error: Some(ChallengeError::ReplayedToken),
                epoch: Some(Epoch::from_bits(9)),
            },
        ] {
            assert_eq!(TokenChallenge::parse(&challenge.to_value()), Some(challenge));
        }
        assert_eq!(TokenChallenge::parse("Negotiate"), None);
        assert_eq!(TokenChallenge::parse("SMPToken token=\"a\", token=\"b\""), None);
    }
}
