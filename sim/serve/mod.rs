//! Real servers: what stands around the actors of [`socket`](crate::socket) when they run as processes of their own.
//!
//! Configuration, the state that outlives a process, log lines, figures and the administrator's door. Threads, signals
//! and entropy are the command line's (`cli/serve/`).

pub mod config;

mod admin;
mod approvals;
mod audience;
mod bearer_tokens;
mod door;
mod figures;
mod health;
mod identity;
mod key_rotation;
mod login_figures;
mod narrator;
mod node_journal;
mod portal_admin;
mod portal_state;
mod process;
mod records;
mod secret;
mod site_state;
mod smp_records;
mod smp_state;
mod sparingly;
mod state_error;
mod state_file;
mod state_folder;
mod waiting;
mod witness;

pub use admin::{Admin, Reload};
pub use approvals::ApprovedSites;
pub use audience::{Audience, OnRegistered};
pub use bearer_tokens::{BearerOrder, IssuedBearer, IssuedBearers};
pub use door::{BindError, Door, SideDoor};
pub use figures::{Counted, Figures};
pub use health::Health;
pub use key_rotation::NextKey;
pub use node_journal::{Extent, KnownNode, NodeJournal};
pub use portal_admin::PortalAdmin;
pub use portal_state::PortalState;
pub use records::RECORDS;
pub use secret::Secret;
pub use site_state::SiteState;
pub use smp_records::{ActError, Decisions, SmpRecords};
pub use smp_state::{Restored, SmpState};
pub use sparingly::Sparingly;
pub use state_error::StateError;
pub use state_folder::{StateFolder, mode_of};
pub use waiting::{Knock, Waiting};
pub use witness::Witness;

use crate::crypto::{KeyError, PrivateKey};

/// Makes a new RSA-2048 key of the machine's entropy.
pub type KeySource = fn() -> Result<PrivateKey, KeyError>;
