//! The machine around a server, with what the plan lets happen to it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::Cast;
use crate::{
    actor::SharedMachine,
    environment::{Act, Machine, MachineSettings, PasswordPolicy},
    plan::{MachineFault, Plan},
    types::{ActorId, VirtualTime},
};

impl Cast {
    /// The machine around a server; none if the plan has none.
    pub fn machine(&self, server: ActorId) -> Option<SharedMachine> {
        let plan = self.plan.machine.as_ref()?;
        let settings = MachineSettings {
            is_smp: server == ActorId::Smp,
            worker_processes: plan.worker_processes,
            call_time: Duration::from_millis(plan.call_time_ms),
            call_timeout: Duration::from_millis(plan.call_timeout_ms),
            password_policy: PasswordPolicy { minimum_length: plan.password_minimum, complex: true },
            refresh_interval: Duration::from_secs(plan.refresh_interval_s),
            schedule: schedule(&self.plan, server),
        };
        let number = match server {
            ActorId::Site(number) => number.into(),
            _ => 0,
        };
        Some(Arc::new(Mutex::new(Machine::new(settings, self.seed.rng("machine", number)))))
    }
}

/// What happens to a server's machine, in the order of its times. Sites learn of policy by themselves.
fn schedule(plan: &Plan, server: ActorId) -> Vec<(VirtualTime, Act)> {
    let mut schedule = Vec::new();
    if server == ActorId::Smp {
        let changes = (1..).zip(plan.policy_changes(server));
        schedule.extend(changes.map(|(version, at)| (at, Act::Policy(version, plan.authentication_at(server, at)))));
    }
    for (what, from, until) in plan.machine_faults(server) {
        // It is over when the last of those that overlap is.
        let goes_on = plan.machine_faults(server).any(|(other, start, end)| {
            std::mem::discriminant(&other) == std::mem::discriminant(&what) && start <= until && until < end
        });
        let (begins, ends) = acts(what);
        schedule.push((from, begins));
        schedule.extend(ends.filter(|_| !goes_on && until < VirtualTime(u64::MAX)).map(|act| (until, act)));
    }
    schedule.sort_by_key(|(at, _)| *at);
    schedule
}

/// What happens when a fault strikes, and when it is over.
fn acts(what: MachineFault) -> (Act, Option<Act>) {
    match what {
        MachineFault::SlowManagementAgent { by_ms } => {
            (Act::SlowBy(Duration::from_millis(by_ms)), Some(Act::SlowBy(Duration::ZERO)))
        }
        MachineFault::HungManagementAgent => (Act::Hang(true), Some(Act::Hang(false))),
        MachineFault::StoppedManagementAgent => (Act::StopAgent, Some(Act::StartAgent)),
        MachineFault::SwappedModule => (Act::SwapModule, None),
        MachineFault::UnregisteredModule => (Act::UnregisterModule, Some(Act::RegisterModule)),
        MachineFault::DeletedGroup => (Act::DeleteGroup, None),
        MachineFault::MisreadPasswordPolicy { minimum } => (Act::Misread(Some(minimum)), Some(Act::Misread(None))),
        MachineFault::RefusedPasswords => (Act::RefusePasswords(true), Some(Act::RefusePasswords(false))),
    }
}
