//! From events to records.

use std::collections::BTreeMap;

use super::{LogRecord, Severity, Source};
use crate::{
    event::{Carried, Event, EventKind, MachineChange, Member, Outcome, Removal, Unloading},
    types::{AccountScheme, ActorId, RequestId},
};

/// How many requests in hand are remembered.
const REQUESTS_MAX: usize = 16_384;

/// Writes down what happens. Each event makes one record at most, and one more if it is the first about its request.
///
/// What a module says of requests it says where a machine stands around the server, and of what the server decides where
/// none does: a served server is its own module.
#[derive(Debug, Default)]
pub struct Scribe {
    /// The number of each request in hand, and who has it.
    requests: BTreeMap<RequestId, (u32, Hands)>,
    /// The scheme of the account by which an agent came in last.
    schemes: BTreeMap<ActorId, AccountScheme>,
    /// How many requests each server without a machine has had.
    numbers: BTreeMap<ActorId, u32>,
}

/// Who has a request in hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hands {
    /// The module of a machine.
    Module,
    /// The web server of a machine, on which no module is registered.
    WebServer,
    /// A server without a machine.
    Server,
}

/// A record without its circumstances: who, how grave, about which request, what.
type Said = (Source, Severity, Option<RequestId>, String);

impl Scribe {
    /// The records of an event, if it makes any.
    pub fn hear(&mut self, event: &Event) -> impl Iterator<Item = LogRecord> + use<> {
        let (number, is_new) = self.number(event).unzip();
        let begun = event.kind.request().filter(|_| is_new == Some(true)).map(|request| {
            let text = format!("IISModule: Request: {}", path_of(&event.kind));
            record(event, number, (Source::Module, Severity::Debug, Some(request), text))
        });
        let said = self.said(event).map(|said| record(event, number, said));
        [begun, said].into_iter().flatten()
    }

    fn said(&mut self, event: &Event) -> Option<Said> {
        let is_by_itself = self.is_in(event, Hands::WebServer);
        let said = match event.actor {
            ActorId::Agent(_) => self.of_client(event),
            ActorId::Smp | ActorId::Site(_) => match &event.kind {
                EventKind::Machine(_) if is_by_itself => None,
                EventKind::Machine(change) => of_machine(change),
                kind => self.of_module(kind).or_else(|| of_management_agent(kind)),
            },
            // What portals and proxies log is not known.
            ActorId::Attacker(_)
            | ActorId::FrontEnd
            | ActorId::AutomationServer
            | ActorId::AdministrationServer
            | ActorId::PortletServer
            | ActorId::Browser(_)
            | ActorId::Proxy(_) => None,
        };
        let is_over = matches!(event.kind, EventKind::Machine(MachineChange::RequestLeft { .. }));
        if let Some(request) = event.kind.request().filter(|_| is_over) {
            self.requests.remove(&request);
        }
        said
    }

    /// The record of an agent's event: what it used to authenticate was told earlier than what came of it (rule 16).
    fn of_client(&mut self, event: &Event) -> Option<Said> {
        match &event.kind {
            EventKind::CredentialsSent { scheme, .. } => drop(self.schemes.insert(event.actor, *scheme)),
            EventKind::Countersigned { .. } => drop(self.schemes.remove(&event.actor)),
            _ => {}
        }
        of_client(&event.kind, self.schemes.get(&event.actor).copied())
    }

    /// The number of the request that an event at a server is about, and whether a server that is its own module hears of the
    /// request for the first time.
    fn number(&mut self, event: &Event) -> Option<(u32, bool)> {
        let is_server = matches!(event.actor, ActorId::Smp | ActorId::Site(_));
        let request = event.kind.request().filter(|_| is_server)?;
        if let EventKind::Machine(MachineChange::RequestTaken { number, module, .. }) = &event.kind {
            let hands = if module.is_some() { Hands::Module } else { Hands::WebServer };
            self.requests.insert(request, (*number, hands));
            return Some((*number, false));
        }
        let is_sent = matches!(event.kind, EventKind::RequestSent { .. } | EventKind::ResponseReceived { .. });
        if let Some((number, _)) = self.requests.get(&request) {
            return Some((*number, false));
        }
        // A server that sends requests of its own is a client of them.
        if is_sent {
            return None;
        }
        let number = self.numbers.entry(event.actor).or_default();
        *number = number.saturating_add(1);
        let is_answered = matches!(
            event.kind,
            EventKind::Served { .. } | EventKind::Challenged { .. } | EventKind::Unavailable { .. }
        );
        if !is_answered {
            self.requests.insert(request, (*number, Hands::Server));
        }
        // Not every refusal has an answer that is told: those are forgotten in time, the earliest first.
        let number = *number;
        while self.requests.len() > REQUESTS_MAX {
            self.requests.pop_first();
        }
        // Where a machine speaks of requests, it has told of this one.
        Some((number, !matches!(event.kind, EventKind::Machine(_))))
    }

