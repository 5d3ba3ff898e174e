//! What goes wrong, and when.

use serde::{Deserialize, Serialize};

use super::{Group, MachineFault};
use crate::types::{ActorId, Authentication, BearerKind, Profile, VirtualTime};

/// One fault: what it is, when it strikes and when it is over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it strikes, in milliseconds of virtual time.
    pub at_ms: u64,
    /// When it is over, in milliseconds of virtual time. None for what has no end, such as a revocation for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// What it is.
    pub kind: FaultKind,
}

/// What a fault is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    // --- the network -----------------------------------------------------------------------------------
    /// Nothing gets from one side to the other: connecting times out, and a connection that was open across the cut
    /// is silent for ever in that direction, healed or not.
    Partition {
        /// One side.
        from: Group,
        /// The other side.
        to: Group,
        /// Whether only the way from the first to the second is cut.
        one_way: bool,
    },
    /// Bytes between two sides need longer, either way.
    Delay {
        /// One side.
        from: Group,
        /// The other side.
        to: Group,
        /// The least added time, in milliseconds.
        added_ms_min: u64,
        /// The greatest added time, in milliseconds: what lies between is drawn anew each time that bytes arrive.
        added_ms_max: u64,
    },
    /// Some of what is sent between two sides is lost, and sent again after a retransmission time-out that doubles.
    Loss {
        /// One side.
        from: Group,
        /// The other side.
        to: Group,
        /// The share lost, in parts per million.
        lost_ppm: u32,
    },
    /// All bytes between two sides share a narrow line, either way.
    SlowLink {
        /// One side.
        from: Group,
        /// The other side.
        to: Group,
        /// What the line carries in each direction, in bytes per second.
        bytes_per_s: u64,
    },
    /// The server accepts connections, and nothing that is sent to it arrives.
    BlackHole {
        /// Which server.
        server: ActorId,
    },
    /// Some requests arrive twice: a copy follows on a connection of its own, as a proxy that tries again makes it.
    Duplicate {
        /// Whose requests.
        clients: Group,
        /// The share duplicated, in parts per million.
        share_ppm: u32,
    },
    /// Some requests are held up on their way, so that later ones overtake them.
    Reorder {
        /// Whose requests.
        clients: Group,
        /// The share held up, in parts per million.
        share_ppm: u32,
        /// The longest time that one is held up, in milliseconds.
        held_ms_max: u64,
    },

    // --- machines --------------------------------------------------------------------------------------
    /// The processes end, and start again when the fault is over. Memory is lost, secure storage is kept; peers see
    /// their connections end and are refused new ones.
    Crash {
        /// Whose.
        who: Group,
    },
    /// The machines lose power, and start again when the fault is over. Nobody is told: no connection ends.
    PowerLoss {
        /// Whose.
        who: Group,
    },
    /// The server's CPU has other things to do: its work takes longer.
    Overload {
        /// Which server.
        server: ActorId,
        /// How many times as long; at least 1.
        slowdown: u32,
    },
    /// Clocks are set wrong, and set right again when the fault is over.
    ClockStep {
        /// Whose.
        who: Group,
        /// By how much, in milliseconds.
        by_ms: i64,
    },
    /// The agent's machine goes back to the memory that it had when the fault struck, once the fault is over: a
    /// snapshot of a virtual machine is restored. Its counter goes back, its uid stays (hole 7).
    Rollback {
        /// Which agent.
        agent: ActorId,
    },

    // --- administration --------------------------------------------------------------------------------
    /// The SMP signs tokens with a new key from now on. The one before is withdrawn when the fault is over, unless it is
    /// the key of the SMP's identity, which signs answers for good.
    RotateServerKey {
        /// Which key of the key pool is the new one.
        key: u32,
    },
    /// The agent gets a new key, which the SMP learns at once and site servers when they fetch it (hole 14).
    ChangeAgentKey {
        /// Which agent.
        agent: ActorId,
        /// Which key of the key pool is the new one.
        key: u32,
    },
    /// An administrator changes policy; the change is taken back when the fault is over.
    ChangePolicy {
        /// How long new tokens live, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_lifetime_s: Option<u64>,
        /// The period of validations, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        validation_period_s: Option<u64>,
        /// Which kinds of authentication servers offer (rule 30).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authentication: Option<Authentication>,
    },
    /// The site server moves to another port: another path to it (rule 12). It moves back when the fault is over.
    Move {
        /// Which site server.
        site: ActorId,
        /// The new port.
        port: u16,
    },
    /// An administrator revokes the agent, and reinstates it when the fault is over.
    Revoke {
        /// Which agent.
        agent: ActorId,
    },
    /// An administrator removes the site server, and approves it again when the fault is over.
    RemoveSite {
        /// Which site server.
        site: ActorId,
    },
    /// The actor's software changes to another profile: it starts anew with it.
    Upgrade {
        /// Which actor.
        actor: ActorId,
        /// The profile that it has from then on.
        profile: Profile,
    },

    // --- the machine around a server ---------------------------------------------------------------------
    /// Something goes wrong on the machine around a server, or somebody does something there.
    Machine {
        /// Whose machine.
        server: ActorId,
        /// What.
        what: MachineFault,
    },
    /// An administrator presses 'Update' in the portal's settings: login tokens have a new key, and none from before is
    /// accepted any more (rule 80).
    PortalUpdate {},
    /// Somebody changes the password of the ACC. The domain knows it at once, and agents with the next policy that they
    /// fetch (rule 1).
    ChangeAccPassword {},
    /// An administrator changes which kinds of authentication one server offers; the change is taken back when the fault is
    /// over.
    ChangeAuthentication {
        /// Which server.
        server: ActorId,
        /// Which kinds it offers from then on, whatever policy says for all.
        authentication: Authentication,
    },
    /// The SMP issues a bearer token and hands it out to all whose errand it is for. An administrator revokes it when the
    /// fault is over.
    BearerToken {
        /// What it is for.
        kind: BearerKind,
        /// How long it lives, in seconds; for good if nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lifetime_s: Option<u64>,
    },
}

