//! The vocabulary that every part shares: identifiers, instants, the two profiles, parameters and refusals.
//!
//! Nothing here decides anything. The oracle may use this module and [`crate::event`], and nothing of
//! [`crate::protocol`]: whoever judges must not share a rule with whom it judges.

mod account_scheme;
mod actor_id;
mod authentication;
mod bearer_kind;
mod bearer_refusal;
mod bug;
mod clock_model;
mod connection_id;
mod crypto_tier;
mod draw;
mod file_form;
mod fingerprint;
mod identifier;
mod interruptions;
mod lock;
mod login;
mod measured_machine;
mod module_name;
mod node_id;
mod origin;
mod parameters;
mod peer_refusal;
mod profile;
mod quantiles;
mod refusal;
mod seed_stream;
mod serde_text;
mod shard;
mod thumbprint;
mod time;
mod time_span;
mod work;

pub use account_scheme::AccountScheme;
pub use actor_id::ActorId;
pub use authentication::{Authentication, AuthenticationKind};
pub use bearer_kind::BearerKind;
pub use bearer_refusal::BearerRefusal;
pub use bug::{Bug, Planting};
pub use clock_model::{ClockModel, ClockStep, Wander};
pub use connection_id::{ConnectionId, RequestId};
pub use crypto_tier::CryptoTier;
pub use draw::{EXPONENTIAL_BITS, draw_between, draw_exponential, pick};
pub use file_form::form_of;
pub use fingerprint::{Fingerprint, Undigested};
pub use identifier::{Epoch, IdentifierError, Jti, MessageNonce, PeerChallenge, ServerChallenge, Uid};
pub use interruptions::{Interruption, Interruptions};
pub(crate) use lock::locked;
pub use login::{LoginLifetimes, LoginRefusal, LoginUse};
pub use measured_machine::MeasuredMachine;
pub use module_name::{ModuleName, ModuleNameError};
pub use node_id::{NodeId, NodeIdError};
pub use origin::{Origin, OriginError, Scheme};
pub use parameters::{Caps, Parameters};
pub use peer_refusal::PeerRefusal;
pub use profile::Profile;
pub use quantiles::Quantiles;
pub use refusal::Refusal;
pub use seed_stream::SeedStream;
pub use shard::{Shard, ShardError, ShardSource};
pub use thumbprint::Thumbprint;
pub use time::{UnixSeconds, VirtualTime, WallTime, saturating_nanos};
pub use time_span::{TimeSpan, TimeSpanError};
pub use work::{Costs, Work};
