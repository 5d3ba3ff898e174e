//! The machine around each server, in a scenario file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Ranged,
    draws::{Draws, MILLISECOND, SECOND},
    problem::Problem,
};
use crate::{
    plan::{MachineFault, MachineFaultKind, MachinePlan},
    types::{ActorId, TimeSpan},
};

/// The Windows machine around each server: worker processes with the module in each, the management agent behind them, a
/// local account and a local group. With it, every request goes through the call from module to management agent. A range
/// is drawn once per run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MachineTable {
    /// How many worker processes the web server has, each with the module in it. Default 4.
    #[schemars(range(min = 1, max = 1024))]
    pub worker_processes: Option<Ranged<u32>>,
    /// How long a call of the management agent takes. Default `1ms`.
    pub call_time: Option<Ranged<TimeSpan>>,
    /// How long a module waits for an answer of the management agent; then it answers 503. Default `5s`.
    pub call_timeout: Option<Ranged<TimeSpan>>,
    /// The least length that Windows asks of passwords. Default 14.
    #[schemars(range(max = 1024))]
    pub password_minimum: Option<Ranged<u32>>,
    /// The time from one look at account and group to the next, from `1m` to `24h`. Default `6h`.
    pub refresh_interval: Option<Ranged<TimeSpan>>,
}

impl MachineTable {
    pub(super) fn resolve(&self, draws: &Draws) -> Result<MachinePlan, Problem> {
        let count = |key: &str, range: Option<Ranged<u32>>, usual| {
            range.map_or(Ok(usual), |range| draws.count(&format!("machine.{key}"), 0, range))
        };
        let time = |key: &str, range: Option<Ranged<TimeSpan>>, unit, usual| {
            range.map_or(Ok(usual), |range| draws.time(&format!("machine.{key}"), 0, range, unit))
        };
        let usual = MachinePlan::default();
        Ok(MachinePlan {
            worker_processes: count("worker_processes", self.worker_processes, usual.worker_processes)?,
            call_time_ms: time("call_time", self.call_time, MILLISECOND, usual.call_time_ms)?,
            call_timeout_ms: time("call_timeout", self.call_timeout, MILLISECOND, usual.call_timeout_ms)?,
            password_minimum: count("password_minimum", self.password_minimum, usual.password_minimum)?,
            refresh_interval_s: time("refresh_interval", self.refresh_interval, SECOND, usual.refresh_interval_s)?,
        })
    }
}

/// Something that goes wrong on a server's machine, or that somebody does there. The scenario has a `[machine]` table.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MachineFaultTable {
    /// Which server.
    pub server: ActorId,
    /// What.
    pub what: MachineFaultKind,
    /// By how much calls take longer, for `slow_management_agent`; at most `10m`.
    pub by: Option<Ranged<TimeSpan>>,
    /// What is read as the least length of a password, for `misread_password_policy`.
    #[schemars(range(max = 1024))]
    pub minimum: Option<Ranged<u32>>,
}

impl MachineFaultTable {
    pub(super) fn resolve(&self, draws: &Draws, user: u64) -> Result<MachineFault, Problem> {
        let Self { what, by, minimum, .. } = self;
        let surplus = |key: &str| {
            Err(Problem::new(
                format!("faults.machine.{key}"),
                format!("`{key}`"),
                "nothing: this fault has no use for it",
            ))
        };
        let missing = |key: &str, expected: &str| {
            Problem::new("faults.machine", format!("no `{key}`"), format!("`{key}`, {expected}"))
        };
        if by.is_some() && *what != MachineFaultKind::SlowManagementAgent {
            return surplus("by");
        }
        if minimum.is_some() && *what != MachineFaultKind::MisreadPasswordPolicy {
            return surplus("minimum");
        }
        Ok(match what {
            MachineFaultKind::SlowManagementAgent => {
                let by = by.ok_or_else(|| missing("by", "by how much calls take longer, such as `2s`"))?;
                MachineFault::SlowManagementAgent { by_ms: draws.time("faults.machine.by", user, by, MILLISECOND)? }
            }
            MachineFaultKind::HungManagementAgent => MachineFault::HungManagementAgent,
            MachineFaultKind::StoppedManagementAgent => MachineFault::StoppedManagementAgent,
            MachineFaultKind::SwappedModule => MachineFault::SwappedModule,
            MachineFaultKind::UnregisteredModule => MachineFault::UnregisteredModule,
            MachineFaultKind::DeletedGroup => MachineFault::DeletedGroup,
            MachineFaultKind::MisreadPasswordPolicy => {
                let minimum = minimum.ok_or_else(|| missing("minimum", "the length that is read, such as 20"))?;
                MachineFault::MisreadPasswordPolicy { minimum: draws.count("faults.machine.minimum", user, minimum)? }
            }
            MachineFaultKind::RefusedPasswords => MachineFault::RefusedPasswords,
        })
    }
}
