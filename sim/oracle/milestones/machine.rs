//! Milestones of the machines around servers.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    event::{Event, EventKind, MachineChange, Unloading},
    plan::Milestone,
    types::{ActorId, ModuleName},
};

/// What the machines have shown so far.
#[derive(Debug, Default)]
pub(super) struct MachineMilestones {
    loaded: BTreeMap<ActorId, BTreeSet<u32>>,
    registered: BTreeMap<ActorId, ModuleName>,
    without_group: BTreeSet<ActorId>,
    /// Whose latest step was to be done with a request.
    just_left: BTreeSet<ActorId>,
}

impl MachineMilestones {
    /// The milestone that an event reaches, if it reaches one.
    pub(super) fn of(&mut self, event: &Event) -> Option<Milestone> {
        let EventKind::Machine(change) = &event.kind else { return None };
        let server = event.actor;
        let had_just_left = self.just_left.remove(&server);
        Some(match change {
            MachineChange::ModuleLoaded { worker, .. } => {
                let loaded = self.loaded.entry(server).or_default();
                let is_second = loaded.insert(*worker) && loaded.len() == 2;
                return is_second.then_some(Milestone::SeveralWorkers);
            }
            MachineChange::CallFailed { .. } => Milestone::CallFailed,
            MachineChange::ManagementAgentStarted => Milestone::ManagementAgentRestarted,
            MachineChange::ModuleRegistered { module, .. } => match self.registered.insert(server, *module) {
                Some(_) => Milestone::ModuleSwapped,
                None => Milestone::ModuleRegistered,
            },
            MachineChange::ModuleUnregistered { module } => {
                if self.registered.get(&server) != Some(module) {
                    return None;
                }
                self.registered.remove(&server);
                Milestone::ModuleUnregistered
            }
            MachineChange::RequestLeft { .. } => {
                self.just_left.insert(server);
                return None;
            }
            MachineChange::ModuleUnloaded { why: Unloading::Swapped, .. } if had_just_left => Milestone::ModuleDrained,
            MachineChange::ConnectionForgotten { .. } => Milestone::ConnectionForgotten,
            MachineChange::AccountSet { created: false, .. } => Milestone::AccountRefreshed,
            MachineChange::AccountRemoved => Milestone::AccountRemoved,
            MachineChange::AlertSent => Milestone::AccountAlert,
            MachineChange::GroupDeleted => {
                self.without_group.insert(server);
                return None;
            }
            MachineChange::GroupCreated if self.without_group.remove(&server) => Milestone::GroupRecreated,
            _ => return None,
        })
    }
}
