//! Scenario files: whatever a file says, it becomes a plan that can be run, or an error with a text.

#![no_main]

use countersign::scenario::{Overrides, Scenario};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Scenario::from_toml("fuzzed.toml", text) {
        Err(error) => assert!(!error.render(None).is_empty() && !error.render(Some(80)).is_empty()),
        Ok(scenario) => match scenario.resolve(Some(1), Overrides::default()) {
            Ok(plan) => plan.check().expect("a resolved plan can be run"),
            Err(error) => assert!(!error.to_string().is_empty()),
        },
    }
});