impl Fault {
    /// When it strikes.
    pub fn at(&self) -> VirtualTime {
        VirtualTime::from_millis(self.at_ms)
    }

    /// When it is over; at the end of time if it has no end.
    pub fn until(&self) -> VirtualTime {
        self.until_ms.map_or(VirtualTime(u64::MAX), VirtualTime::from_millis)
    }

    /// Whether it lasts at an instant.
    pub fn lasts_at(&self, now: VirtualTime) -> bool {
        self.at() <= now && now < self.until()
    }
}

impl FaultKind {
    /// The names of all kinds.
    pub const NAMES: [&str; 24] = [
        "partition",
        "delay",
        "loss",
        "slow_link",
        "black_hole",
        "duplicate",
        "reorder",
        "crash",
        "power_loss",
        "overload",
        "clock_step",
        "rollback",
        "rotate_server_key",
        "change_agent_key",
        "change_policy",
        "move",
        "revoke",
        "remove_site",
        "upgrade",
        "machine",
        "portal_update",
        "change_acc_password",
        "change_authentication",
        "bearer_token",
    ];

    /// Its name in plans and scenarios.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Partition { .. } => "partition",
            Self::Delay { .. } => "delay",
            Self::Loss { .. } => "loss",
            Self::SlowLink { .. } => "slow_link",
            Self::BlackHole { .. } => "black_hole",
            Self::Duplicate { .. } => "duplicate",
            Self::Reorder { .. } => "reorder",
            Self::Crash { .. } => "crash",
            Self::PowerLoss { .. } => "power_loss",
            Self::Overload { .. } => "overload",
            Self::ClockStep { .. } => "clock_step",
            Self::Rollback { .. } => "rollback",
            Self::RotateServerKey { .. } => "rotate_server_key",
            Self::ChangeAgentKey { .. } => "change_agent_key",
            Self::ChangePolicy { .. } => "change_policy",
            Self::Move { .. } => "move",
            Self::Revoke { .. } => "revoke",
            Self::RemoveSite { .. } => "remove_site",
            Self::Upgrade { .. } => "upgrade",
            Self::Machine { .. } => "machine",
            Self::PortalUpdate {} => "portal_update",
            Self::ChangeAccPassword {} => "change_acc_password",
            Self::ChangeAuthentication { .. } => "change_authentication",
            Self::BearerToken { .. } => "bearer_token",
        }
    }

    /// Whether it must have an end: what breaks must heal.
    pub const fn must_end(&self) -> bool {
        if let Self::Machine { what, .. } = self {
            return what.must_end();
        }
        !matches!(
            self,
            Self::RotateServerKey { .. }
                | Self::ChangeAgentKey { .. }
                | Self::ChangePolicy { .. }
                | Self::Move { .. }
                | Self::Revoke { .. }
                | Self::RemoveSite { .. }
                | Self::Upgrade { .. }
                | Self::ClockStep { .. }
                | Self::PortalUpdate {}
                | Self::ChangeAccPassword {}
                | Self::ChangeAuthentication { .. }
                | Self::BearerToken { .. }
        )
    }

    /// Whether it can have an end: some things are for good.
    pub const fn may_end(&self) -> bool {
        if let Self::Machine { what, .. } = self {
            return what.may_end();
        }
        !matches!(
            self,
            Self::ChangeAgentKey { .. } | Self::Upgrade { .. } | Self::PortalUpdate {} | Self::ChangeAccPassword {}
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_plans_may_have() {
        let error = serde_json::from_str::<FaultKind>(r#"{"no_such_fault": {}}"#).unwrap_err().to_string();
        let named: Vec<_> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(named, FaultKind::NAMES);
    }
}
