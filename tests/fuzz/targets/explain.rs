//! What `countersign token explain` reads: any text is explained, or turned down in one line without control characters.

#![no_main]

use countersign::{
    cli::token::{Known, explain},
    types::{Authentication, UnixSeconds},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let known = Known {
        at: UnixSeconds(1_767_600_060),
        profile: None,
        server_keys: None,
        agent_key: None,
        origin: "http://site-1".parse().ok(),
        epoch: None,
        method: Some("GET".to_owned()),
        target: Some("/Altiris/x".to_owned()),
        authentication: Some(Authentication::TOKENS),
        delimiter: None,
        login_key: None,
    };
    match explain(text, &known) {
        Ok(explanation) => assert_eq!(explain(text, &known), Ok(explanation)),
        Err(why) => assert!(!why.chars().any(char::is_control), "{why:?}"),
    }
});
