//! Attack 21: requests slipped into somebody else's authenticated connection. Expected: literal serves them; hardened
//! asks every request for its own token.
//!
//! The request goes right behind one that brings a token, so that the connection is authenticated when its turn comes.
//! The answer to it is swallowed, and the victim is told that the connection ends: it would count one request less than
//! its server from then on.

use std::collections::BTreeMap;

use super::{Direction, Fate, Interceptor, Message, Passing, hand::THIEF_TARGET, pace::Pace};
use crate::{
    event::{Carried, EventKind},
    types::{ConnectionId, RequestId},
};

/// Slips requests in.
pub struct Injector {
    pace: Pace,
    /// Connections with a request of ours, and its place on them.
    injected: BTreeMap<ConnectionId, u32>,
}

impl Injector {
    pub fn new(interval_ms: u64) -> Self {
        Self { pace: Pace::new(interval_ms), injected: BTreeMap::new() }
    }

    fn request(&mut self, passing: &Passing<'_>, message: &Message) -> Fate {
        let connection = passing.connection;
        if self.injected.contains_key(&connection) {
            return Fate::Drop;
        }
        if !self.pace.is_due(passing.now) || message.presented().is_none() {
            return Fate::Pass;
        }
        self.pace.strike(passing.now);
        let ordinal = passing.ordinal + 1;
        self.injected.insert(connection, ordinal);
        let mut own = Message::new(format!("GET {THIEF_TARGET} HTTP/1.1"), Vec::new());
        own.set_header("host", message.header("host").unwrap_or_default());
        let what = "slipped a request in behind one that brings a token".to_owned();
        (passing.report)(EventKind::Intercepted { connection, what });
        (passing.report)(EventKind::RequestSent {
            request: RequestId { connection, ordinal },
            carries: Carried::Nothing,
            token_bytes: 0,
        });
        Fate::Replace([passing.bytes, &own.to_bytes()].concat())
    }

    fn response(&mut self, passing: &Passing<'_>, mut message: Message) -> Fate {
        match self.injected.get(&passing.connection) {
            Some(ordinal) if passing.ordinal + 1 == *ordinal => {
                message.set_header("connection", "close");
                Fate::Replace(message.to_bytes())
            }
            Some(ordinal) if passing.ordinal >= *ordinal => Fate::Drop,
            _ => Fate::Pass,
        }
    }
}

impl Interceptor for Injector {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        match (Message::parse(passing.bytes), passing.direction) {
            (Some(message), Direction::Request) => self.request(passing, &message),
            (Some(message), Direction::Response) => self.response(passing, message),
            (None, _) => Fate::Pass,
        }
    }
}
