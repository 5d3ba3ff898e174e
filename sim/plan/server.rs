//! One server of a plan.

use serde::{Deserialize, Serialize};

use crate::types::{ActorId, Authentication, ClockModel, Profile};

/// What an SMP or a site server is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerPlan {
    /// Its wall clock.
    pub clock: ClockModel,
    /// How many cores its virtual CPU has.
    pub cores: u32,
    /// When it starts, in milliseconds of virtual time.
    pub start_ms: u64,
    /// Which key of the key pool it has.
    pub key: u32,
    /// Which face of the protocol it shows at first, if another than the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Which kinds of authentication it offers, if others than policy says for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// The server to which it sends agents on for what needs authentication, once they are in (rule 55).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<ActorId>,
}
