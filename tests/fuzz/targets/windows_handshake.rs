//! The messages of Windows authentication and of `Basic`: what is read and written is read again as the same, and no
//! response proves a password that whoever made it did not know.

#![no_main]

use countersign::{
    protocol::{AccountCredentials, Password, WindowsMessage, offers},
    types::{AccountScheme, ServerChallenge},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for scheme in AccountScheme::ALL {
        let _ = offers(text, scheme);
    }
    match AccountCredentials::parse(text) {
        Some(Some(AccountCredentials::Windows(scheme, message))) => {
            assert_eq!(WindowsMessage::parse(&message.to_value(scheme), scheme), Some(message.clone()));
            assert!(offers(text, scheme) && scheme != AccountScheme::Basic);
            if let WindowsMessage::Response { account, response } = &message {
                let hash = Password::new("not known to a fuzzer").expect("it is one").hash(account);
                let challenge = ServerChallenge::from_bits(1);
                assert!(!WindowsMessage::proves(account, response, &hash, scheme, challenge));
            }
        }
        Some(Some(AccountCredentials::Basic(account))) => {
            let again = AccountCredentials::parse(&format!("Basic {}", account.to_basic()));
            assert_eq!(again, Some(Some(AccountCredentials::Basic(account))));
        }
        Some(None) | None => {}
    }
});
