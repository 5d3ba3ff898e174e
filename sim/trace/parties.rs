//! Who is at the two ends of a connection.

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::{
    event::{Event, EventKind},
    types::{ActorId, ConnectionId},
};

/// How many closed connections are still known: a server may be busy with a request whose sender gave up.
const CLOSED_MAX: usize = 4_096;

/// The two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ends {
    /// Who opened it.
    pub opener: ActorId,
    /// Whom it leads to.
    pub server: ActorId,
}

/// Who is at the ends of each connection that is open, or was until lately.
#[derive(Clone, Debug, Default)]
pub struct Parties {
    ends: HashMap<ConnectionId, Ends, FixedState>,
    open: HashMap<ActorId, Vec<ConnectionId>, FixedState>,
    closed: VecDeque<ConnectionId>,
}

impl Parties {
    /// Learns of the next event. Gives the connections that are forgotten from now on.
    pub fn hear(&mut self, event: &Event) -> Vec<ConnectionId> {
        match event.kind {
            EventKind::ConnectionOpened { connection, server, .. } => {
                self.ends.insert(connection, Ends { opener: event.actor, server });
                self.open.entry(event.actor).or_default().push(connection);
            }
            EventKind::ConnectionClosed { connection, .. } => {
                if let Some(open) = self.open.get_mut(&event.actor) {
                    open.retain(|other| *other != connection);
                }
                self.closed.push_back(connection);
            }
            // Whoever stopped closes nothing any more.
            EventKind::Stopped { .. } => self.closed.extend(self.open.remove(&event.actor).unwrap_or_default()),
            _ => {}
        }
        let excess = self.closed.len().saturating_sub(CLOSED_MAX);
        let forgotten: Vec<_> = self.closed.drain(..excess).collect();
        for connection in &forgotten {
            self.ends.remove(connection);
        }
        forgotten
    }

    /// The two ends of a connection.
    pub fn of(&self, connection: ConnectionId) -> Option<Ends> {
        self.ends.get(&connection).copied()
    }
}