    /// Whether the request that an event is about is in these hands.
    fn is_in(&self, event: &Event, hands: Hands) -> bool {
        let known = event.kind.request().and_then(|request| self.requests.get(&request));
        known.is_some_and(|(_, found)| *found == hands)
    }

    /// What a server's answer is to a module that nobody else speaks for.
    fn of_module(&mut self, kind: &EventKind) -> Option<Said> {
        let request = kind.request()?;
        if self.requests.get(&request).is_some_and(|(_, hands)| *hands != Hands::Server) {
            return None;
        }
        let status = match kind {
            EventKind::Served { .. } => 200,
            EventKind::Challenged { .. } => 401,
            EventKind::Unavailable { status, .. } => *status,
            _ => return None,
        };
        self.requests.remove(&request);
        Some((Source::Module, Severity::Debug, Some(request), format!("IISModule: Response: {status}")))
    }
}

fn record(event: &Event, number: Option<u32>, (source, severity, request, text): Said) -> LogRecord {
    let number = number.filter(|_| source == Source::Module);
    LogRecord { at: event.at, actor: event.actor, source, severity, request, number, text }
}

/// What path a request is for, as far as the first event about it tells.
const fn path_of(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Served { agent: None, .. } => "public path",
        EventKind::PackageAsked { .. } => "package",
        _ => "protected path",
    }
}

/// What a client logs; `scheme` is that of the account by which it came in last, if it was no token.
fn of_client(kind: &EventKind, scheme: Option<AccountScheme>) -> Option<Said> {
    let (severity, request, text) = match kind {
        EventKind::RequestSent { request, carries, token_bytes } => {
            let carries = match carries {
                Carried::Nothing => "no Authorization header".to_owned(),
                Carried::FirstRequest => "agent and uid".to_owned(),
                Carried::StoredToken => format!("a stored token of {token_bytes} bytes"),
                Carried::NewToken => format!("a new token of {token_bytes} bytes"),
                Carried::Signature => "a signature".to_owned(),
                Carried::Bearer => format!("a special token of {token_bytes} bytes"),
                Carried::AccountHello => "the name of a scheme".to_owned(),
                Carried::AccountResponse => "the answer of an account".to_owned(),
                Carried::LoginToken => format!("a login token of {token_bytes} bytes"),
                Carried::Forwarded => "what somebody else sent".to_owned(),
                Carried::PeerResponse => "a response to a peer".to_owned(),
            };
            (Severity::Debug, Some(*request), format!("NetworkOperation: sends a request with {carries}"))
        }
        EventKind::ResponseReceived { request, status } => {
            (Severity::Debug, Some(*request), format!("NetworkOperation: receives {status}"))
        }
        EventKind::ExchangeEnded { server, outcome, trips, .. } => {
            let kind = match outcome {
                Outcome::ServedPublic => "none was needed",
                outcome if outcome.is_served() => scheme.map_or("Token", AccountScheme::name),
                _ => "none succeeded",
            };
            let severity = if outcome.is_served() { Severity::Info } else { Severity::Warning };
            let text = format!("NetworkOperation: authentication used for server {server}: {kind}, requests {trips}");
            (severity, None, text)
        }
        EventKind::ConnectFailed { server, timed_out } => {
            let why = if *timed_out { "timed out" } else { "was refused" };
            (Severity::Error, None, format!("NetworkOperation: connection to {server} {why}"))
        }
        EventKind::TokenDeclined { server, why } => {
            (Severity::Warning, None, format!("Token of {server} is not trusted: {why}"))
        }
        EventKind::TokenStored { server, jti, .. } => {
            (Severity::Verbose, None, format!("Token storage: token {jti} for {server} is stored"))
        }
        EventKind::StoredTokenRemoved { server, jti, why } => {
            (Severity::Verbose, None, format!("Token storage: token {jti} for {server} is {}", removed(*why)))
        }
        other => return of_policy(other, Source::Client),
    };
    Some((Source::Client, severity, request, text))
}

