//! By which path a server is reached, and when that is for certain.

use std::time::Duration;

use crate::{
    plan::{FaultKind, Plan},
    types::{ActorId, VirtualTime},
};

/// The moves of site servers.
#[derive(Clone, Debug)]
pub struct Paths(Vec<Move>);

#[derive(Clone, Copy, Debug)]
struct Move {
    site: ActorId,
    port: u16,
    from: VirtualTime,
    until: VirtualTime,
}

impl Paths {
    pub(super) fn of(plan: &Plan) -> Self {
        let moves = plan.faults.iter().filter_map(|fault| match fault.kind {
            FaultKind::Move { site, port } => Some(Move { site, port, from: fault.at(), until: fault.until() }),
            _ => None,
        });
        Self(moves.collect())
    }

    /// Whether a server ever moves.
    pub fn is_mobile(&self, server: ActorId) -> bool {
        self.0.iter().any(|it| it.site == server)
    }

    /// The port to which a server has moved, as whoever has just opened a connection to it sees it; 0 where it is
    /// usually. None if it moved within `patience`: the connection may have been opened before.
    pub fn port(&self, server: ActorId, opened: VirtualTime, patience: Duration) -> Option<u16> {
        let of_server = || self.0.iter().filter(move |it| it.site == server);
        let is_recent = |moved: VirtualTime| moved <= opened && opened <= moved.after(patience);
        if of_server().any(|it| is_recent(it.from) || is_recent(it.until)) {
            return None;
        }
        let latest = of_server().filter(|it| it.from <= opened && opened < it.until).max_by_key(|it| it.from);
        Some(latest.map_or(0, |it| it.port))
    }
}
