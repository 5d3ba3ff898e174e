//! A visit, from the side of whoever keeps time.

use crate::types::VirtualTime;

/// A visit that begins. It is no event of the run, but latency counts from when it was due, however late it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Visit {
    /// When it was due.
    pub due: VirtualTime,
    /// Since when nothing kept its agent from it: when it was due, or when the agent was done with what came before. What
    /// passes after that is the delay of whoever makes the visits; what passes before is a server's.
    pub ready: VirtualTime,
    /// Whether it is another attempt at one that failed.
    pub is_retry: bool,
}
