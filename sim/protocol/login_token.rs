//! The login token of a portal: `user|expiry|base64(HMAC-SHA1(key, "user|expiry|"))` (rules 79 to 83).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use memchr::{memchr, memrchr};
use thiserror::Error;

use super::LoginTokenKey;
use crate::{
    crypto::hmac_sha1,
    types::{Bug, LoginRefusal, Profile, UnixSeconds},
};

const USER_BYTES_MAX: usize = 64;
/// Of 64 bits, in decimal.
const EXPIRY_BYTES_MAX: usize = 20;
/// Of a tag's twenty bytes, in Base64.
const TAG_CHARS: usize = 28;

/// How a portal makes and reads its login tokens: all of its servers must agree on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoginTokenRules {
    delimiter: u8,
    profile: Profile,
}

/// What a login token says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginToken {
    /// Whom it logs in.
    pub user: String,
    /// From this second on, by the clock of whoever reads it, it is of no use.
    pub expires: UnixSeconds,
}

/// Why there can be no such rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error(
    "{found:?} cannot be the delimiter of login tokens: expected a punctuation mark that neither Base64 nor cookies use"
)]
pub struct LoginTokenRulesError {
    /// What was to be the delimiter.
    pub found: char,
}

/// Why nobody makes a login token for a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NoLoginToken {
    /// A token has to fit into a cookie.
    #[error("expected a user id of 1 to {USER_BYTES_MAX} characters that may stand in a cookie (RFC 6265)")]
    UserId,
    /// Whoever reads the token would take the id for two fields (hardened, attack 28).
    #[error("the user id has the delimiter of login tokens in it")]
    Delimiter,
}

/// The parts of a token, before anything is believed.
struct Parts<'a> {
    user: &'a str,
    expires: UnixSeconds,
    /// What the tag is over.
    signed: &'a str,
    tag: [u8; hmac_sha1::TAG_BYTES],
}

impl LoginTokenRules {
    /// No token is longer, in bytes: whatever is, is refused unread.
    pub const TOKEN_BYTES_MAX: usize = USER_BYTES_MAX + 1 + EXPIRY_BYTES_MAX + 1 + TAG_CHARS;

    /// The usual delimiter.
    pub const DELIMITER: char = '|';

    /// The rules of a profile, with this delimiter.
    ///
    /// # Errors
    /// If a token with it could not be read, or not be sent.
    pub fn new(profile: Profile, delimiter: char) -> Result<Self, LoginTokenRulesError> {
        let error = LoginTokenRulesError { found: delimiter };
        let byte = u8::try_from(delimiter).map_err(|_| error)?;
        let is_in_base64 = matches!(byte, b'+' | b'/' | b'=');
        let is_free = byte.is_ascii_punctuation() && is_cookie_octet(byte) && !is_in_base64;
        is_free.then_some(Self { delimiter: byte, profile }).ok_or(error)
    }

    /// Makes a token for a user that lives for `lifetime` from `now` on, by the clock of whoever makes it.
    ///
    /// # Errors
    /// If the user's id cannot stand in a token.
    pub fn issue(
        &self,
        key: &LoginTokenKey,
        user: &str,
        now: UnixSeconds,
        lifetime: Duration,
    ) -> Result<(String, LoginToken), NoLoginToken> {
        self.check_user(user)?;
        let (expires, delimiter) = (now.after(lifetime), char::from(self.delimiter));
        let mut text = format!("{user}{delimiter}{}{delimiter}", expires.0);
        let tag = hmac_sha1::tag(key.digits(), self.covered(user, &text).as_bytes());
        STANDARD.encode_string(tag, &mut text);
        Ok((text, LoginToken { user: user.to_owned(), expires }))
    }

    /// Reads a token and believes it, if it is one, was made under this key, and `now` is before the second of its expiry.
    /// There is no leeway.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn verify(&self, key: &LoginTokenKey, text: &str, now: UnixSeconds) -> Result<LoginToken, LoginRefusal> {
        let Parts { user, expires, signed, tag } = self.parts(text).ok_or(LoginRefusal::Syntax)?;
        let covered = self.covered(user, signed).as_bytes();
        if !Bug::LoginTagUnchecked.is_planted() && !hmac_sha1::is_tag(key.digits(), covered, &tag) {
            return Err(LoginRefusal::BadTag);
        }
        let last_second = u64::from(Bug::LoginSecondTooLong.is_planted());
        if now.0 >= expires.0.saturating_add(last_second) && !Bug::LoginExpiryIgnored.is_planted() {
            return Err(LoginRefusal::Expired);
        }
        Ok(LoginToken { user: user.to_owned(), expires })
    }

    /// What a token says, whoever made it and whenever: for people and logs, never to let anybody in.
    ///
    /// # Errors
    /// If it is no token.
    pub fn parse(&self, text: &str) -> Result<LoginToken, LoginRefusal> {
        let Parts { user, expires, .. } = self.parts(text).ok_or(LoginRefusal::Syntax)?;
        Ok(LoginToken { user: user.to_owned(), expires })
    }

    /// Whether a token can be made for a user.
    ///
    /// # Errors
    /// If it cannot.
    pub fn check_user(&self, user: &str) -> Result<(), NoLoginToken> {
        if !(1..=USER_BYTES_MAX).contains(&user.len()) || !user.bytes().all(is_cookie_octet) {
            return Err(NoLoginToken::UserId);
        }
        if self.delimits() && user.as_bytes().contains(&self.delimiter) {
            return Err(NoLoginToken::Delimiter);
        }
        Ok(())
    }

    /// The document's form has fields and no word on what may be in them. Read as it is written there, the user is what stands
    /// before the first delimiter, the expiry what stands behind it, and the tag what stands behind the last one, over all that
    /// comes before. A user id with the delimiter in it then brings an expiry of its own (attack 28).
    fn parts<'a>(&self, text: &'a str) -> Option<Parts<'a>> {
        if text.len() > Self::TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, tag) = text.split_at_checked(memrchr(self.delimiter, text.as_bytes())? + 1)?;
        let fields = signed.strip_suffix(char::from(self.delimiter))?;
        let (user, rest) = fields.split_at_checked(memchr(self.delimiter, fields.as_bytes())?)?;
        let rest = rest.get(1..)?;
        let expiry = match memchr(self.delimiter, rest.as_bytes()) {
            Some(_) if self.delimits() => return None,
            Some(end) => rest.get(..end)?,
            None => rest,
        };
        if !(1..=USER_BYTES_MAX).contains(&user.len()) || !user.bytes().all(is_cookie_octet) {
            return None;
        }
        let is_canonical =
            expiry.bytes().all(|byte| byte.is_ascii_digit()) && (expiry == "0" || !expiry.starts_with('0'));
        let expires = UnixSeconds(expiry.parse().ok().filter(|_| is_canonical)?);
        let tag = STANDARD.decode(tag).ok()?.try_into().ok()?;
        Some(Parts { user, expires, signed, tag })
    }

    fn delimits(&self) -> bool {
        self.profile.delimits_login_tokens() && !Bug::LoginDelimiterAllowed.is_planted()
    }

    fn covered<'a>(&self, user: &str, signed: &'a str) -> &'a str {
        if Bug::LoginUserUnsigned.is_planted() { signed.get(user.len()..).unwrap_or(signed) } else { signed }
    }
}

/// What may stand in the value of a cookie (RFC 6265 section 4.1.1).
const fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

#[cfg(test)]
mod tests;
