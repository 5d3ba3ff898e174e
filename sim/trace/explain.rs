//! One agent's story in plain sentences.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Parties, Record, Selection,
    telling::{Telling, listed},
    words,
};
use crate::{
    event::{Carried, EventKind, Outcome},
    plan::Plan,
    types::{ActorId, ConnectionId, NodeId, Refusal, RequestId, VirtualTime},
};

/// The story of one agent, told from the events that it did, saw or suffered.
///
/// One sentence tells an exchange from its start to its end; what happens again and again without anything new is
/// folded into one sentence.
#[derive(Debug)]
pub struct Story {
    agent: ActorId,
    node: NodeId,
    selection: Selection,
    parties: Parties,
    telling: Telling,
    exchanges: Vec<Exchange>,
    /// What happened while an exchange was under way: it is told after it, as it began later.
    held: Vec<Sentence>,
    /// Where the server had the token from that it is about to offer.
    source: BTreeMap<ActorId, String>,
    /// What was refused in the agent's name to somebody else, until it is known what came with the refusal.
    refused: BTreeMap<RequestId, Sentence>,
    servers: BTreeSet<ActorId>,
    counter: Option<u64>,
    policy: Option<u64>,
    starts: u32,
    is_there: bool,
    outcomes: BTreeMap<Outcome, u64>,
}

/// Something that is to be told.
#[derive(Debug)]
struct Sentence {
    at: VirtualTime,
    until: VirtualTime,
    subject: ActorId,
    what: String,
    /// Equal for what says the same again; none for what is always told.
    shape: Option<String>,
}

/// What a server gives who has none, and whose token it refused.
const A_TOKEN: &str = "a token";
const A_NEW_TOKEN: &str = "a new one";

/// An exchange that has not ended yet.
#[derive(Debug)]
struct Exchange {
    at: VirtualTime,
    number: u64,
    server: ActorId,
    authenticated: bool,
    connection: Option<ConnectionId>,
    parts: Vec<String>,
    /// The parts without numbers, so that the same again is known as such.
    shape: Vec<String>,
}

impl Story {
    /// The story of `agent`, from `from` to `to`.
    pub fn new(agent: ActorId, from: VirtualTime, to: VirtualTime) -> Self {
        Self {
            agent,
            node: Plan::node_of(agent),
            selection: Selection::new(from, to, Vec::new()),
            parties: Parties::default(),
            telling: Telling::default(),
            exchanges: Vec::new(),
            held: Vec::new(),
            source: BTreeMap::new(),
            refused: BTreeMap::new(),
            servers: BTreeSet::new(),
            counter: None,
            policy: None,
            starts: 0,
            is_there: false,
            outcomes: BTreeMap::new(),
        }
    }

    /// Learns of the next record. It must hear all of them from the first on.
    pub fn hear(&mut self, record: &Record) {
        let is_wanted = self.selection.hear(record);
        self.parties.hear(&record.event);
        let actor = record.event.actor;
        let opener = record.connection.and_then(|connection| self.parties.of(connection)).map(|ends| ends.opener);
        if actor == self.agent {
            self.is_there = true;
            self.own(record, is_wanted);
        } else if opener == Some(self.agent) {
            self.at_the_other_end(record, is_wanted);
        } else {
            self.elsewhere(record, opener, is_wanted);
        }
    }

    /// The story; nothing if the agent does not appear in the trace.
    pub fn finish(mut self) -> Option<String> {
        if !self.is_there {
            return None;
        }
        let open: Vec<_> = self.exchanges.drain(..).filter(|exchange| exchange.at <= self.selection.to).collect();
        for Exchange { at, server, mut parts, .. } in open {
            if parts.is_empty() {
                parts.push(format!("turned to {server}"));
            }
            let what = format!("{}; how that went lies beyond this part of the trace", listed(&parts));
            let before = self.held.partition_point(|held| held.at <= at);
            self.held.insert(before, Sentence { at, until: at, subject: self.agent, what, shape: None });
        }
        self.held.extend(std::mem::take(&mut self.refused).into_values());
        self.tell_held();
        let total: u64 = self.outcomes.values().sum();
        let counted = self.outcomes.iter().map(|(outcome, count)| format!("{count} {}", words::ended(*outcome)));
        let counted: Vec<_> = counted.collect();
        let exchanges = if total == 1 { "exchange" } else { "exchanges" };
        let total =
            if total == 0 { "no exchange".to_owned() } else { format!("{total} {exchanges}: {}", counted.join(", ")) };
        self.telling.close(&format!("In all {total}."));
        Some(self.telling.finish())
    }

