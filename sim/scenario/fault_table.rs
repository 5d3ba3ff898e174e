//! Faults in a scenario file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ClockOffset, MachineFaultTable, Ranged};
use crate::{
    plan::Group,
    types::{ActorId, AuthenticationKind, BearerKind, Profile, TimeSpan},
};

/// Something that goes wrong, or that an administrator does: when, and exactly one key that says what. Where a value is a
/// range, each repetition draws its own.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultTable {
    /// When it strikes.
    pub at: Ranged<TimeSpan>,
    /// How long it lasts. What breaks must end, by `for` or `until`; what an administrator does may be for good.
    #[serde(rename = "for")]
    pub length: Option<Ranged<TimeSpan>>,
    /// When it is over, instead of `for`.
    pub until: Option<Ranged<TimeSpan>>,
    /// How often it strikes; needs `every`. Default: once.
    #[schemars(range(min = 1, max = 30_000))]
    pub times: Option<Ranged<u32>>,
    /// The time from each strike to the next; needs `times`.
    pub every: Option<Ranged<TimeSpan>>,

    /// Nothing gets from one side to the other: connecting times out, and a connection that was open across the cut is
    /// silent for ever.
    pub partition: Option<PartitionTable>,
    /// Bytes between two sides need longer, either way.
    pub delay: Option<DelayTable>,
    /// Some of what is sent between two sides is lost, and sent again after a time-out that doubles.
    pub loss: Option<LossTable>,
    /// All bytes between two sides share a narrow line, either way.
    pub slow_link: Option<SlowLinkTable>,
    /// A server accepts connections, and nothing that is sent to it arrives.
    pub black_hole: Option<BlackHoleTable>,
    /// Some requests arrive twice.
    pub duplicate: Option<DuplicateTable>,
    /// Some requests are held up, so that later ones overtake them.
    pub reorder: Option<ReorderTable>,
    /// Processes end, and start again when the fault is over. Memory is lost, secure storage is kept.
    pub crash: Option<MachinesTable>,
    /// Machines lose power, and start again when the fault is over. No connection ends.
    pub power_loss: Option<MachinesTable>,
    /// A server's work takes longer.
    pub overload: Option<OverloadTable>,
    /// Clocks are set wrong, and set right again when the fault is over, if it ends.
    pub clock_step: Option<ClockStepTable>,
    /// An agent's machine goes back to the memory that it had when the fault struck, once the fault is over (hole 7).
    pub rollback: Option<OneAgentTable>,
    /// The SMP signs with a new key from now on; the old one is withdrawn when the fault is over, if it ends.
    pub rotate_server_key: Option<RotateServerKeyTable>,
    /// An agent gets a new key, for good (hole 14).
    pub change_agent_key: Option<OneAgentTable>,
    /// An administrator changes policy, and takes the change back when the fault is over, if it ends.
    pub change_policy: Option<ChangePolicyTable>,
    /// A site server moves to another port, and back when the fault is over, if it ends (rule 12).
    #[serde(rename = "move")]
    pub relocation: Option<MoveTable>,
    /// An administrator revokes an agent, and reinstates it when the fault is over, if it ends.
    pub revoke: Option<OneAgentTable>,
    /// An administrator removes a site server, and approves it again when the fault is over, if it ends.
    pub remove_site: Option<OneSiteTable>,
    /// An actor's software, or that of each in a group, changes to another profile, for good: it starts anew with it.
    pub upgrade: Option<UpgradeTable>,
    /// Something goes wrong on the machine around a server, or somebody does something there.
    pub machine: Option<MachineFaultTable>,
    /// An administrator presses 'Update' in the portal's settings, for good: login tokens have a new key (rule 80).
    pub portal_update: Option<PortalUpdateTable>,
    /// Somebody changes the password of the ACC, for good: agents learn of it with their next policy (rule 1).
    pub change_acc_password: Option<AccPasswordTable>,
    /// An administrator changes which kinds of authentication one server offers, and takes it back when the fault is over, if
    /// it ends.
    pub change_authentication: Option<ChangeAuthenticationTable>,
    /// The SMP issues a push-install or an ASDK token to all whose errand it is for, and an administrator revokes it when the
    /// fault is over, if it ends (rules 52, 63).
    pub bearer_token: Option<BearerTokenTable>,
}

