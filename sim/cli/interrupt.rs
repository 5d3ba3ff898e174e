//! Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::exit::warn;

/// Becomes true at the first Ctrl-C: what runs ends early and is reported as far as it came.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Listens for Ctrl-C from now on. A second one ends the process at once, as if nobody listened.
pub(super) fn listen() -> &'static AtomicBool {
    let heard = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Relaxed) {
            std::process::exit(130);
        }
    });
    if let Err(error) = heard {
        warn(&format!("warning: Ctrl-C will not write a report: {error}"));
    }
    &INTERRUPTED
}