    /// What the agent does and sees itself.
    fn own(&mut self, record: &Record, is_wanted: bool) {
        let (at, number) = (record.event.at, record.number);
        let what = match &record.event.kind {
            EventKind::Started { node, .. } => {
                self.node = *node;
                self.starts += 1;
                match (Plan::actor_of(*node).filter(|named| *named != self.agent), self.starts) {
                    (Some(original), 1) => format!("started, a clone of {original}"),
                    (_, 1) => "started".to_owned(),
                    _ => "started again, with an empty memory".to_owned(),
                }
            }
            EventKind::Stopped { power_loss } => {
                self.exchanges.clear();
                let what = if *power_loss { "lost power" } else { "stopped" };
                format!("{what}, and with it went all its tokens")
            }
            EventKind::RolledBack => "was set back to an earlier state of its memory".to_owned(),
            EventKind::AgentKeyChanged { .. } => "got another key".to_owned(),
            EventKind::Registered { .. } => "registered with smp".to_owned(),
            EventKind::PolicyReceived { version, .. } => {
                if self.policy.replace(*version) == Some(*version) {
                    return;
                }
                format!("received policy (version {version})")
            }
            EventKind::PolicyFailed { why } => {
                if is_wanted {
                    let what = format!("got no policy: {why}");
                    self.say(Sentence { at, until: at, subject: self.agent, shape: Some(what.clone()), what });
                }
                return;
            }
            EventKind::StoredTokenRemoved { server, why, .. } if self.exchanges.is_empty() => {
                format!("removed its token for {server} {}", words::removed(*why))
            }
            EventKind::ExchangeStarted { server, authenticated, .. } => {
                self.servers.insert(*server);
                self.exchanges.push(Exchange {
                    at,
                    number,
                    server: *server,
                    authenticated: *authenticated,
                    connection: None,
                    parts: Vec::new(),
                    shape: Vec::new(),
                });
                return;
            }
            EventKind::ExchangeEnded { outcome, trips, .. } => {
                self.end(record, *outcome, *trips, is_wanted);
                return;
            }
            kind => {
                self.within_exchange(record, kind);
                return;
            }
        };
        if is_wanted {
            self.say(Sentence { at, until: at, subject: self.agent, what, shape: None });
        }
    }

    fn within_exchange(&mut self, record: &Record, kind: &EventKind) {
        if let EventKind::Countersigned { counter, .. } = kind {
            self.counter = Some(*counter);
            return;
        }
        let counter = self.counter;
        let Some(exchange) = self.exchange_of(record) else { return };
        let server = exchange.server;
        match kind {
            EventKind::ConnectFailed { timed_out, .. } => {
                let why = if *timed_out { "had no answer" } else { "was refused" };
                exchange.add(format!("tried to connect to {server}"), "unconnected");
                exchange.add(why.to_owned(), why);
            }
            EventKind::RequestSent { carries, .. } => {
                let counted = counter.map_or(String::new(), |counter| format!(" (counter {counter})"));
                let part = match carries {
                    Carried::StoredToken => format!("asked {server} with its stored token{counted}"),
                    // A server that is not part of the load tells nothing of the token that it gave.
                    Carried::NewToken if !exchange.has_token() => {
                        format!("got a token, countersigned it{counted}")
                    }
                    Carried::NewToken => format!("countersigned it{counted}"),
                    Carried::FirstRequest if exchange.parts.is_empty() => format!("asked {server} without a token"),
                    Carried::FirstRequest => "asked anew".to_owned(),
                    Carried::Nothing if exchange.authenticated => {
                        format!("asked {server} on a connection that needs no token any more")
                    }
                    Carried::Nothing | Carried::Signature | Carried::LoginToken => format!("asked {server}"),
                    Carried::AccountHello => "asked to come in with an account".to_owned(),
                    Carried::AccountResponse => "answered with the account's password".to_owned(),
                    Carried::Bearer => format!("asked {server} with a bearer token"),
                    Carried::Forwarded => format!("sent it on to {server}"),
                    Carried::PeerResponse => format!("answered {server}'s challenge"),
                };
                exchange.add(part, words::carried(*carries));
            }
            EventKind::TokenDeclined { why, .. } => exchange.add(format!("did not trust it ({why})"), why),
            EventKind::DowngradeRefused { .. } => {
                exchange.add("would not be talked out of tokens, and raised an alert".to_owned(), "downgrade");
            }
            EventKind::AuthenticationImpossible { why, .. } => {
                exchange.add(format!("had no way to come in ({why})"), why)
            }
            EventKind::RedirectFollowed { to, .. } => exchange.add(format!("was sent on to {to}"), "redirect"),
            _ => {}
        }
    }

