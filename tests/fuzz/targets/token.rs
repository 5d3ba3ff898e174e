//! Tokens of three and of five parts: what is read is written again to the byte.

#![no_main]

use countersign::protocol::{CountersignedToken, IssuedToken, Nonce};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(token) = IssuedToken::parse(text) {
        assert_eq!(token.text(), text, "one spelling only");
        assert_eq!(text.split('.').count(), 3);
    }
    if let Some(token) = CountersignedToken::parse(text) {
        assert_eq!(token.text(), text, "one spelling only");
        assert_eq!(text.split('.').count(), 5);
        let Nonce { uid, .. } = token.nonce;
        let _ = uid == token.issued.uid;
    }
});
