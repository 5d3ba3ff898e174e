//! Sessions that a server of a portal has opened: what a login token is good for.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
    time::Duration,
};

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use crate::{
    protocol::{ADMINISTRATION_COOKIE, ADMINISTRATION_PATH, PORTAL_PATH, SESSION_COOKIE, base64url},
    types::{Bug, VirtualTime, locked},
};

/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(20 * 60);
/// How many there are at most: the oldest makes room.
const SESSIONS_MAX: usize = 10_000;

/// How many of these one user has at most: a token that is used again and again ends sessions of its own user alone.
const SESSIONS_PER_USER_MAX: usize = 1_000;

/// The cookie that names a session.
///
/// Cookies do not know of ports. Where servers are on one host, its name keeps a cookie from replacing that of another server,
/// and its path from being sent there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionCookie {
    /// Its name.
    pub name: &'static str,
    /// Below which path it is sent.
    pub path: &'static str,
}

impl SessionCookie {
    /// That of the front end.
    pub const FRONT_END: Self = Self { name: SESSION_COOKIE, path: PORTAL_PATH };
    /// That of the administration server.
    pub const ADMINISTRATION: Self = Self { name: ADMINISTRATION_COOKIE, path: ADMINISTRATION_PATH };
}

/// The sessions of a server, in memory only.
#[derive(Debug)]
pub struct Sessions {
    cookie: SessionCookie,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: ChaCha20Rng,
    /// Whose session it is, and since when.
    open: BTreeMap<String, (String, VirtualTime)>,
    /// The sessions in the order in which they were opened.
    order: BTreeMap<(VirtualTime, u64), String>,
    /// Those of each user, the oldest first, by their places in the order.
    of_user: BTreeMap<String, VecDeque<(VirtualTime, u64)>>,
    opened: u64,
}

impl Sessions {
    /// No session yet. Their names are drawn from `rng`.
    pub fn new(rng: ChaCha20Rng, cookie: SessionCookie) -> Self {
        let state = State { rng, open: BTreeMap::new(), order: BTreeMap::new(), of_user: BTreeMap::new(), opened: 0 };
        Self { cookie, state: Mutex::new(state) }
    }

    /// The cookie that names them.
    pub const fn cookie(&self) -> SessionCookie {
        self.cookie
    }

    /// Opens a session for a user, and says its name.
    pub fn open(&self, user: &str, now: VirtualTime) -> String {
        let state = &mut *locked(&self.state);
        while let Some((oldest, _)) = state.order.first_key_value() {
            if state.open.len() < SESSIONS_MAX && now.since(oldest.0) < SESSION {
                break;
            }
            state.end(*oldest);
        }
        let own = state.of_user.get(user).filter(|own| own.len() >= SESSIONS_PER_USER_MAX);
        own.and_then(|own| own.front().copied()).into_iter().for_each(|oldest| state.end(oldest));
        let mut bits = [0; 16];
        state.rng.fill_bytes(&mut bits);
        let name = base64url::encode(&bits);
        state.opened += 1;
        state.open.insert(name.clone(), (user.to_owned(), now));
        let place = (now, state.opened);
        state.order.insert(place, name.clone());
        state.of_user.entry(user.to_owned()).or_default().push_back(place);
        name
    }

    /// Whose session it is, if it is one.
    pub fn user(&self, name: &str, now: VirtualTime) -> Option<String> {
        let state = locked(&self.state);
        let latest = state.order.values().next_back().filter(|_| Bug::SessionsMixedUp.is_planted());
        let (user, since) = state.open.get(latest.map_or(name, String::as_str))?;
        (now.since(*since) < SESSION).then(|| user.clone())
    }
}

impl State {
    fn end(&mut self, place: (VirtualTime, u64)) {
        let ended = self.order.remove(&place).and_then(|name| self.open.remove(&name));
        let Some((user, _)) = ended else { return };
        if let Some(own) = self.of_user.get_mut(&user) {
            own.retain(|other| *other != place);
            if own.is_empty() {
                self.of_user.remove(&user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SeedStream;

    #[test]
    fn a_session_lasts_twenty_minutes_and_the_oldest_makes_room() {
        let sessions = Sessions::new(SeedStream::new(1).rng("sessions", 0), SessionCookie::FRONT_END);
        let at = |seconds: u64| VirtualTime::from_millis(seconds * 1_000);
        let first = sessions.open("a", at(0));
        assert_eq!(sessions.user(&first, at(1_199)).as_deref(), Some("a"));
        assert_eq!(sessions.user(&first, at(1_200)), None);
        assert_eq!(sessions.user("", at(0)), None);
        let second = sessions.open("b", at(1));
        for number in 0..SESSIONS_MAX - 1 {
            sessions.open(&format!("c{}", number % 100), at(2));
        }
        assert_eq!(sessions.user(&first, at(2)), None);
        assert_eq!(sessions.user(&second, at(2)).as_deref(), Some("b"));
    }

    #[test]
    fn nobody_ends_the_sessions_of_others_by_opening_more_and_more() {
        let sessions = Sessions::new(SeedStream::new(1).rng("sessions", 0), SessionCookie::FRONT_END);
        let now = VirtualTime::from_millis(1);
        let (others, own) = (sessions.open("a", now), sessions.open("b", now));
        for _ in 0..2 * SESSIONS_MAX {
            sessions.open("b", now);
        }
        assert_eq!(sessions.user(&others, now).as_deref(), Some("a"));
        assert_eq!(sessions.user(&own, now), None);
    }
}
