//! One agent of a plan.

use serde::{Deserialize, Serialize};

use super::{AgentProxy, Visits};
use crate::types::{ActorId, ClockModel, Profile};

/// What one agent is and does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentPlan {
    /// Which branch of the network it is on, counted from 1.
    pub branch: u32,
    /// The server that it visits.
    pub server: ActorId,
    /// Its wall clock.
    pub clock: ClockModel,
    /// When it starts, in milliseconds of virtual time.
    pub start_ms: u64,
    /// When it leaves for good, in milliseconds of virtual time.
    pub leave_ms: Option<u64>,
    /// What it knows when it starts.
    pub bootstrap: Bootstrap,
    /// How often it fetches policy, in seconds; 0 if it never does.
    pub policy_interval_s: u64,
    /// When it visits its server.
    pub visits: Visits,
    /// How many requests it makes in a visit, one after the other on each connection.
    pub requests: u32,
    /// How many of these, the first ones, need no authentication (rule 3).
    pub public_requests: u32,
    /// On how many connections at the same time it makes them.
    pub connections: u32,
    /// Whether a visit opens new connections.
    pub connection_use: ConnectionUse,
    /// Which key of the key pool it has.
    pub key: u32,
    /// Which face of the protocol it shows at first, if another than the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Of which agent it is a clone, counted from 1: it has that agent's identity and key (hole 15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone_of: Option<u32>,
    /// Where what it fetches lies.
    #[serde(default, skip_serializing_if = "Codebase::is_http")]
    pub codebase: Codebase,
    /// What it does in its visits.
    #[serde(default, skip_serializing_if = "Errand::is_usual")]
    pub errand: Errand,
    /// The proxy between it and its server, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<AgentProxy>,
    /// From which other agent it downloads packages in its visits, counted from 1: it visits no server then (rule 50).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<u32>,
}

/// Where packages lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Codebase {
    /// At a path of the server, over HTTP.
    #[default]
    Http,
    /// At a UNC path of the server, such as `\\\\site-1\\packages`: file access, which takes ACC only (rule 56).
    Unc,
}

impl Codebase {
    /// Whether it is the usual one.
    pub const fn is_http(&self) -> bool {
        matches!(self, Self::Http)
    }
}

/// What is done in a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// An agent asks for what needs authentication.
    #[default]
    Requests,
    /// A program calls the server with an ASDK token, once a visit (rule 63).
    Asdk,
    /// An agent downloads a package, by whatever the server wants for it (rule 51).
    Package,
}

impl Errand {
    /// Whether it is the usual one.
    pub const fn is_usual(&self) -> bool {
        matches!(self, Self::Requests)
    }
}

/// What an agent knows when it starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bootstrap {
    /// It registers with the SMP before its first visit, as after an installation.
    Register,
    /// It registered long ago: policy and server keys are in its secure storage, as after a reboot.
    Installed,
    /// There is no agent yet: the machine fetches the installer from its server with a push-install token, and registers
    /// once it has it (rule 52).
    PushInstall,
}

/// Whether a visit opens new connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionUse {
    /// Each visit opens and closes its connections.
    New,
    /// A visit uses the connections of the one before while the server keeps them open.
    KeepAlive,
}
