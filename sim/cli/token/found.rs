//! What a text is that somebody took out of a log, a header or a browser.

use serde_json::Value;

use super::message_line::{Line, read};
use crate::{
    protocol::{AccountCredentials, LoginTokenRules},
    types::{NodeId, Uid},
};

/// The most that is read of one text: a whole answer with its headers is well below.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// What was found; nothing in it is parsed further. The order of the variants is the order in which they are told of a
/// message that has several.
#[derive(PartialEq, Eq, Debug)]
pub enum Found {
    /// Parts with dots between them.
    Token(String),
    /// A portal's login token.
    Login(String),
    /// The credentials of a first request, which ask for a token.
    First {
        /// Who asks.
        agent: NodeId,
        /// For which uid.
        uid: Uid,
    },
    /// A Windows message, or name and password.
    Account(AccountCredentials),
    /// A challenge without a token.
    Challenge,
}

const EXPECTED: &str = "expected a token of three or five parts, a login token, or a header with one";

/// Finds the token in a text. With a `delimiter`, a text that has it is a login token.
pub fn find(text: &str, delimiter: Option<char>) -> Result<Found, String> {
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
    if let Some(token) = of_json(text) {
        return Ok(bare(&token, delimiter));
    }
    let lines: Vec<Line> = text.lines().filter_map(read).collect();
    if lines.is_empty() { Ok(bare(text, delimiter)) } else { of_message(text, lines, delimiter) }
}

/// Of several things, the one that says most; of several of the same, the first.
fn of_message(text: &str, lines: Vec<Line>, delimiter: Option<char>) -> Result<Found, String> {
    let (mut found, mut unread) = (None::<Found>, None);
    for line in lines {
        match line {
            Line::Has(new) if found.as_ref().is_none_or(|found| rank(&new) < rank(found)) => found = Some(new),
            Line::Unread(why) => unread = unread.or(Some(why)),
            Line::Has(_) | Line::Other => {}
        }
    }
    if let Some(found) = found {
        return Ok(found);
    }
    if let Some(why) = unread {
        return Err(format!("{why}, {EXPECTED}"));
    }
    // A portal answers with a token alone, the SMP's administrators' door with JSON.
    let body = text.split_once("\n\n").or_else(|| text.split_once("\r\n\r\n")).map_or("", |(_, body)| body.trim());
    let has_fields = body.contains(delimiter.unwrap_or(LoginTokenRules::DELIMITER));
    match of_json(body) {
        Some(token) => Ok(bare(&token, delimiter)),
        None if !body.contains(char::is_whitespace) && (has_fields || body.matches('.').count() >= 2) => {
            Ok(bare(body, delimiter))
        }
        None => Err("found a message without a token in it: one would stand behind `SMPToken`, `Bearer` or \
                     `LoginToken` in Authorization or WWW-Authenticate, in the cookie `remember`, or behind `token=` in a \
                     query"
            .to_owned()),
    }
}

const fn rank(found: &Found) -> u8 {
    match found {
        Found::Token(_) | Found::Login(_) => 0,
        Found::First { .. } => 1,
        Found::Account(_) => 2,
        Found::Challenge => 3,
    }
}

/// The token of an answer in JSON.
fn of_json(text: &str) -> Option<String> {
    let json: Value = serde_json::from_str(text).ok()?;
    Some(json.get("token")?.as_str()?.to_owned())
}

