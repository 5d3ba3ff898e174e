//! The machine around a server: web server, module, management agent, local account and group (rules 16, 19, 20, 22 to 30
//! and 64 to 78).
//!
//! State machines without input or output: time and randomness are arguments, and what happens comes back as [`Change`]s.
//!
//! | rule | file |
//! |---|---|
//! | 19, 26, 28, 29 | `web_server` |
//! | 20 | `management_agent` |
//! | 22 to 25 | `setup` |
//! | 27 | `host_configuration` |
//! | 64 to 68 | `account`, `password` |
//! | 69 | `dump` |
//! | 70 | `group` |
//! | 71 to 74 | `access` |
//!
//! [`Machine`] joins them, and takes what happens to them from a schedule. Whoever judges a run shares none of this.

mod access;
mod account;
mod change;
mod dump;
mod group;
mod host_configuration;
mod machine;
mod management_agent;
mod password;
mod settings;
mod setup;
mod web_server;

pub use access::{ComMethod, Identity, LogFolder, Principal, Right, may_call};
pub use account::{Account, AccountHandle, PASSWORD_TRIES_MAX};
pub use change::{Call, Change, Member, Unloading};
pub use dump::{dump_password_policy, dump_security_settings};
pub use group::Group;
pub use host_configuration::{HostConfiguration, HostConfigurationError};
pub use machine::Machine;
pub use management_agent::{CallPlan, ManagementAgent};
pub use password::{Password, PasswordPolicy, Windows};
pub use settings::{Act, MachineSettings};
pub use setup::Setup;
pub use web_server::{Taken, WebServer};
