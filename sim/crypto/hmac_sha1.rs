//! HMAC-SHA1 (RFC 2104), which login tokens are made with.
//!
//! SHA-1 no longer resists collisions, which HMAC does not need it to: nobody who lacks the key can look for any.

use hmac::{
    Hmac, KeyInit, Mac,
    digest::{Digest, Key},
};
use sha1::Sha1;

/// How long a tag is.
pub const TAG_BYTES: usize = 20;

/// The tag of a message.
pub fn tag(key: &[u8], message: &[u8]) -> [u8; TAG_BYTES] {
    keyed(key).chain_update(message).finalize().into_bytes().into()
}

/// Whether this is the tag of a message. How long that takes tells nothing about the right one.
pub fn is_tag(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    keyed(key).chain_update(message).verify_slice(tag).is_ok()
}

/// A key fills a block: a short one with zeros behind it, a long one as its hash (RFC 2104 section 2). Given so, no key can fail.
fn keyed(key: &[u8]) -> Hmac<Sha1> {
    let mut block = Key::<Hmac<Sha1>>::default();
    match block.get_mut(..key.len()) {
        Some(start) => start.copy_from_slice(key),
        None => block[..TAG_BYTES].copy_from_slice(&Sha1::digest(key)),
    }
    Hmac::new(&block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cases_of_rfc_2202_come_out() {
        let cases: [(&[u8], &[u8], &str); 4] = [
            (&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
            (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
        ];
        for (key, message, expected) in cases {
            assert_eq!(hex::encode(tag(key, message)), expected);
            assert!(is_tag(key, message, &tag(key, message)));
        }
    }

    #[test]
    fn nothing_but_the_whole_tag_is_the_tag() {
        let right = tag(b"key", b"message");
        let mut altered = right;
        altered[19] ^= 1;
        for other in [&altered[..], &right[..19], &[], &[right, right].concat()] {
            assert!(!is_tag(b"key", b"message", other));
        }
        assert!(!is_tag(b"kez", b"message", &right) && !is_tag(b"key", b"messages", &right));
    }
}
