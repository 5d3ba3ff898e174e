//! A portal's login tokens: what hardened reads, literal reads as the same; what is made is believed until its expiry, under
//! its key and no other.

#![no_main]

use std::time::Duration;

use countersign::{
    protocol::{LoginTokenKey, LoginTokenRules},
    types::{LoginRefusal, Profile, UnixSeconds},
};
use libfuzzer_sys::fuzz_target;

const NOW: UnixSeconds = UnixSeconds(1_767_600_000);

fn key(digits: &str) -> LoginTokenKey {
    digits.parse().expect("eighteen digits")
}

fuzz_target!(|text: &str| {
    let rules = [Profile::Literal, Profile::Hardened].map(|profile| {
        LoginTokenRules::new(profile, LoginTokenRules::DELIMITER).expect("the usual delimiter")
    });
    let [literal, hardened] = rules;
    let (ours, another) = (key("012345678901234567"), key("012345678901234568"));
    for rules in rules {
        // Nothing that is not well formed is believed, and what is believed was read before.
        if let Ok(token) = rules.verify(&ours, text, NOW) {
            assert_eq!(rules.parse(text), Ok(token));
        }
        // Any text that may be an id comes back as whom it names, but for the delimiter of a literal portal.
        if let Ok((made, token)) = rules.issue(&ours, text, NOW, Duration::from_secs(60)) {
            let last = UnixSeconds(NOW.0 + 59);
            if !text.contains(LoginTokenRules::DELIMITER) {
                assert_eq!(rules.verify(&ours, &made, last), Ok(token));
                assert_eq!(rules.verify(&ours, &made, UnixSeconds(NOW.0 + 60)), Err(LoginRefusal::Expired));
            }
            assert!(rules.verify(&another, &made, last).is_err(), "another key");
        }
    }
    if let Ok(token) = hardened.parse(text) {
        assert_eq!(literal.parse(text), Ok(token));
    }
});
