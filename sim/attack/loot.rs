//! What an attacker has overheard, or taken off the line.

use std::sync::{Arc, Mutex};

use super::{Direction, Fate, Interceptor, Message, Passing};
use crate::{
    protocol::{AccountCredentials, PeerCredentials, WindowsMessage},
    types::{AccountScheme, ActorId, ConnectionId, Uid, VirtualTime, locked},
};

/// Loot, shared between the attacker on the line and the attacker on connections of its own.
pub type SharedLoot = Arc<Mutex<Loot>>;

/// How many messages are kept, the oldest half and the newest half: the oldest are of use once a server has forgotten
/// them, the newest before it has seen them.
const KEPT_MAX: usize = 512;

/// A message of others.
#[derive(Clone, Debug)]
pub struct Captured {
    /// On which connection.
    pub connection: ConnectionId,
    /// Who opened the connection.
    pub client: ActorId,
    /// Whom it leads to.
    pub server: ActorId,
    /// Which way it went.
    pub direction: Direction,
    /// When it passed.
    pub at: VirtualTime,
    /// The message.
    pub message: Message,
    /// Whether it was taken off the line, so that nobody else has seen it.
    pub is_taken: bool,
    /// Whether it is a request, and was seen to be served.
    pub was_served: bool,
    /// Whether it is the latest request on its connection and its answer has not passed.
    awaits_answer: bool,
}

/// A bearer token of others.
#[derive(Clone, Debug)]
pub struct StolenBearer {
    /// Its text.
    pub token: String,
    /// What its holder asked for with it.
    pub target: String,
}

/// The answer of an account to a server's challenge.
#[derive(Clone, Debug)]
pub struct AccountAnswer {
    /// By which scheme.
    pub scheme: AccountScheme,
    /// The value of its `Authorization` header.
    pub value: String,
    /// To which server it was said.
    pub server: ActorId,
}

/// The messages that hold something of use: tokens, challenges that offer one, signed requests and their answers.
#[derive(Debug, Default)]
pub struct Loot {
    captured: Vec<Captured>,
    /// The uid in the victim's latest first request.
    pub victim_uid: Option<Uid>,
    /// Texts of three-part tokens that the attacker asked for itself.
    pub own_offers: Vec<String>,
    /// Texts of login tokens on their way to a server of a portal, the oldest first.
    pub login_tokens: Vec<String>,
    /// What accounts answered, the oldest first.
    pub account_answers: Vec<AccountAnswer>,
    /// The latest response to a peer's challenge, and what was asked for with it.
    pub peer_response: Option<(String, PeerCredentials)>,
}

impl Loot {
    /// Keeps a message if it is of use.
    pub fn keep(&mut self, passing: &Passing<'_>, is_taken: bool) {
        let Some(message) = Message::parse(passing.bytes) else { return };
        self.settle(passing.connection, message.status());
        self.keep_account_answer(&message, passing.server);
        let offers = || message.challenge().is_some_and(|challenge| challenge.token.is_some());
        let is_signed = || message.header("signature").is_some();
        if message.presented().is_none() && message.bearer().is_none() && !offers() && !is_signed() {
            return;
        }
        if self.captured.len() == KEPT_MAX {
            self.captured.remove(KEPT_MAX / 2);
        }
        let Passing { connection, client, server, direction, now: at, .. } = *passing;
        let (was_served, awaits_answer) = (false, direction == Direction::Request);
        self.captured.push(Captured {
            connection,
            client,
            server,
            direction,
            at,
            message,
            is_taken,
            was_served,
            awaits_answer,
        });
    }

    fn keep_account_answer(&mut self, message: &Message, server: ActorId) {
        let Some(value) = message.header("authorization") else { return };
        let answer = AccountCredentials::parse(value).flatten();
        if let Some(AccountCredentials::Windows(scheme, WindowsMessage::Response { .. })) = answer {
            if self.account_answers.len() == KEPT_MAX {
                self.account_answers.remove(KEPT_MAX / 2);
            }
            self.account_answers.push(AccountAnswer { scheme, value: value.to_owned(), server });
        }
    }

    /// What else passes on a connection ends the wait of its latest request: an answer, or the next request, which may
    /// be of no use and not be kept.
    fn settle(&mut self, connection: ConnectionId, status: Option<u16>) {
        let waiting = |captured: &&mut Captured| captured.connection == connection && captured.awaits_answer;
        if let Some(request) = self.captured.iter_mut().rev().find(waiting) {
            request.awaits_answer = false;
            request.was_served = status.is_some_and(|status| (200..300).contains(&status));
        }
    }

    /// The messages in the order in which they passed.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Captured> {
        self.captured.iter()
    }

    /// The requests that present a five-part token, in the order in which they passed.
    pub fn tokens(&self) -> Vec<Captured> {
        self.messages().filter(|captured| captured.message.presented().is_some()).cloned().collect()
    }

    /// The bearer tokens that went over the line, in the order in which they passed.
    pub fn bearers(&self) -> Vec<StolenBearer> {
        let bearer = |captured: &Captured| {
            let (token, target) = (captured.message.bearer()?.to_owned(), captured.message.target()?.to_owned());
            Some(StolenBearer { token, target })
        };
        self.messages().filter_map(bearer).collect()
    }

    /// The texts of the three-part tokens that challenges offered, in the order in which they passed.
    pub fn offers(&self) -> Vec<String> {
        let offer = |captured: &Captured| captured.message.challenge()?.token.map(str::to_owned);
        self.messages().filter_map(offer).collect()
    }

    /// The oldest request that was taken off the line; it is given out once.
    pub fn next_taken(&mut self) -> Option<Captured> {
        let position = self.captured.iter().position(|captured| captured.is_taken)?;
        Some(self.captured.remove(position))
    }
}

/// Reads what passes, and changes nothing.
#[derive(Debug)]
pub struct Listening {
    loot: SharedLoot,
}

impl Listening {
    /// Keeps what is of use as loot.
    pub fn new(loot: SharedLoot) -> Self {
        Self { loot }
    }
}

impl Interceptor for Listening {
    fn message(&mut self, passing: &Passing<'_>) -> Fate {
        locked(&self.loot).keep(passing, false);
        Fate::Pass
    }
}
