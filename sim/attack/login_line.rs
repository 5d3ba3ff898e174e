//! How an attacker reads login tokens of others, and presents its own.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{
    Direction, Fate, Interceptor, Message, Passing, SharedLoot,
    hand::{Ask, Hand},
};
use crate::{
    actor::Environment,
    event::{Carried, EventKind},
    protocol::{ADMINISTRATION_PATH, PORTLET_SERVER_PATH, SESSION_PATH, login_authorization, login_token_in},
    types::{ActorId, locked},
};

/// How many tokens are kept: the first of them are of interest.
const KEPT_MAX: usize = 256;

impl<E: Environment> Hand<E> {
    /// Presents a login token, or what is to be taken for one, to the attacked server on a connection of its own.
    pub async fn present_login(&self, what: &str, token: &str) -> Option<u16> {
        let (method, target) = match self.settings.plan.server {
            ActorId::AdministrationServer => (Method::GET, ADMINISTRATION_PATH),
            ActorId::PortletServer => (Method::GET, PORTLET_SERVER_PATH),
            _ => (Method::POST, SESSION_PATH),
        };
        let ask = Ask { method, ..Ask::get(target) };
        self.tell(&mut None, what, ask.authorized(&login_authorization(token), Carried::LoginToken)).await
    }
}

/// Reads the login tokens in what passes, and changes nothing.
pub struct Reader {
    loot: SharedLoot,
}

impl Reader {
    /// Keeps them as loot.
    pub fn new(loot: SharedLoot) -> Self {
        Self { loot }
    }
}

impl Interceptor for Reader {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        if passing.direction == Direction::Request
            && let Some(token) = Message::parse(passing.bytes).and_then(|message| token_of(&message))
        {
            let tokens = &mut locked(&self.loot).login_tokens;
            if tokens.len() < KEPT_MAX && !tokens.contains(&token) {
                tokens.push(token);
                let what = "a login token on its way to a server".to_owned();
                (passing.report)(EventKind::Overheard { connection: passing.connection, what });
            }
        }
        Fate::Pass
    }
}

fn token_of(message: &Message) -> Option<String> {
    let header = |(name, value): &(String, String)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?))
    };
    let headers: HeaderMap = message.headers.iter().filter_map(header).collect();
    login_token_in(message.target()?, &headers).map(|token| token.into_owned())
}
