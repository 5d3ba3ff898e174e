//! Sessions that a server of a portal has opened: what a login token is good for.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use crate::{
    protocol::base64url,
    types::{Bug, VirtualTime},
};

/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(20 * 60);
/// How many there are at most: the oldest makes room.
const SESSIONS_MAX: usize = 10_000;

/// The sessions of a server, in memory only.
#[derive(Debug)]
pub struct Sessions {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: ChaCha20Rng,
    /// Whose session it is, and since when.
    open: BTreeMap<String, (String, VirtualTime)>,
    /// The sessions in the order in which they were opened.
    order: BTreeMap<(VirtualTime, u64), String>,
    opened: u64,
}

impl Sessions {
    /// No session yet. Their names are drawn from `rng`.
    pub fn new(rng: ChaCha20Rng) -> Self {
        let (open, order) = (BTreeMap::new(), BTreeMap::new());
        Self { state: Mutex::new(State { rng, open, order, opened: 0 }) }
    }

    /// Opens a session for a user, and says its name.
    pub fn open(&self, user: &str, now: VirtualTime) -> String {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(oldest) = state.order.first_entry() {
            if state.open.len() < SESSIONS_MAX && now.since(oldest.key().0) < SESSION {
                break;
            }
            state.open.remove(&oldest.remove());
        }
        let mut bits = [0; 16];
        state.rng.fill_bytes(&mut bits);
        let name = base64url::encode(&bits);
        state.opened += 1;
        state.open.insert(name.clone(), (user.to_owned(), now));
        state.order.insert((now, state.opened), name.clone());
        name
    }

    /// Whose session it is, if it is one.
    pub fn user(&self, name: &str, now: VirtualTime) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = state.order.values().next_back().filter(|_| Bug::SessionsMixedUp.is_planted());
        let (user, since) = state.open.get(latest.map_or(name, String::as_str))?;
        (now.since(*since) < SESSION).then(|| user.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SeedStream;

    #[test]
    fn a_session_lasts_twenty_minutes_and_the_oldest_makes_room() {
        let sessions = Sessions::new(SeedStream::new(1).rng("sessions", 0));
        let at = |seconds: u64| VirtualTime::from_millis(seconds * 1_000);
        let first = sessions.open("a", at(0));
        assert_eq!(sessions.user(&first, at(1_199)).as_deref(), Some("a"));
        assert_eq!(sessions.user(&first, at(1_200)), None);
        assert_eq!(sessions.user("", at(0)), None);
        let second = sessions.open("b", at(1));
        for _ in 0..SESSIONS_MAX - 1 {
            sessions.open("c", at(2));
        }
        assert_eq!(sessions.user(&first, at(2)), None);
        assert_eq!(sessions.user(&second, at(2)).as_deref(), Some("b"));
    }
}
