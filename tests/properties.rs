//! Plans that proptest draws, beside those of the shipped seeds: no invariant is violated, whatever goes wrong.
//!
//! `PROPTEST_CASES=1000 cargo test --release --test properties` goes further. That the property notices a bug, and leaves a
//! scenario file behind, is shown in the suite of planted bugs.

#[allow(dead_code, reason = "the suite of planted bugs uses the rest")]
mod hardship_property;

use std::{env, path::Path};

use countersign::types::Profile;

use hardship_property::every_hardship_is_withstood;

const CASES: u32 = 6;

#[track_caller]
fn holds(profile: Profile) {
    let cases = env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    every_hardship_is_withstood(profile, None, cases, folder).unwrap_or_else(|said| panic!("{said}"));
}

#[test]
fn every_hardship_is_withstood_by_the_literal_protocol() {
    holds(Profile::Literal);
}

#[test]
fn every_hardship_is_withstood_by_the_hardened_protocol() {
    holds(Profile::Hardened);
}
