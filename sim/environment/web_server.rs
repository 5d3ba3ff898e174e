//! The worker processes of a web server, and the module in each (rules 19, 23, 26, 28, 29).

use std::collections::BTreeMap;

use super::change::{Change, Unloading};
use crate::types::{Bug, ConnectionId, ModuleName, RequestId, VirtualTime};

/// The web server of a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebServer {
    workers: u32,
    registered: Option<ModuleName>,
    instances: BTreeMap<(u32, ModuleName), Instance>,
    /// How many requests each worker process has had (rule 77).
    numbers: BTreeMap<u32, u32>,
    requests: BTreeMap<RequestId, (u32, Option<ModuleName>)>,
}

/// A module in a worker process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Instance {
    loaded_at: VirtualTime,
    in_flight: u32,
    /// Whether it goes when its last request is answered.
    drains: bool,
}

/// Who has taken a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The worker process, counted from 1.
    pub worker: u32,
    /// Since when the module there has been loaded; none if there is none.
    pub guarded_since: Option<VirtualTime>,
}

impl WebServer {
    /// A web server with so many worker processes, none of which has loaded anything.
    pub fn new(workers: u32) -> Self {
        let (numbers, requests) = (BTreeMap::new(), BTreeMap::new());
        Self { workers, registered: None, instances: BTreeMap::new(), numbers, requests }
    }

    /// The worker process that has a connection.
    pub fn worker_of(&self, connection: ConnectionId) -> u32 {
        1 + u32::try_from(connection.0 % u64::from(self.workers.max(1))).unwrap_or(0)
    }

    /// Whether any worker process has this module loaded.
    pub fn has_loaded(&self, module: ModuleName) -> bool {
        self.instances.keys().any(|(_, loaded)| *loaded == module)
    }

    /// A worker process takes a request for a guarded web site; it loads the module that is registered, if it has not.
    pub fn take(&mut self, request: RequestId, protected: bool, now: VirtualTime) -> (Taken, Vec<Change>) {
        let (worker, module) = (self.worker_of(request.connection), self.registered);
        let mut changes = Vec::new();
        let mut guarded_since = None;
        if let Some(module) = module {
            let instance = self.instances.entry((worker, module)).or_insert_with(|| {
                changes.push(Change::ModuleLoaded { worker, module });
                Instance { loaded_at: now, in_flight: 0, drains: false }
            });
            instance.in_flight += 1;
            guarded_since = Some(instance.loaded_at);
        }
        let number = self.numbers.entry(worker).or_default();
        *number = number.saturating_add(1);
        changes.push(Change::RequestTaken { request, worker, module, number: *number, protected });
        self.requests.insert(request, (worker, module));
        (Taken { worker, guarded_since }, changes)
    }

    /// Whether the module that took a request is still there to answer it.
    pub fn still_has(&self, request: RequestId) -> bool {
        let taken = self.requests.get(&request);
        taken.is_some_and(|(worker, module)| module.is_none_or(|it| self.instances.contains_key(&(*worker, it))))
    }

    /// A request is answered, or its client has gone. The last one takes a module with it that was waiting for it.
    pub fn leave(&mut self, request: RequestId, status: Option<u16>) -> Vec<Change> {
        let Some((worker, module)) = self.requests.remove(&request) else { return Vec::new() };
        let mut changes = vec![Change::RequestLeft { request, status }];
        if let Some(module) = module
            && let Some(instance) = self.instances.get_mut(&(worker, module))
        {
            instance.in_flight = instance.in_flight.saturating_sub(1);
            if instance.drains && instance.in_flight == 0 {
                changes.push(self.unload(worker, module, Unloading::Swapped));
            }
        }
        changes
    }

    /// The module that worker processes load from now on, at their next request; none for no module.
    pub fn register(&mut self, module: Option<ModuleName>) {
        self.registered = module;
    }

    /// Unloads a module that is no longer registered: at once, or each instance when its last request is answered.
    pub fn retire(&mut self, module: ModuleName, why: Unloading) -> Vec<Change> {
        let at_once = why == Unloading::Unregistered || Bug::SwapUnloadsAtOnce.is_planted();
        let (mut changes, mut idle) = (Vec::new(), Vec::new());
        for ((worker, loaded), instance) in &mut self.instances {
            if *loaded == module {
                instance.drains = true;
                idle.extend((at_once || instance.in_flight == 0).then_some(*worker));
            }
        }
        changes.extend(idle.into_iter().map(|worker| self.unload(worker, module, why)));
        changes
    }

