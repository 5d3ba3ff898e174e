//! Attack 16: on the way back, made-up 401 and 403 answers. Expected: they cost availability and nothing else.

use super::{Direction, Fate, Interceptor, Message, Passing, pace::Pace};
use crate::{event::EventKind, protocol::AGENT_REVOKED};

/// Replaces answers to agents.
pub struct Spoofer {
    pace: Pace,
}

impl Spoofer {
    pub fn new(interval_ms: u64) -> Self {
        Self { pace: Pace::new(interval_ms) }
    }
}

impl Interceptor for Spoofer {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        if passing.direction != Direction::Response || !self.pace.is_due(passing.now) {
            return Fate::Pass;
        }
        let (what, start, headers): (_, _, &[(&str, &str)]) = match self.pace.strike(passing.now) % 4 {
            0 => ("made up a 403 that says revoked", "403 Forbidden", &[("x-smp-nserror", AGENT_REVOKED)]),
            1 => ("made up a 401 without a token", "401 Unauthorized", &[("www-authenticate", "SMPToken")]),
            2 => (
                "made up a 401 with a token of its own making",
                "401 Unauthorized",
                &[("www-authenticate", r#"SMPToken token="e30.e30.AAAA", error="expired_token""#)],
            ),
            _ => (
                "made up a 401 that asks for a password",
                "401 Unauthorized",
                &[("www-authenticate", r#"Basic realm="Altiris""#)],
            ),
        };
        let mut message = Message::new(format!("HTTP/1.1 {start}"), Vec::new());
        headers.iter().for_each(|(name, value)| message.set_header(name, *value));
        (passing.report)(EventKind::Intercepted { connection: passing.connection, what: what.to_owned() });
        Fate::Replace(message.to_bytes())
    }
}
