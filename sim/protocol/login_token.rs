//! The login token of a portal: `user|expiry|base64(HMAC-SHA1(key, "user|expiry|"))` (rules 79 to 83).

mod syntax;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use memchr::{memchr, memrchr};
use thiserror::Error;

pub use syntax::LoginSyntaxError;

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

impl LoginToken {
    /// Whether `now` is before the second of its expiry.
    ///
    /// # Errors
    /// If it is not.
    pub fn check_expiry(&self, now: UnixSeconds) -> Result<(), LoginRefusal> {
        let last_second = u64::from(Bug::LoginSecondTooLong.is_planted());
        let is_over = now.0 >= self.expires.0.saturating_add(last_second) && !Bug::LoginExpiryIgnored.is_planted();
        if is_over { Err(LoginRefusal::Expired) } else { Ok(()) }
    }
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

    /// The tag at the end of each token, in characters.
    pub const TAG_CHARS: usize = TAG_CHARS;

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
        self.check_tag(key, text)?;
        let token = self.parse(text)?;
        token.check_expiry(now)?;
        Ok(token)
    }

    /// Whether a text is a token that was made under this key.
    ///
    /// # Errors
    /// If it is none, or was made under another.
    pub fn check_tag(&self, key: &LoginTokenKey, text: &str) -> Result<(), LoginRefusal> {
        let Parts { user, signed, tag, .. } = self.parts(text)?;
        let covered = self.covered(user, signed).as_bytes();
        let is_tagged = Bug::LoginTagUnchecked.is_planted() || hmac_sha1::is_tag(key.digits(), covered, &tag);
        is_tagged.then_some(()).ok_or(LoginRefusal::BadTag)
    }

    /// What a token says, whoever made it and whenever: for people and logs, never to let anybody in.
    ///
    /// # Errors
    /// What keeps it from being a token.
    pub fn parse(&self, text: &str) -> Result<LoginToken, LoginSyntaxError> {
        let Parts { user, expires, .. } = self.parts(text)?;
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
    fn parts<'a>(&self, text: &'a str) -> Result<Parts<'a>, LoginSyntaxError> {
        if text.len() > Self::TOKEN_BYTES_MAX {
            return Err(LoginSyntaxError::Bytes { found: text.len() });
        }
        let (signed, fields, tag) = self.split_tag(text).ok_or_else(|| self.wrong_fields(text))?;
        let (user, rest) = self.split_first(fields).ok_or_else(|| self.wrong_fields(text))?;
        let expiry = match self.split_first(rest) {
            Some(_) if self.delimits() => return Err(self.wrong_fields(text)),
            Some((expiry, _)) => expiry,
            None => rest,
        };
        if !(1..=USER_BYTES_MAX).contains(&user.len()) || !user.bytes().all(is_cookie_octet) {
            return Err(LoginSyntaxError::User);
        }
        let is_canonical =
            expiry.bytes().all(|byte| byte.is_ascii_digit()) && (expiry == "0" || !expiry.starts_with('0'));
        let expires = expiry.parse().ok().filter(|_| is_canonical).ok_or(LoginSyntaxError::Expiry)?;
        let tag = STANDARD.decode(tag).ok().and_then(|tag| tag.try_into().ok()).ok_or(LoginSyntaxError::Tag)?;
        Ok(Parts { user, expires: UnixSeconds(expires), signed, tag })
    }

    /// What is signed, the same without the delimiter at its end, and the tag.
    fn split_tag<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
        let end = memrchr(self.delimiter, text.as_bytes())?;
        Some((text.get(..=end)?, text.get(..end)?, text.get(end + 1..)?))
    }

    /// The first field, and the others.
    fn split_first<'a>(&self, fields: &'a str) -> Option<(&'a str, &'a str)> {
        let end = memchr(self.delimiter, fields.as_bytes())?;
        Some((fields.get(..end)?, fields.get(end + 1..)?))
    }

    fn wrong_fields(&self, text: &str) -> LoginSyntaxError {
        let delimiter = char::from(self.delimiter);
        LoginSyntaxError::Fields { found: text.split(delimiter).count(), delimiter }
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