    /// What the server, or somebody in between, does on a connection of the agent.
    fn at_the_other_end(&mut self, record: &Record, is_wanted: bool) {
        let (at, actor) = (record.event.at, record.event.actor);
        let source = self.source.get(&actor).cloned();
        match &record.event.kind {
            EventKind::Refused { why, .. } => {
                let part = format!("was refused {}", words::refused(*why));
                if let Some(exchange) = self.exchange_of(record) {
                    exchange.add(part, words::refused(*why));
                }
            }
            EventKind::Challenged { challenge, .. } => {
                self.source.remove(&actor);
                let Some(exchange) = self.exchange_of(record) else { return };
                let (part, shape) = match challenge {
                    Some(challenge) => {
                        let which = if challenge.after_refusal { A_NEW_TOKEN } else { A_TOKEN };
                        let source = source.map_or(String::new(), |source| format!(" {source}"));
                        (format!("got {which}{source}"), which)
                    }
                    None => ("was asked for a token, but offered none".to_owned(), "no offer"),
                };
                exchange.add(part, shape);
            }
            EventKind::Intercepted { what, connection } | EventKind::Overheard { what, connection } => {
                let name = self.agent;
                if let Some(exchange) = self.exchange_of(record) {
                    exchange.add(format!("met {actor} on the way (it {what})"), what);
                } else if is_wanted {
                    let what = format!("was in between on {name}'s connection {connection}: it {what}");
                    self.say(Sentence { at, until: at, subject: actor, what, shape: None });
                }
            }
            _ => {}
        }
    }

    /// What others do to the agent, its server or its name.
    fn elsewhere(&mut self, record: &Record, opener: Option<ActorId>, is_wanted: bool) {
        let (at, actor, kind) = (record.event.at, record.event.actor, &record.event.kind);
        let name = self.agent;
        let is_me = |node: &NodeId| *node == self.node;
        match kind {
            EventKind::CacheHit { agent, .. } if is_me(agent) => {
                self.source.insert(actor, format!("from {actor}'s cache"));
            }
            EventKind::CacheMissed { agent, .. } if is_me(agent) => {
                self.source.insert(actor, format!("that {actor} fetched from smp"));
            }
            _ => {}
        }
        if !is_wanted {
            return;
        }
        let by = opener.map_or("somebody".to_owned(), |opener| opener.to_string());
        let (subject, what) = match kind {
            EventKind::Revoked { agent } if is_me(agent) => {
                (actor, format!("revoked {name}, of which others learn with their next policy"))
            }
            EventKind::Reinstated { agent } if is_me(agent) => (actor, format!("ended the revocation of {name}")),
            EventKind::CacheRemoved { agent, why, .. } if is_me(agent) && is_telling(*why) => {
                (actor, format!("removed {name}'s token from its cache {}", words::removed(*why)))
            }
            EventKind::Countersigned { agent, counter, .. } if is_me(agent) => {
                (actor, format!("signed a token in {name}'s name (counter {counter})"))
            }
            EventKind::Accepted { presented, .. } if is_me(&presented.agent) => (
                actor,
                format!("accepted a token in {name}'s name (counter {}) that {by} presented", presented.counter),
            ),
            EventKind::Refused { request, claimed_agent: Some(agent), why } if is_me(agent) => {
                let what = format!("refused a token in {name}'s name that {by} presented, {}", words::refused(*why));
                let refused = Sentence { at, until: at, subject: actor, shape: Some(what.clone()), what };
                // With a 403 comes nothing more.
                if matches!(why, Refusal::UnknownAgent | Refusal::AgentRevoked | Refusal::BadAgentSignature) {
                    self.say(refused);
                } else {
                    self.refused.insert(*request, refused);
                }
                return;
            }
            EventKind::Challenged { request, challenge } => {
                let offers = challenge.as_ref().is_some_and(|challenge| is_me(&challenge.agent));
                let what = match (self.refused.remove(request), offers) {
                    (Some(refused), true) => format!("{}, and offered it another", refused.what),
                    (Some(refused), false) => refused.what,
                    (None, true) => format!("offered {by} a token for {name}"),
                    (None, false) => return,
                };
                self.say(Sentence { at, until: at, subject: actor, shape: Some(what.clone()), what });
                return;
            }
            EventKind::Unavailable { request, .. } | EventKind::ResponseReceived { request, .. } => {
                if let Some(refused) = self.refused.remove(request) {
                    self.say(refused);
                }
                return;
            }
            EventKind::Started { .. } if self.servers.contains(&actor) => (actor, "started again".to_owned()),
            EventKind::Stopped { power_loss } if self.servers.contains(&actor) => {
                (actor, if *power_loss { "lost power" } else { "stopped" }.to_owned())
            }
            EventKind::ServerKeyRotated { .. } => (actor, "began to sign tokens with another key".to_owned()),
            EventKind::ServerKeyWithdrawn { .. } => (actor, "withdrew an earlier key for tokens".to_owned()),
            EventKind::SiteRemoved { site } | EventKind::SiteApproved { site }
                if Plan::actor_of(*site).is_some_and(|site| self.servers.contains(&site)) =>
            {
                let site = Plan::actor_of(*site).map_or_else(String::new, |site| site.to_string());
                let did = if matches!(kind, EventKind::SiteRemoved { .. }) { "removed" } else { "approved" };
                (actor, format!("{did} {site}"))
            }
            _ => return,
        };
        self.say(Sentence { at, until: at, subject, what, shape: None });
    }

