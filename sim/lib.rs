//! Countersign: a deterministic simulation and load-test harness for token-based authentication.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod actor;
pub mod cli;
pub mod crypto;
pub mod event;
pub mod metrics;
pub mod oracle;
pub mod plan;
pub mod protocol;
pub mod report;
pub mod run;
pub mod scenario;
pub mod trace;
pub mod types;
pub mod world;