/// A new password of the ACC. There is nothing to say about it: it is drawn.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccPasswordTable {}

/// Other kinds of authentication at one server.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAuthenticationTable {
    /// Which server.
    pub server: ActorId,
    /// Which kinds it offers from then on.
    pub authentication: Vec<AuthenticationKind>,
}

/// A bearer token.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BearerTokenTable {
    /// What it is for.
    pub kind: BearerKind,
    /// How long it lives, for an ASDK token. Default: for good.
    pub lifetime: Option<Ranged<TimeSpan>>,
}

/// A cut of the network.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionTable {
    /// One side.
    pub from: Group,
    /// The other side.
    pub to: Group,
    /// Whether only the way from the first to the second is cut. Default `false`.
    #[serde(default)]
    pub one_way: bool,
}

/// A network that needs longer.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayTable {
    /// One side.
    pub from: Group,
    /// The other side.
    pub to: Group,
    /// The added time, at most `60s`. A range makes it vary while the fault lasts.
    pub added: Ranged<TimeSpan>,
}

/// A network that loses.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossTable {
    /// One side.
    pub from: Group,
    /// The other side.
    pub to: Group,
    /// The share lost, in parts per million.
    #[schemars(range(max = 1_000_000))]
    pub lost_ppm: Ranged<u32>,
}

/// A narrow line.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowLinkTable {
    /// One side.
    pub from: Group,
    /// The other side.
    pub to: Group,
    /// What the line carries in each direction, in bytes per second.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub bytes_per_s: Ranged<u64>,
}

/// A server that never answers.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlackHoleTable {
    /// Which server.
    pub server: ActorId,
}

/// Requests that arrive twice.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateTable {
    /// Whose requests.
    pub clients: Group,
    /// The share duplicated, in parts per million.
    #[schemars(range(max = 1_000_000))]
    pub share_ppm: Ranged<u32>,
}

/// Requests that are overtaken.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReorderTable {
    /// Whose requests.
    pub clients: Group,
    /// The share held up, in parts per million.
    #[schemars(range(max = 1_000_000))]
    pub share_ppm: Ranged<u32>,
    /// The longest time that one is held up, at most `60s`.
    pub held_max: Ranged<TimeSpan>,
}

/// Machines that fail.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MachinesTable {
    /// Whose.
    pub who: Group,
}

/// A busy server.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverloadTable {
    /// Which server.
    pub server: ActorId,
    /// How many times as long its work takes.
    #[schemars(range(min = 1, max = 1000))]
    pub slowdown: Ranged<u32>,
}

/// Clocks that are set wrong.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockStepTable {
    /// Whose.
    pub who: Group,
    /// By how much, at most a day; with a minus sign backwards: `"-90s"`.
    pub by: Ranged<ClockOffset>,
}

/// An agent.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneAgentTable {
    /// Which agent.
    pub agent: ActorId,
}

/// A new server key. There is nothing to say about it: it is the next one of the key pool.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateServerKeyTable {}

/// Another policy; at least one of the keys.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePolicyTable {
    /// How long new tokens live, from `1m` to `24h`.
    pub token_lifetime: Option<Ranged<TimeSpan>>,
    /// The period of a site's cache validation.
    pub validation_period: Option<Ranged<TimeSpan>>,
    /// Which kinds of authentication servers offer.
    pub authentication: Option<Vec<AuthenticationKind>>,
}

/// Another path to a site server.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveTable {
    /// Which site server.
    pub site: ActorId,
    /// The new port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
}

/// A site server.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneSiteTable {
    /// Which site server.
    pub site: ActorId,
}

/// Other software.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpgradeTable {
    /// Whose: an actor, or a group, of which each has its own upgrade at this time.
    pub actor: Group,
    /// The profile that it has from then on.
    pub profile: Profile,
}

/// A new Login Token Key. There is nothing to say about it: it is drawn.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortalUpdateTable {}
