//! Attack 21: requests slipped into somebody else's authenticated connection. Expected: literal serves them; hardened
//! asks every request for its own token.
//!
//! The attacker's request takes the place of the victim's next one, and the victim gets its answer. So both ends go on
//! counting alike, and neither notices.

use std::collections::BTreeSet;

use super::{Direction, Fate, Interceptor, Message, Passing, hand::THIEF_TARGET, pace::Pace};
use crate::{
    event::{Carried, EventKind},
    protocol::AccountCredentials,
    types::{ConnectionId, RequestId},
};

/// How many connections are remembered, the latest ones.
const CONNECTIONS_MAX: usize = 1_024;

/// Slips requests in.
pub struct Injector {
    pace: Pace,
    /// Connections on which a token, or the answer of an account, is on its way, and not yet answered.
    presenting: BTreeSet<ConnectionId>,
    /// Connections on which it was accepted.
    authenticated: BTreeSet<ConnectionId>,
}

impl Injector {
    pub fn new(interval_ms: u64) -> Self {
        Self { pace: Pace::new(interval_ms), presenting: BTreeSet::new(), authenticated: BTreeSet::new() }
    }

    fn request(&mut self, passing: &Passing<'_>, message: &Message) -> Fate {
        let connection = passing.connection;
        if !self.authenticated.contains(&connection) || !self.pace.is_due(passing.now) {
            if authenticates(message) {
                self.presenting.insert(connection);
            }
            return Fate::Pass;
        }
        self.pace.strike(passing.now);
        let mut own = Message::new(format!("GET {THIEF_TARGET} HTTP/1.1"), Vec::new());
        own.set_header("host", message.header("host").unwrap_or_default());
        let what = "slipped a request into an authenticated connection".to_owned();
        (passing.report)(EventKind::Intercepted { connection, what });
        let request = RequestId { connection, ordinal: passing.ordinal };
        (passing.report)(EventKind::RequestSent { request, carries: Carried::Nothing, token_bytes: 0 });
        Fate::Replace(own.to_bytes())
    }

    fn response(&mut self, passing: &Passing<'_>, message: &Message) {
        if self.presenting.remove(&passing.connection) && message.status() == Some(200) {
            self.authenticated.insert(passing.connection);
            if self.authenticated.len() > CONNECTIONS_MAX {
                self.authenticated.pop_first();
            }
        }
    }
}

/// Whether a request carries what may authenticate its connection: a token, or a message of an account.
fn authenticates(message: &Message) -> bool {
    let account = || message.header("authorization").and_then(AccountCredentials::parse).flatten();
    message.presented().is_some() || account().is_some()
}

impl Interceptor for Injector {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        let Some(message) = Message::parse(passing.bytes) else { return Fate::Pass };
        match passing.direction {
            Direction::Request => self.request(passing, &message),
            Direction::Response => {
                self.response(passing, &message);
                Fate::Pass
            }
        }
    }
}
