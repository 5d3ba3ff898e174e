//! The machine around each server of a plan, and what goes wrong on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Plan;
use crate::types::{ActorId, VirtualTime};

/// What the machine around a server is like: the same for all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachinePlan {
    /// How many worker processes the web server has, each with the module in it (rule 19).
    pub worker_processes: u32,
    /// How long a call of the management agent takes, in milliseconds.
    pub call_time_ms: u64,
    /// How long a module waits for an answer of the management agent, in milliseconds (rule 20).
    pub call_timeout_ms: u64,
    /// The least length that Windows asks of passwords (rule 67).
    pub password_minimum: u32,
    /// The time from one look at account and group to the next, in seconds (rule 66).
    pub refresh_interval_s: u64,
}

impl Default for MachinePlan {
    /// As a scenario has it that says no more than that there is a machine.
    fn default() -> Self {
        Self {
            worker_processes: 4,
            call_time_ms: 1,
            call_timeout_ms: 5_000,
            password_minimum: 14,
            refresh_interval_s: 21_600,
        }
    }
}

/// What goes wrong on a machine, or what somebody does there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MachineFault {
    /// Calls of the management agent take longer.
    SlowManagementAgent {
        /// By how much, in milliseconds.
        by_ms: u64,
    },
    /// The management agent takes calls and never answers. It keeps its memory.
    HungManagementAgent,
    /// The management agent's process ends, and starts with empty memory when the fault is over. Worker processes and their
    /// connections go on.
    StoppedManagementAgent,
    /// Setup puts a new module in the place of the old one (rules 23, 29).
    SwappedModule,
    /// Somebody unregisters the module by hand, and registers it again when the fault is over, if it ends (rule 28).
    UnregisteredModule,
    /// Somebody deletes the local group (rule 70).
    DeletedGroup,
    /// The management agent misreads how long passwords must be (rule 69).
    MisreadPasswordPolicy {
        /// What it reads.
        minimum: u32,
    },
    /// Windows refuses every password (rule 68).
    RefusedPasswords,
}

/// The name of a [`MachineFault`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MachineFaultKind {
    /// Calls of the management agent take longer; needs `by`.
    SlowManagementAgent,
    /// The management agent takes calls and never answers. It keeps its memory.
    HungManagementAgent,
    /// The management agent ends, and starts with empty memory when the fault is over. Connections go on.
    StoppedManagementAgent,
    /// Setup puts a new module in the place of the old one, under load or not.
    SwappedModule,
    /// Somebody unregisters the module by hand, and registers it again when the fault is over, if it ends.
    UnregisteredModule,
    /// Somebody deletes the local group.
    DeletedGroup,
    /// The management agent misreads how long passwords must be; needs `minimum`.
    MisreadPasswordPolicy,
    /// Windows refuses every password.
    RefusedPasswords,
}

impl MachineFaultKind {
    /// As scenarios spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowManagementAgent => "slow_management_agent",
            Self::HungManagementAgent => "hung_management_agent",
            Self::StoppedManagementAgent => "stopped_management_agent",
            Self::SwappedModule => "swapped_module",
            Self::UnregisteredModule => "unregistered_module",
            Self::DeletedGroup => "deleted_group",
            Self::MisreadPasswordPolicy => "misread_password_policy",
            Self::RefusedPasswords => "refused_passwords",
        }
    }
}

impl MachineFault {
    /// Its name in plans and scenarios.
    pub const fn name(self) -> &'static str {
        self.kind().name()
    }

    /// What it is, however strong.
    pub const fn kind(self) -> MachineFaultKind {
        match self {
            Self::SlowManagementAgent { .. } => MachineFaultKind::SlowManagementAgent,
            Self::HungManagementAgent => MachineFaultKind::HungManagementAgent,
            Self::StoppedManagementAgent => MachineFaultKind::StoppedManagementAgent,
            Self::SwappedModule => MachineFaultKind::SwappedModule,
            Self::UnregisteredModule => MachineFaultKind::UnregisteredModule,
            Self::DeletedGroup => MachineFaultKind::DeletedGroup,
            Self::MisreadPasswordPolicy { .. } => MachineFaultKind::MisreadPasswordPolicy,
            Self::RefusedPasswords => MachineFaultKind::RefusedPasswords,
        }
    }

    /// Whether it must have an end: what breaks must heal.
    pub const fn must_end(self) -> bool {
        !matches!(self, Self::SwappedModule | Self::UnregisteredModule | Self::DeletedGroup)
    }

    /// Whether it can have an end.
    pub const fn may_end(self) -> bool {
        !matches!(self, Self::SwappedModule | Self::DeletedGroup)
    }
}

impl Plan {
    /// What happens to the machine of a server by itself, in the order in which the plan tells of it: from when to when.
    pub fn machine_faults(&self, server: ActorId) -> impl Iterator<Item = (MachineFault, VirtualTime, VirtualTime)> {
        self.faults.iter().filter_map(move |fault| match fault.kind {
            super::FaultKind::Machine { server: struck, what } if struck == server => {
                Some((what, fault.at(), fault.until()))
            }
            _ => None,
        })
    }

    /// When what policy says of a server changes at the SMP, its start included.
    pub fn policy_changes(&self, of: ActorId) -> Vec<VirtualTime> {
        let is_change = |kind: &super::FaultKind| match kind {
            super::FaultKind::ChangePolicy { .. } => true,
            super::FaultKind::ChangeAuthentication { server, .. } => *server == of,
            _ => false,
        };
        let changes = self.faults.iter().filter(|fault| is_change(&fault.kind));
        let ends = changes.flat_map(|fault| [fault.at(), fault.until()]).filter(|at| *at < VirtualTime(u64::MAX));
        let mut times: Vec<_> = ends.chain([VirtualTime::ZERO]).collect();
        times.sort_unstable();
        times.dedup();
        times
    }
}
