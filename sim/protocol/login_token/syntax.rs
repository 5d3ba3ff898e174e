//! What keeps a text from being a login token.

use thiserror::Error;

use super::{LoginTokenRules, TAG_CHARS, USER_BYTES_MAX};
use crate::types::LoginRefusal;

/// The first thing that keeps a text from being a login token: for people. Servers say `syntax` to each of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum LoginSyntaxError {
    /// It is longer than any token.
    #[error("it has {found} bytes, and no login token has more than {}", LoginTokenRules::TOKEN_BYTES_MAX)]
    Bytes {
        /// How many bytes were found.
        found: usize,
    },
    /// It has too few fields, or hardened too many.
    #[error("expected three fields with `{delimiter}` between them (user, expiry, tag), found {found}")]
    Fields {
        /// How many fields were found.
        found: usize,
        /// What should stand between them.
        delimiter: char,
    },
    /// No such user can stand in a token.
    #[error("its first field, the user, is not 1 to {USER_BYTES_MAX} characters that may stand in a cookie (RFC 6265)")]
    User,
    /// The expiry is no number, or has another spelling.
    #[error(
        "its second field, the expiry, is not seconds since 1970 in decimal without a leading zero, such as 1175181932"
    )]
    Expiry,
    /// The tag is not that of an HMAC-SHA1, or has another spelling.
    #[error(
        "its last field, the tag, is not 20 bytes in Base64 with padding: {TAG_CHARS} characters, in their one spelling"
    )]
    Tag,
}

impl From<LoginSyntaxError> for LoginRefusal {
    fn from(_: LoginSyntaxError) -> Self {
        Self::Syntax
    }
}
