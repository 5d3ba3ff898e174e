//! What it takes to guess the key of a portal's login tokens.

use std::hint::black_box;

use super::{BenchError, Prepared};
use crate::crypto::hmac_sha1;

/// How many Login Token Keys there are: eighteen decimal digits (rule 80).
pub const LOGIN_KEYS: u64 = 10_u64.pow(18);

/// One guess, made ready: whoever has a login token computes its tag under the next key, and compares. Nothing is faster but
/// to do the same with more machines.
pub fn login_guess() -> Result<Prepared, BenchError> {
    const SIGNED: &[u8] = b"1|1175181932|";
    let tag = hmac_sha1::tag(b"000000000000000000", SIGNED);
    let mut key = 0_u64;
    Ok(Box::new(move || {
        key = key % (LOGIN_KEYS - 1) + 1;
        let (mut digits, mut rest) = ([b'0'; 18], key);
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        black_box(hmac_sha1::is_tag(black_box(&digits), SIGNED, &tag));
        Ok(())
    }))
}