fn of_policy(kind: &EventKind, source: Source) -> Option<Said> {
    let (severity, text) = match kind {
        EventKind::Registered { keys } => (Severity::Info, format!("Server keys: {keys} received at registration")),
        EventKind::PolicyReceived { version, keys } => {
            (Severity::Info, format!("Server keys: {keys} received with policy {version}, RSA of 2048 bits"))
        }
        // What came instead may be somebody else's words.
        EventKind::PolicyFailed { .. } => (Severity::Error, "Policy could not be had".to_owned()),
        _ => return None,
    };
    Some((source, severity, None, text))
}

fn of_management_agent(kind: &EventKind) -> Option<Said> {
    let (severity, request, text) = match kind {
        EventKind::Started { .. } => (Severity::Info, None, "SiteServer: starts".to_owned()),
        EventKind::Issued { agent, jti, expires, .. } => {
            (Severity::Verbose, None, format!("SiteServer: Token {jti} is issued to {agent}, expires at {}", expires.0))
        }
        EventKind::Accepted { request, presented, .. } => {
            let text = format!("SiteServer: {} is authenticated, kind: Token", presented.agent);
            (Severity::Verbose, Some(*request), text)
        }
        EventKind::Refused { request, why, .. } => {
            (Severity::Warning, Some(*request), format!("SiteServer: Token is refused: {why:?}"))
        }
        EventKind::AccountAccepted { request, scheme, account } => {
            (Severity::Verbose, Some(*request), format!("SiteServer: {account} is authenticated, kind: {scheme}"))
        }
        EventKind::AccountRefused { request, scheme, why } => {
            (Severity::Warning, Some(*request), format!("SiteServer: {scheme} is refused: {why:?}"))
        }
        EventKind::RegistryRecorded { request, presented, state } => {
            let text = format!(
                "Token registry: token {} of {}, counter {} processed; highest {}, window {:#x}",
                presented.jti, presented.agent, presented.counter, state.highest, state.window
            );
            (Severity::Verbose, Some(*request), text)
        }
        EventKind::RegistryRemoved { jti, why, .. } => {
            (Severity::Verbose, None, format!("Token registry: token {jti} is {}", removed(*why)))
        }
        EventKind::RegistryPurged { removed, kept } => {
            (Severity::Trace, None, format!("Token registry: {removed} removed, {kept} kept"))
        }
        EventKind::CacheHit { agent, jti, .. } => {
            (Severity::Verbose, None, format!("Token cache: token {jti} of {agent} is taken from it"))
        }
        EventKind::CacheMissed { agent, .. } => (Severity::Verbose, None, format!("Token cache: has none of {agent}")),
        EventKind::CacheStored { agent, jti, refreshed, .. } => {
            let how = if *refreshed { "refreshed" } else { "stored" };
            (Severity::Verbose, None, format!("Token cache: token {jti} of {agent} is {how}"))
        }
        EventKind::CacheRemoved { jti, why, .. } => {
            (Severity::Verbose, None, format!("Token cache: token {jti} is {}", removed(*why)))
        }
        EventKind::UpstreamStarted { agents, .. } => {
            (Severity::Trace, None, format!("Token cache: asks the SMP for tokens of {agents} agents"))
        }
        EventKind::UpstreamEnded { tokens: Some(tokens), .. } => {
            (Severity::Trace, None, format!("Token cache: {tokens} tokens received from the SMP"))
        }
        EventKind::UpstreamEnded { tokens: None, .. } => {
            (Severity::Error, None, "Token cache: no answer of the SMP".to_owned())
        }
        EventKind::ValidationStarted { entries, due, .. } => {
            (Severity::Trace, None, format!("Token cache: validation of {entries} tokens starts, {due} are due"))
        }
        EventKind::ValidationEnded { refreshed, removed, .. } => {
            let text = format!("Token cache: validation ends, {refreshed} refreshed, {removed} expired and removed");
            (Severity::Trace, None, text)
        }
        other => return of_policy(other, Source::ManagementAgent),
    };
    Some((Source::ManagementAgent, severity, request, text))
}

