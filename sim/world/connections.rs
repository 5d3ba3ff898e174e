//! Gives both ends of a connection the same name.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use crate::types::{ActorId, ConnectionId};

/// The connections of a run.
#[derive(Debug, Default)]
pub struct Connections {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    named: u64,
    /// Accepted, while the other end does not know it yet.
    half_named: BTreeMap<(SocketAddr, SocketAddr), ConnectionId>,
    openers: BTreeMap<ConnectionId, ActorId>,
}

impl Connections {
    /// The name of a connection that a server has just accepted: the client's end is named later.
    pub fn accepted(&self, client: SocketAddr, server: SocketAddr) -> ConnectionId {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.named += 1;
        let id = ConnectionId(state.named);
        // An older entry belongs to a client that gave up before the server accepted.
        state.half_named.insert((client, server), id);
        id
    }

    /// The name of a connection that its server has accepted, for the end that opened it.
    pub fn opened(&self, client: SocketAddr, server: SocketAddr, opener: ActorId) -> ConnectionId {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let id = match state.half_named.remove(&(client, server)) {
            Some(id) => id,
            None => {
                state.named += 1;
                ConnectionId(state.named)
            }
        };
        state.openers.insert(id, opener);
        id
    }

    /// A number for whoever opened a connection: many agents share a simulated host, but each stands for a machine.
    pub fn source(&self, id: ConnectionId) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.openers.get(&id) {
            None | Some(ActorId::Smp) => 0,
            Some(ActorId::Site(number)) => 1 << 32 | u64::from(*number),
            Some(ActorId::Agent(number)) => 2 << 32 | u64::from(*number),
            Some(ActorId::Attacker(number)) => 3 << 32 | u64::from(*number),
        }
    }

    /// Who opened a connection, as far as that is known yet.
    pub fn opener(&self, id: ConnectionId) -> Option<ActorId> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).openers.get(&id).copied()
    }

    /// One end of a connection is gone.
    pub fn ended(&self, id: ConnectionId) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).openers.remove(&id);
    }
}
