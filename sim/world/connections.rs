//! Gives both ends of a connection the same name, and tells either who is at the other.

use std::{collections::BTreeMap, net::SocketAddr, sync::Mutex};

use crate::types::{ActorId, ConnectionId, VirtualTime, locked};

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
    records: BTreeMap<ConnectionId, Record>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    parties: Option<Parties>,
    ends: u8,
    /// Where it leads, if it is one half of a tunnel.
    leads_to: Option<ConnectionId>,
}

/// Who is at the ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parties {
    /// Who opened it.
    pub opener: ActorId,
    /// To whom.
    pub server: ActorId,
    /// Since when it has been open.
    pub opened_at: VirtualTime,
}

impl Connections {
    /// The name of a connection that a server has just accepted: the client's end is named later.
    pub fn accepted(&self, client: SocketAddr, server: SocketAddr) -> ConnectionId {
        let mut state = locked(&self.state);
        let id = state.next_name();
        // An older entry belongs to a client that gave up before the server accepted.
        state.half_named.insert((client, server), id);
        state.records.entry(id).or_default().ends += 1;
        id
    }

    /// The name of a connection that its server has accepted, for the end that opened it.
    pub fn opened(&self, client: SocketAddr, server: SocketAddr, parties: Parties) -> ConnectionId {
        let mut state = locked(&self.state);
        let id = match state.half_named.remove(&(client, server)) {
            Some(id) => id,
            None => state.next_name(),
        };
        let record = state.records.entry(id).or_default();
        record.parties = Some(parties);
        record.ends += 1;
        id
    }

    /// Who is at the ends of a connection; not known while its opener does not know that it was accepted.
    pub fn parties(&self, id: ConnectionId) -> Option<Parties> {
        let state = locked(&self.state);
        state.records.get(&id).and_then(|record| record.parties)
    }

    /// A proxy has joined two connections to a tunnel.
    pub fn joined(&self, client: ConnectionId, server: ConnectionId) {
        let mut state = locked(&self.state);
        if let Some(record) = state.records.get_mut(&client) {
            record.leads_to = Some(server);
        }
    }

    /// The name of the other half of a tunnel; its own if it is none.
    pub fn far_end(&self, tunnel: ConnectionId) -> ConnectionId {
        let state = locked(&self.state);
        state.records.get(&tunnel).and_then(|record| record.leads_to).unwrap_or(tunnel)
    }

    /// A number for whoever opened a connection: many agents share a simulated host, but each stands for a machine.
    pub fn source(&self, id: ConnectionId) -> u64 {
        let opener = self.parties(id).map(|parties| parties.opener.kind_and_number());
        opener.map_or(0, |(kind, number)| u64::from(kind) << 32 | u64::from(number))
    }

    /// One end of a connection is gone. The other may still ask who was there.
    pub fn ended(&self, id: ConnectionId) {
        let mut state = locked(&self.state);
        let Some(record) = state.records.get_mut(&id) else { return };
        record.ends = record.ends.saturating_sub(1);
        if record.ends == 0 {
            state.records.remove(&id);
        }
    }
}

impl State {
    fn next_name(&mut self) -> ConnectionId {
        self.named += 1;
        ConnectionId(self.named)
    }
}
