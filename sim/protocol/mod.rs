//! The agent-token protocol, sans-IO: no runtime, socket, clock, entropy or file.
//!
//! Time and randomness are arguments; what happened comes back as plain values.

pub mod jwe;
mod rate_limit;
mod registry;
mod registry_table;
mod token_cache;
mod validation_schedule;
mod window;

pub use rate_limit::RateLimit;
pub use registry::{Registry, RegistrySettings, Use};
pub use token_cache::{CachedToken, Fetched, Stored, TokenCache, TokenCacheSettings, ValidationPlan};
pub use validation_schedule::ValidationSchedule;
pub use window::Window;
