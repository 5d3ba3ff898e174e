//! The values of `Authorization` and `WWW-Authenticate`: what is read and written is read again as the same.

#![no_main]

use countersign::protocol::{Credentials, TokenChallenge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(credentials) = Credentials::parse(text) {
        let written = credentials.to_value();
        assert_eq!(Credentials::parse(&written), Some(credentials));
    }
    if let Some(challenge) = TokenChallenge::parse(text) {
        let written = challenge.to_value();
        assert_eq!(TokenChallenge::parse(&written), Some(challenge));
    }
});