    fn say(&mut self, sentence: Sentence) {
        self.held.push(sentence);
        self.tell_held();
    }

    /// Tells what was held back, unless an exchange is under way.
    fn tell_held(&mut self) {
        if self.exchanges.is_empty() {
            for Sentence { at, until, subject, what, shape } in self.held.drain(..) {
                match shape {
                    Some(shape) => self.telling.repeat(at, until, subject, &what, shape),
                    None => self.telling.tell(at, subject, &what),
                }
            }
        }
    }

    fn end(&mut self, record: &Record, outcome: Outcome, trips: u32, is_wanted: bool) {
        let at = record.event.at;
        let started = record.cause;
        let position = self.exchanges.iter().position(|exchange| Some(exchange.number) == started);
        let Some(position) = position.or((!self.exchanges.is_empty()).then_some(0)) else { return };
        let Exchange { at: since, server, mut parts, mut shape, .. } = self.exchanges.remove(position);
        if !is_wanted {
            self.tell_held();
            return;
        }
        *self.outcomes.entry(outcome).or_default() += 1;
        if outcome == Outcome::ServedPublic {
            parts = vec![format!("asked {server} for what needs no token")];
        }
        if parts.is_empty() {
            parts.push(format!("turned to {server}"));
        }
        let after = if trips > 1 { format!(" after {trips} trips") } else { String::new() };
        // Why there was no connection was told already.
        match (outcome, parts.last_mut()) {
            (Outcome::NotConnected, Some(why)) => why.push_str(&format!(" at {at}")),
            _ => parts.push(format!("{} at {at}{after}", words::failed(outcome))),
        }
        shape.push(format!("{server} {outcome:?} {trips}"));
        // Exchanges at the same time are told by their beginnings.
        let before = self.held.partition_point(|held| held.at <= since);
        let (what, shape) = (listed(&parts), Some(shape.join(", ")));
        self.held.insert(before, Sentence { at: since, until: at, subject: self.agent, what, shape });
        self.tell_held();
    }

    /// The exchange that an event belongs to: by its connection, or the latest that has none yet.
    fn exchange_of(&mut self, record: &Record) -> Option<&mut Exchange> {
        let connection = record.connection;
        let by_connection =
            self.exchanges.iter().position(|exchange| connection.is_some() && exchange.connection == connection);
        let ends = connection.and_then(|connection| self.parties.of(connection));
        let fits = |exchange: &Exchange| {
            exchange.connection.is_none() && ends.is_none_or(|ends| ends.server == exchange.server)
        };
        let latest = self.exchanges.len().checked_sub(1).filter(|_| connection.is_none());
        let position = by_connection.or_else(|| self.exchanges.iter().position(fits)).or(latest)?;
        let exchange = self.exchanges.get_mut(position)?;
        exchange.connection = exchange.connection.or(connection);
        Some(exchange)
    }
}

impl Exchange {
    /// Whether it is known that the server gave a token.
    fn has_token(&self) -> bool {
        self.shape.iter().any(|shape| shape == A_TOKEN || shape == A_NEW_TOKEN)
    }

    fn add(&mut self, part: String, shape: &str) {
        self.parts.push(part);
        self.shape.push(shape.to_owned());
    }
}

/// Whether a removal is more than the passing of time.
const fn is_telling(why: crate::event::Removal) -> bool {
    use crate::event::Removal::{Capacity, Forbidden, KeyDoubted, ReplayRefused};
    matches!(why, Capacity | Forbidden | KeyDoubted | ReplayRefused)
}
