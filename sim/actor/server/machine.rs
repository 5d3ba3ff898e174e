//! The machine around a server, where there is one: what the server's requests and its policy have to do with it.
//!
//! The rules stand in [`crate::environment`]; here they meet time, the network and whoever listens. A server without a
//! machine goes past all of this at once.

use std::sync::{Arc, Mutex};

use super::{
    account_gate,
    core::Core,
    gate::{self, TokenServer},
};
#[cfg(feature = "planted-bugs")]
use crate::types::Bug;
use crate::{
    actor::{
        Environment,
        http::{Reply, ServerConnection, ServerRequest},
    },
    environment::{Call, Change, Machine},
    event::EventKind,
    protocol::Registry,
    types::{Authentication, RequestId, VirtualTime, locked},
};

/// A machine that several tasks of a server see.
pub type SharedMachine = Arc<Mutex<Machine>>;

/// Answers a request for a path below `/Altiris/` as [`gate::answer`] does, in a worker process of the machine. Where the
/// module is not registered the web server is by itself: it knows accounts, and no tokens.
pub async fn answer<E: Environment, S: TokenServer<E>>(
    server: &Arc<S>,
    connection: &Arc<ServerConnection>,
    request: &ServerRequest,
) -> Option<Reply> {
    let core = server.core();
    if core.environment.machine().is_none() {
        return gate::answer(server, connection, request).await;
    }
    let protected = match gate::kind_of_path(request.path()) {
        "public" => false,
        "protected" => true,
        // Packages are as guarded as policy has them (rules 51, 62).
        "package" => !server.packages().admits(None),
        // Registration, policy and batches are signed messages to the SMP's own application; a UNC path is file access, which
        // does not pass the web server at all, nor its module (rule 56).
        _ => return gate::answer(server, connection, request).await,
    };
    let in_hand = core.take(connection, request, protected);
    if protected && !in_hand.is_guarded {
        let reply = account_gate::answer_without_module(core, connection, request, server.kinds()).await;
        return Some(in_hand.leave(reply));
    }
    let reply = gate::answer(server, connection, request).await?;
    Some(in_hand.leave(reply))
}

/// A request in a worker process. If it is dropped unanswered, its client has gone.
struct InHand<'a, E: Environment> {
    core: &'a Core<E>,
    request: RequestId,
    is_guarded: bool,
    status: Option<u16>,
}

impl<E: Environment> InHand<'_, E> {
    fn leave(mut self, reply: Reply) -> Reply {
        self.status = Some(reply.status().as_u16());
        reply
    }
}

impl<E: Environment> Drop for InHand<'_, E> {
    fn drop(&mut self) {
        self.core.on_machine(|machine, _| machine.leave(self.request, self.status));
    }
}

impl<E: Environment> Core<E> {
    /// Does something on the machine, if there is one, and tells what happened.
    fn on_machine(&self, act: impl FnOnce(&mut Machine, VirtualTime) -> Vec<Change>) {
        let Some(machine) = self.environment.machine() else { return };
        let changes = act(&mut locked(machine), self.environment.now());
        changes.into_iter().for_each(|change| self.environment.record(EventKind::Machine(change)));
    }

    /// A worker process takes a request. What a module that is gone knew of the connection is forgotten.
    fn take(&self, connection: &ServerConnection, request: &ServerRequest, protected: bool) -> InHand<'_, E> {
        let mut guarded_since = None;
        self.on_machine(|machine, now| {
            let (taken, mut changes) = machine.web_server().take(request.id, protected, now);
            guarded_since = taken.guarded_since;
            let knows_since = guarded_since.unwrap_or(VirtualTime(u64::MAX));
            if connection.authentication().is_older_than(knows_since) {
                connection.authenticate(|authentication| *authentication = Default::default());
                changes.push(Change::ConnectionForgotten { connection: connection.id });
            }
            changes
        });
        InHand { core: self, request: request.id, is_guarded: guarded_since.is_some(), status: None }
    }

    /// Calls the management agent for a request, and waits for as long as a module does; tells whether it answers (rule
    /// 20). Without a machine it is always there.
    pub async fn call_management_agent(&self, request: RequestId, call: Call) -> bool {
        let Some(machine) = self.environment.machine() else { return true };
        let planned = locked(machine).agent().call();
        if !planned.wait.is_zero() {
            self.environment.sleep(planned.wait).await;
        }
        let is_answered = {
            let mut machine = locked(machine);
            machine.agent().has_answered(planned) && machine.web_server().still_has(request)
        };
        #[cfg(feature = "planted-bugs")]
        {
            let worker = locked(machine).web_server().worker_of(request.connection);
            locked(&self.registries_by_worker).0 = worker;
        }
        if !is_answered {
            let timed_out = planned.timed_out;
            self.environment.record(EventKind::Machine(Change::CallFailed { request, call, timed_out }));
        }
        is_answered
    }

    /// Planted: the registry of the worker process that called changes places with the one that all share; called once
    /// more, they change back.
    #[cfg_attr(not(feature = "planted-bugs"), expect(unused_variables, reason = "there is one registry"))]
    pub fn lend_registry_of_worker(&self, registry: &mut Registry) {
        #[cfg(feature = "planted-bugs")]
        if Bug::RegistryPerWorker.is_planted() {
            let (worker, registries) = &mut *locked(&self.registries_by_worker);
            let own = registries.entry(*worker).or_insert_with(|| self.empty_registry());
            std::mem::swap(own, registry);
        }
    }

    /// Whether a valid token comes with leave to act as the local account (rules 64, 73).
    pub fn hands_out_account(&self) -> bool {
        self.environment.machine().is_none_or(|machine| locked(machine).handle(true).is_some())
    }

    /// Whether the management agent does its periodic work now.
    pub fn has_management_agent(&self) -> bool {
        self.environment.machine().is_none_or(|machine| locked(machine).agent().answers())
    }

    /// The processes of the machine start.
    pub fn start_machine(&self) {
        self.on_machine(Machine::start);
    }

    /// Policy arrives at the machine.
    pub fn machine_follows(&self, version: u64, on: Authentication) {
        self.on_machine(|machine, now| machine.policy(version, on, now));
    }

    /// Lets everything happen on the machine when it is due, for ever. `forget` empties the memory of the management agent,
    /// which is what a server is made of here.
    pub async fn keep_machine(&self, forget: impl Fn() + Sync) {
        let Some(machine) = self.environment.machine() else { return };
        loop {
            let due = locked(machine).due();
            let Some(due) = due else { return };
            self.environment.sleep(due.since(self.environment.now())).await;
            let changes = locked(machine).poll(self.environment.now());
            for change in changes {
                let is_new_life = change == Change::ManagementAgentStarted;
                self.environment.record(EventKind::Machine(change));
                if is_new_life {
                    forget();
                }
            }
        }
    }
}
