//! The `Content-Digest` field (RFC 9530 section 2), in the one form that this protocol knows (rule 34).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Why a `Content-Digest` does not vouch for a body (rule 34).
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ContentDigestError {
    /// Another algorithm, several members, parameters, or base64 that is none.
    #[error(
        "Content-Digest of {found_bytes} bytes is not understood: expected exactly one member, `sha-256=:…:` with 44 base64 characters"
    )]
    Malformed {
        /// How long the field's value is.
        found_bytes: usize,
    },
    /// The body is not the one that was digested.
    #[error("Content-Digest does not fit the body of {body_bytes} bytes: it was altered or cut short on the way")]
    Mismatch {
        /// How long the body is.
        body_bytes: usize,
    },
}

/// The field's value for a body of no bytes, as most requests have it: whoever asked for it on both ends of each would take
/// a hundredth of the time that is left beside RSA.
const OF_NOTHING: &str = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

/// The field's value for a body as it is sent.
///
/// ```
/// use countersign::protocol::content_digest;
///
/// assert_eq!(content_digest(b""), "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
/// ```
pub fn content_digest(body: &[u8]) -> String {
    if body.is_empty() {
        return OF_NOTHING.to_owned();
    }
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// Checks a field's value against a body as it arrived.
///
/// RFC 9530 lets a field list several digests and asks receivers to ignore unknown ones. Here both ends are
/// ours, so the only value accepted is the one that [`content_digest`] writes.
///
/// # Errors
/// If the value is malformed, or fits another body.
pub fn check_content_digest(value: &[u8], body: &[u8]) -> Result<(), ContentDigestError> {
    if value == content_digest(body).as_bytes() {
        Ok(())
    } else if is_well_formed(value) {
        Err(ContentDigestError::Mismatch { body_bytes: body.len() })
    } else {
        Err(ContentDigestError::Malformed { found_bytes: value.len() })
    }
}

fn is_well_formed(value: &[u8]) -> bool {
    let Some(encoded) = value.strip_prefix(b"sha-256=:").and_then(|rest| rest.strip_suffix(b":")) else { return false };
    encoded.len() == 44 && STANDARD.decode(encoded).is_ok_and(|digest| digest.len() == 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_rfc_9530_is_reproduced() {
        // Appendix B: the body ends with a line feed.
        assert_eq!(
            content_digest(b"{\"hello\": \"world\"}\n"),
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        );
    }

    #[test]
    fn only_one_spelling_is_accepted() {
        let good = content_digest(b"body");
        let text = |value: String| check_content_digest(value.as_bytes(), b"body");
        assert_eq!(text(good.clone()), Ok(()));
        for other in [
            String::new(),
            format!("{good}, {good}"),
            format!("{good},{}", content_digest(b"other")),
            format!("sha-512=:AAAA:, {good}"),
            format!("{good};x=1"),
            format!(" {good}"),
            good.replace("sha-256", "SHA-256"),
            good.replace("=:", "="),
            good.replace("=:", "=:="),
            "sha-256=:AAAA:".into(),
            "sha-256=::".into(),
            "sha-256=:".into(),
            // The right digest in hexadecimal, and without padding.
            format!("sha-256=:{}:", hex::encode(Sha256::digest(b"body"))),
            good.replace("=:", ":").replace("sha-256:", "sha-256=:"),
        ] {
            assert!(matches!(text(other.clone()), Err(ContentDigestError::Malformed { .. })), "{other}");
        }
        assert_eq!(check_content_digest(good.as_bytes(), b"bod"), Err(ContentDigestError::Mismatch { body_bytes: 3 }));
    }

    proptest! {
        #[test]
        fn spare_bits_and_any_other_bytes_are_refused(value in any::<Vec<u8>>(), body in any::<Vec<u8>>(), bit in 0..8_u32) {
            prop_assert!(check_content_digest(&value, &body).is_err());
            let mut good = content_digest(&body).into_bytes();
            prop_assert_eq!(check_content_digest(&good, &body), Ok(()));
            let at = body.len() % good.len();
            good[at] ^= 1_u8 << bit;
            prop_assert!(check_content_digest(&good, &body).is_err());
        }
    }
}
