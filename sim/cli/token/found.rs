//! What a text is that somebody took out of a log, a header or a browser.

use crate::{
    protocol::{Credentials, SCHEME, TokenChallenge},
    types::{NodeId, Uid},
};

/// The most that is read of one text: a whole answer with its headers is well below.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// What was found; nothing in it is parsed further.
#[derive(PartialEq, Eq, Debug)]
pub enum Found {
    /// Parts with dots between them.
    Token(String),
    /// Something with `|` in it: a portal's login token.
    Login(String),
    /// The credentials of a first request, which ask for a token.
    First {
        /// Who asks.
        agent: NodeId,
        /// For which uid.
        uid: Uid,
    },
    /// A challenge without a token.
    Challenge,
}

const EXPECTED: &str = "expected a token of three or five parts, a login token, or a header with one";

/// Finds the token in a text.
pub fn find(text: &str) -> Result<Found, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("found more than {TEXT_BYTES_MAX} bytes, {EXPECTED}"));
    }
    // A private key is no token, and whoever gives one away by mistake should hear of it and see nothing of it again.
    if text.contains("PRIVATE KEY-----") {
        return Err(format!("found a private key, {EXPECTED}. Nothing of it is shown"));
    }
    if text.trim().is_empty() {
        return Err(format!("found nothing, {EXPECTED}"));
    }
    if let Some(value) = text.lines().find_map(header) {
        return of_header(value.trim());
    }
    // Terminals and mails break long lines; no token has white space.
    let text: String = text.split_whitespace().collect();
    if text.contains('|') { Ok(Found::Login(text)) } else { Ok(Found::Token(text)) }
}

/// The value of a header of our scheme, with the header's name or without, as `curl -v` shows it or not.
fn header(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(['<', '>', ' ', '\t']);
    let value = match line.split_once(':') {
        Some((name, value)) if is_authentication(name.trim()) => value.trim_start(),
        _ => line,
    };
    let is_ours = value.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME));
    is_ours.then_some(value)
}

fn is_authentication(name: &str) -> bool {
    name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("www-authenticate")
}

fn of_header(value: &str) -> Result<Found, String> {
    if let Some(credentials) = Credentials::parse(value) {
        return Ok(match credentials {
            Credentials::First { agent, uid } => Found::First { agent, uid },
            Credentials::Token(token) => Found::Token(token.to_owned()),
        });
    }
    match TokenChallenge::parse(value) {
        Some(TokenChallenge { token: Some(token), .. }) => Ok(Found::Token(token.to_owned())),
        Some(_) => Ok(Found::Challenge),
        None => Err(format!(
            "found a header of the scheme {SCHEME} that is neither credentials nor a challenge, {EXPECTED}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        let token = || Ok(Found::Token("a.b.c".to_owned()));
        for text in [
            "a.b.c",
            "  a.b\n  .c\n",
            "SMPToken a.b.c",
            "authorization: smptoken a.b.c",
            "> Authorization: SMPToken a.b.c\r\n",
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: SMPToken token=\"a.b.c\", error=\"expired_token\"\r\n\r\n",
        ] {
            assert_eq!(find(text), token(), "{text:?}");
        }
        assert_eq!(find("1|2|x="), Ok(Found::Login("1|2|x=".to_owned())));
        assert_eq!(find("WWW-Authenticate: SMPToken"), Ok(Found::Challenge));
        let first = Credentials::First { agent: NodeId::from_bits(1), uid: Uid::from_bits(2) };
        assert!(matches!(find(&first.to_value()), Ok(Found::First { .. })));
    }

    #[test]
    fn what_is_no_token_says_what_was_found_and_shows_no_key() {
        for (text, why) in [
            (" \n", "found nothing"),
            ("SMPToken a b", "neither credentials nor a challenge"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "a private key"),
            (&"x".repeat(TEXT_BYTES_MAX + 1), "more than 65536 bytes"),
        ] {
            let error = find(text).unwrap_err();
            assert!(error.contains(why) && !error.contains("MIIE"), "{error}");
        }
    }
}
