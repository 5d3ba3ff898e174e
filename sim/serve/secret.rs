//! What an administrator shows at the door.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderMap, header::AUTHORIZATION};
use rand_core::Rng;
use tracing::info;

use super::{StateError, StateFolder};
use crate::protocol::base64url;

const FILE: &str = "admin.secret";
/// 256 bits in base64url.
const CHARS_MIN: usize = 43;

/// A bearer secret (RFC 6750).
#[derive(Clone)]
pub struct Secret {
    text: String,
}

impl Secret {
    /// The one that the folder keeps; at the first start it is drawn.
    ///
    /// # Errors
    /// If it cannot be read or written, is too short, or others may read it.
    pub fn keep_in(folder: &StateFolder, rng: &mut impl Rng) -> Result<Self, StateError> {
        if let Some(text) = folder.read(FILE)? {
            let text = text.trim().to_owned();
            if text.len() < CHARS_MIN {
                let why = format!("expected a secret of at least {CHARS_MIN} characters, found {}", text.len());
                return Err(StateError::Damaged { path: folder.path_of(FILE), why });
            }
            return Ok(Self { text });
        }
        let mut bits = [0; 32];
        rng.fill_bytes(&mut bits);
        let text = base64url::encode(&bits);
        folder.write(FILE, format!("{text}\n").as_bytes())?;
        info!(file = %folder.path_of(FILE).display(), "made a secret for the administrator's door: there was none");
        Ok(Self { text })
    }

    /// Whether a request shows it, in its one Authorization header.
    pub fn is_shown_in(&self, headers: &HeaderMap) -> bool {
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        matches!((shown.next(), shown.next()), (Some(value), None) if self.is_shown_by(value.as_bytes()))
    }

    /// Whether an Authorization header shows it. How long that takes tells nothing about the secret.
    pub fn is_shown_by(&self, authorization: &[u8]) -> bool {
        let shown = authorization.split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "));
        shown.is_some_and(|(_, shown)| verify_slices_are_equal(shown, self.text.as_bytes()).is_ok())
    }
}

// It must never reach a log.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
