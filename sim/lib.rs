//! Countersign: a deterministic simulation of token-based authentication, and its judge.
//!
//! Agents, site servers and one issuer (the SMP) speak the whole agent-token protocol over real HTTP/1.1 bytes in a
//! simulated network. A run follows from its scenario and its seed alone: the same two give the same history, to
//! the bit. An independent oracle judges that history, and a report says what it found.
//!
//! The way of the data, each step with its module:
//!
//! 1. [`scenario`]: a small TOML file, with ranges that a seed settles;
//! 2. [`plan`]: the run spelled out as plain data, which can be printed, kept and replayed;
//! 3. [`world`]: hosts, clocks, CPUs and a network, on which the [`cast`] of the plan, [`actor`]s, run the [`protocol`] with their keys ([`crypto`]);
//! 4. [`event`]: every fact of the run, one by one, heard by
//! 5. [`oracle`], [`metrics`] and [`trace`], whose say makes
//! 6. the [`report`]. [`run`] joins 3 to 5, [`cli`] is the command.
//!
//! Around it: a [`sweep`] is many runs, [`shrink`] makes a failing plan small, [`compare`] holds two results against each other.
//!
//! The same actors on real TCP and TLS are `socket`, and `serve` makes processes of their own of them (feature `sockets`).
//!
//! [`types`] is the vocabulary of them all.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//!
//! use countersign::{
//!     run::{self, Options},
//!     scenario::{Overrides, Scenario},
//!     types::CryptoTier,
//! };
//!
//! let text = r#"
//!     description = "Three agents meet one site server."
//!     profile = "hardened"
//!     duration = "2m"
//!     sites = { count = 1 }
//!     agents = [{ count = 3, visits = { every = "30s", jitter = "5s" } }]
//! "#;
//! let scenario = Scenario::from_toml("meeting.toml", text).unwrap();
//! let modelled = Overrides { crypto: Some(CryptoTier::Modelled), ..Overrides::default() };
//! let plan = scenario.resolve(Some(7), modelled).unwrap();
//!
//! let never = AtomicBool::new(false);
//! let first = run::run(&plan, Options::new(&never, &mut |_| {})).unwrap();
//! assert!(first.judgement.violations.is_empty());
//!
//! let again = run::run(&plan, Options::new(&never, &mut |_| {})).unwrap();
//! assert_eq!(first.digest, again.digest);
//! ```
//!
//! The wire format stands in `PROTOCOL.md`, the map for whoever changes the code in `ARCHITECTURE.md`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod actor;
pub mod attack;
pub mod bench;
pub mod cast;
pub mod cli;
pub mod compare;
pub mod crypto;
pub mod environment;
pub mod event;
#[cfg(feature = "sockets")]
pub mod load;
pub mod logs;
pub mod metrics;
pub mod oracle;
pub mod plan;
pub mod protocol;
pub mod report;
pub mod run;
pub mod scenario;
#[cfg(feature = "sockets")]
pub mod serve;
pub mod shrink;
#[cfg(feature = "sockets")]
pub mod socket;
pub mod sweep;
pub mod trace;
pub mod types;
pub mod world;
