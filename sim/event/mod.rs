//! What happened in a run: the one language in which actors report and in which everything else listens.
//!
//! An event states a fact that its actor did or saw, never an opinion about it. The oracle, the metrics
//! and the trace read the same stream, in the order in which things happened.

mod account;
mod bearer;
mod detail;
mod kind;
mod listener;
mod peer;
mod portal;
mod proxy;
mod subject;
mod visit;

pub use crate::environment::{Call as MachineCall, Change as MachineChange, Member, Unloading};
pub use account::{AccountReason, AccountRefusal};
pub use bearer::BearerEvent;
pub use detail::{Carried, Challenge, Close, JobOutcome, Outcome, Presented, RegistryState, Removal, UpstreamPurpose};
pub use kind::EventKind;
pub use listener::Listener;
pub use peer::PeerEvent;
pub use portal::PortalEvent;
pub use proxy::{ProxyCredentials, ProxyEvent};
pub use visit::Visit;

use serde::{Deserialize, Serialize};

use crate::types::{ActorId, VirtualTime};

/// One fact, when it became true, and whose it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// True time.
    pub at: VirtualTime,
    /// Whose doing it was.
    pub actor: ActorId,
    /// What happened.
    pub kind: EventKind,
}