/// Terminals and mails break long lines, and no token has a line break. Nor has one of dots and base64url a space; in a login
/// token a space makes another user, and is told.
fn bare(text: &str, delimiter: Option<char>) -> Found {
    let joined: String = text.lines().map(str::trim).collect();
    if joined.contains(LoginTokenRules::DELIMITER) || delimiter.is_some_and(|delimiter| joined.contains(delimiter)) {
        Found::Login(joined)
    } else {
        Found::Token(joined.split_whitespace().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Credentials, login_authorization, with_login_token};

    const LOGIN: &str = "admin|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA=";

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        let token = || Ok(Found::Token("a.b.c".to_owned()));
        for text in [
            "a.b.c",
            "  a.b\n  .c\n",
            "a.b .c",
            "SMPToken a.b.c",
            "authorization: smptoken a.b.c",
            "Bearer a.b.c",
            "> Authorization: Bearer a.b.c\r\n",
            "> Authorization: SMPToken a.b.c\r\n",
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: SMPToken token=\"a.b.c\", error=\"expired_token\"\r\n\r\n",
            "WWW-Authenticate: SMPToken\r\nWWW-Authenticate: SMPToken token=\"a.b.c\"",
            "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"done\": true,\n \"token\": \"a.b.c\"}\n",
            "{\"done\": true,\n \"token\": \"a.b.c\"}\n",
        ] {
            assert_eq!(find(text, None), token(), "{text:?}");
        }
        assert_eq!(find("WWW-Authenticate: SMPToken", None), Ok(Found::Challenge));
        let first = Credentials::First { agent: NodeId::from_bits(1), uid: Uid::from_bits(2) };
        assert!(matches!(find(&first.to_value(), None), Ok(Found::First { .. })));
    }

    #[test]
    fn a_login_token_is_found_in_each_place_that_a_portal_has_for_it() {
        let target = with_login_token("/administration/", LOGIN);
        for text in [
            LOGIN.to_owned(),
            format!("  {}\n  {}\n", &LOGIN[..30], &LOGIN[30..]),
            login_authorization(LOGIN),
            format!("Authorization: {}", login_authorization(LOGIN)),
            format!("> authorization: {}\r\n", login_authorization(LOGIN)),
            format!("Cookie: session=x; remember={LOGIN}"),
            format!("remember={LOGIN}; session=x"),
            format!("Set-Cookie: remember={LOGIN}; Max-Age=1209600; Path=/; HttpOnly; SameSite=Lax"),
            format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:8085{target}\r\ncontent-length: 0\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"),
            format!("http://127.0.0.1:8085{target}&x=1#y"),
            target,
            format!(
                "HTTP/1.1 200 OK\r\nset-cookie: session=x; Path=/\r\nset-cookie: remember={LOGIN}; Max-Age=9; Path=/\r\n\r\n<p>a | b</p>"
            ),
            format!("HTTP/1.1 200 OK\r\nContent-Length: 48\r\n\r\n{LOGIN}"),
        ] {
            assert_eq!(find(&text, None), Ok(Found::Login(LOGIN.to_owned())), "{text}");
        }
        let other = LOGIN.replace('|', "!");
        assert_eq!(find(&other, Some('!')), Ok(Found::Login(other.clone())));
        assert_eq!(find(&other, None), Ok(Found::Token(other)));
        // A space is no line break: it is for whoever reads the token to say what it thinks of it.
        assert_eq!(find("bob smith|1|x", None), Ok(Found::Login("bob smith|1|x".to_owned())));
    }

    #[test]
    fn what_is_no_token_says_what_was_found_and_shows_no_key() {
        for (text, why) in [
            (" \n", "found nothing"),
            ("SMPToken a b", "neither credentials nor a challenge"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "a private key"),
            (&"x".repeat(TEXT_BYTES_MAX + 1), "more than 65536 bytes"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", "a message without a token in it"),
            ("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\n\r\n", "a message without a token in it"),
            ("HTTP/1.1 401 Unauthorized\nset-cookie: remember=; Max-Age=0; Path=/\n\n", "without a token in it"),
            ("Authorization: Digest x", "a message without a token in it"),
            ("Authorization: Basic %%MIIE", "credentials of Basic that cannot be read"),
            ("Negotiate TlRMTVNTUAABMIIE", "credentials of Negotiate that cannot be read"),
        ] {
            let error = find(text, None).unwrap_err();
            assert!(error.contains(why) && !error.contains("MIIE"), "{error}");
        }
    }
}