    /// All worker processes end, in the middle of whatever it was.
    pub fn end(&mut self) {
        self.instances.clear();
        self.requests.clear();
        self.numbers.clear();
    }

    fn unload(&mut self, worker: u32, module: ModuleName, why: Unloading) -> Change {
        self.instances.remove(&(worker, module));
        Change::ModuleUnloaded { worker, module, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: ModuleName = ModuleName::drawn(1);
    const NEW: ModuleName = ModuleName::drawn(2);
    const NOW: VirtualTime = VirtualTime::ZERO;

    fn request(connection: u64, ordinal: u32) -> RequestId {
        RequestId { connection: ConnectionId(connection), ordinal }
    }

    fn loads(changes: &[Change]) -> usize {
        changes.iter().filter(|change| matches!(change, Change::ModuleLoaded { .. })).count()
    }

    #[test]
    fn rule_19_each_worker_process_has_an_instance_of_its_own() {
        let mut server = WebServer::new(3);
        server.register(Some(OLD));
        let workers: Vec<u32> = (0..6).map(|number| server.take(request(number, 1), true, NOW).0.worker).collect();
        assert_eq!(workers, [1, 2, 3, 1, 2, 3]);
        assert_eq!(server.instances.len(), 3);
        assert_eq!(server.take(request(1, 2), true, NOW).0.worker, 2, "a connection stays where it is");
    }

    #[test]
    fn rule_28_a_module_is_loaded_at_the_first_request_and_unloaded_at_once() {
        let mut server = WebServer::new(1);
        server.register(Some(OLD));
        assert!(!server.has_loaded(OLD));
        assert_eq!(loads(&server.take(request(1, 1), true, NOW).1), 1);
        assert_eq!(loads(&server.take(request(2, 1), true, NOW).1), 0);
        server.register(None);
        let unloaded = Change::ModuleUnloaded { worker: 1, module: OLD, why: Unloading::Unregistered };
        assert_eq!(server.retire(OLD, Unloading::Unregistered), [unloaded]);
        assert!(!server.still_has(request(1, 1)), "what it had in hand is not answered by it");
        assert_eq!(server.leave(request(1, 1), Some(503)).len(), 1);
        let (taken, _) = server.take(request(3, 1), true, NOW);
        assert_eq!(taken.guarded_since, None);
        assert!(server.still_has(request(3, 1)));
    }

    #[test]
    fn rules_23_and_29_what_is_in_flight_survives_a_swap() {
        let mut server = WebServer::new(2);
        server.register(Some(OLD));
        server.take(request(0, 1), true, NOW);
        server.take(request(1, 1), true, NOW);
        server.leave(request(1, 1), Some(200));
        let later = VirtualTime::from_millis(5);
        server.register(Some(NEW));
        let idle = Change::ModuleUnloaded { worker: 2, module: OLD, why: Unloading::Swapped };
        assert_eq!(server.retire(OLD, Unloading::Swapped), [idle]);
        assert!(server.still_has(request(0, 1)) && server.has_loaded(OLD));
        let (taken, changes) = server.take(request(2, 1), true, later);
        assert_eq!((taken.guarded_since, loads(&changes)), (Some(later), 1), "new requests go to the new one");
        let last = server.leave(request(0, 1), Some(200));
        assert_eq!(last[1], Change::ModuleUnloaded { worker: 1, module: OLD, why: Unloading::Swapped });
        assert!(!server.has_loaded(OLD) && server.still_has(request(2, 1)));
    }

    #[test]
    fn rule_77_requests_are_numbered_in_each_worker_process() {
        let mut server = WebServer::new(2);
        let number = |changes: Vec<Change>| match changes.last() {
            Some(Change::RequestTaken { number, .. }) => *number,
            other => panic!("{other:?}"),
        };
        let numbers: Vec<u32> = [0, 0, 1, 0, 1].map(|it| number(server.take(request(it, 1), false, NOW).1)).to_vec();
        assert_eq!(numbers, [1, 2, 1, 3, 2]);
    }
}
