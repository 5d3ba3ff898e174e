//! Ctrl-C, as a terminal sends it.

use std::process::Command;

/// Interrupts a process.
pub fn interrupt(process: u32) {
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {process}")]).status().unwrap().success());
}
