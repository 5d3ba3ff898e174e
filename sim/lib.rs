//! Countersign: a deterministic simulation and load-test harness for token-based authentication.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod crypto;
pub mod event;
pub mod oracle;
pub mod plan;
pub mod protocol;
pub mod trace;
pub mod types;
