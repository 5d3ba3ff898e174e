//! The two server kinds. What they share is in `core` and `gate`; what differs is where tokens and keys come from.

mod account_gate;
mod bearer_gate;
mod core;
mod database;
mod domain;
mod explanation;
mod gate;
mod machine;
mod site;
mod site_memory;
mod smp;
mod upstream;

pub use core::ServerSettings;
pub use database::{Database, Journal, Kept, Records};
pub use domain::Domain;
pub use machine::SharedMachine;
pub use site::{SiteServer, SiteSettings};
pub use smp::SmpServer;
