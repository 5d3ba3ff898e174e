//! The agent-token protocol, sans-IO: no runtime, socket, clock, entropy or file.
//!
//! Time and randomness are arguments; what happened comes back as plain values.

pub mod jwe;
