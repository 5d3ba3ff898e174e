//! The machine around each server.

use super::{DAY_S, inside, within};
use crate::{
    plan::{MachineFault, MachinePlan, Plan, PlanError},
    types::ActorId,
};

const PASSWORD_MAX: u64 = 1_024;

impl Plan {
    pub(super) fn check_machine(&self) -> Result<(), PlanError> {
        let Some(machine) = &self.machine else { return Ok(()) };
        let MachinePlan { worker_processes, call_time_ms, call_timeout_ms, password_minimum, refresh_interval_s } =
            machine;
        let check = || {
            within("worker_processes", (*worker_processes).into(), 1..=1_024, "", "somebody must take requests")?;
            within("call_time_ms", *call_time_ms, 0..=60_000, "ms", "")?;
            within("call_timeout_ms", *call_timeout_ms, 1..=60_000, "ms", "a module must not wait for ever")?;
            within("password_minimum", (*password_minimum).into(), 0..=PASSWORD_MAX, "", "")?;
            within("refresh_interval_s", *refresh_interval_s, 60..=DAY_S, "s", "the setting is in minutes")
        };
        check().map_err(|error| inside("machine", error))
    }

    pub(super) fn check_machine_fault(&self, server: ActorId, what: MachineFault) -> Result<(), PlanError> {
        self.check_server_named("server", server)?;
        if self.machine.is_none() {
            return Err(PlanError::new("", "no machine", "a plan with a machine around its servers")
                .help("give the scenario a `[machine]` table; an empty one has the usual settings"));
        }
        match what {
            MachineFault::SlowManagementAgent { by_ms } => within("by_ms", by_ms, 1..=600_000, "ms", ""),
            MachineFault::MisreadPasswordPolicy { minimum } => {
                within("minimum", minimum.into(), 0..=PASSWORD_MAX, "", "a length of passwords")
            }
            _ => Ok(()),
        }
    }
}