fn of_machine(change: &MachineChange) -> Option<Said> {
    let module = |severity, request: Option<RequestId>, text: String| Some((Source::Module, severity, request, text));
    let agent = |severity, text: String| Some((Source::ManagementAgent, severity, None, text));
    match change {
        MachineChange::RequestTaken { request, worker, protected, .. } => {
            let path = if *protected { "protected" } else { "public" };
            let text = format!("IISModule: Request: {path} path, worker process {worker}");
            module(Severity::Debug, Some(*request), text)
        }
        MachineChange::RequestLeft { request, status: Some(status) } => {
            module(Severity::Debug, Some(*request), format!("IISModule: Response: {status}"))
        }
        MachineChange::RequestLeft { request, status: None } => {
            module(Severity::Debug, Some(*request), "IISModule: the client has gone".to_owned())
        }
        MachineChange::ConnectionForgotten { .. } => None,
        MachineChange::CallFailed { request, call, timed_out } => {
            let why = if *timed_out { "time-out" } else { "nobody is there" };
            module(Severity::Error, Some(*request), format!("IISModule: call {call:?} of the management agent: {why}"))
        }
        MachineChange::ModuleLoaded { worker, module: name } => {
            module(Severity::Info, None, format!("IISModule: {name} is loaded by worker process {worker}"))
        }
        MachineChange::ModuleUnloaded { worker, module: name, why } => {
            let why = match why {
                Unloading::Swapped => "another takes its place",
                Unloading::Unregistered => "it is unregistered",
            };
            module(Severity::Info, None, format!("IISModule: {name} leaves worker process {worker}: {why}"))
        }
        MachineChange::ModuleCopied { module } => agent(Severity::Info, format!("Setup: {module} is copied")),
        MachineChange::ModuleRegistered { module, sites } => {
            agent(Severity::Info, format!("Setup: {module} is registered on {}", sites.join(", ")))
        }
        MachineChange::ModuleUnregistered { module } => {
            agent(Severity::Info, format!("Setup: {module} is unregistered"))
        }
        MachineChange::ModuleDeleted { module } => agent(Severity::Info, format!("Setup: {module} is deleted")),
        MachineChange::ManagementAgentStopped => agent(Severity::Info, "SiteServer: stops".to_owned()),
        MachineChange::ManagementAgentStarted => agent(Severity::Info, "SiteServer: starts again".to_owned()),
        MachineChange::AccountSet { created, length, tries, .. } => {
            let what = if *created { "created" } else { "updated" };
            let text = format!("Account _SMP_IUSR is {what}, password length {length}, tries {tries}");
            agent(Severity::Info, text)
        }
        MachineChange::AccountFailed { length, tries } => {
            let text = format!("Account _SMP_IUSR cannot be updated, password length {length}, tries {tries}");
            agent(Severity::Error, text)
        }
        MachineChange::AlertSent => agent(Severity::Warning, "Account _SMP_IUSR: alert sent to the SMP".to_owned()),
        MachineChange::AccountRemoved => agent(Severity::Info, "Account _SMP_IUSR is removed".to_owned()),
        MachineChange::GroupCreated => agent(Severity::Info, "Group _SMP_USERS is created".to_owned()),
        // Nobody was asked who did it.
        MachineChange::GroupDeleted => None,
        MachineChange::MemberAdded { member } => {
            agent(Severity::Info, format!("Group _SMP_USERS: {} is added", account(*member)))
        }
        MachineChange::MemberRemoved { member } => {
            agent(Severity::Info, format!("Group _SMP_USERS: {} is removed", account(*member)))
        }
        MachineChange::LogFolderOpened => {
            agent(Severity::Info, "Log folder: worker processes may rotate files".to_owned())
        }
        MachineChange::LogFolderReset => agent(Severity::Info, "Log folder: access is as by default".to_owned()),
    }
}

const fn account(member: Member) -> &'static str {
    match member {
        Member::SmpIusr => "_SMP_IUSR",
        Member::Acc => "ACC",
    }
}

/// Why a token was removed: it stands after "is".
const fn removed(why: Removal) -> &'static str {
    match why {
        Removal::ExpiredSweep | Removal::ExpiredInUse => "expired and removed",
        Removal::Idle => "unused and removed",
        Removal::Forbidden => "forbidden and removed",
        Removal::Replaced => "replaced",
        Removal::PathChanged => "for an earlier path and removed",
        Removal::ReplayRefused => "replayed and removed",
        Removal::Capacity => "removed to make room",
        Removal::KeyDoubted => "removed for a newer key",
    }
}

#[cfg(test)]
#[path = "scribe_tests.rs"]
mod tests;
