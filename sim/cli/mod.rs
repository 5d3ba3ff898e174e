//! The command line: the one place, with load tests, that reads real clocks and speaks to a terminal.

pub mod environment;
pub mod progress;
