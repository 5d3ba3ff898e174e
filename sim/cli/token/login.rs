//! A portal's login token as far as it can be read without its key: `user|expiry|tag`.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::types::UnixSeconds;

/// An HMAC-SHA1 has 20 bytes.
const TAG_BYTES: usize = 20;

/// The three fields.
#[derive(PartialEq, Eq, Debug)]
pub struct LoginToken {
    /// Who logs in.
    pub user: String,
    /// When it ends, by the clock of the server that made it.
    pub expiry: UnixSeconds,
}

/// Reads the fields. The tag proves nothing here.
pub fn read(text: &str) -> Result<LoginToken, String> {
    let fields: Vec<_> = text.split('|').collect();
    let [user, expiry, tag] = fields[..] else {
        return Err(format!("a login token has three fields with `|` between them, this has {}", fields.len()));
    };
    if user.is_empty() {
        return Err("the first field of the login token, the user, is empty".to_owned());
    }
    let is_plain = expiry.bytes().all(|byte| byte.is_ascii_digit());
    let expiry = expiry.parse().ok().filter(|_| is_plain).map(UnixSeconds).ok_or_else(|| {
        "the second field of the login token, the expiry, is not in seconds since 1970, such as 1175181932".to_owned()
    })?;
    match STANDARD.decode(tag) {
        Ok(tag) if tag.len() == TAG_BYTES => Ok(LoginToken { user: user.to_owned(), expiry }),
        _ => Err(format!("the third field of the login token, the tag, is not {TAG_BYTES} bytes in base64")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_the_portal_document_reads_as_a_person_would_expect() {
        let token = LoginToken { user: "1".to_owned(), expiry: UnixSeconds(1_175_181_932) };
        assert_eq!(read("1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA="), Ok(token));
    }

    #[test]
    fn what_is_no_login_token_says_which_field() {
        for (text, why) in [
            ("1|2", "this has 2"),
            ("a|b|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA=", "this has 4"),
            ("|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA=", "first field"),
            ("1|+5|b7QDEolhC7kNUDjlAlZJ7xnKqSA=", "second field"),
            ("1||b7QDEolhC7kNUDjlAlZJ7xnKqSA=", "second field"),
            ("1|1175181932|b7QDEolhC7kNUDjlAlZJ7xnKqSA", "third field"),
            ("1|1175181932|b7QD", "third field"),
        ] {
            assert!(read(text).unwrap_err().contains(why), "{text}");
        }
    }
}
