//! An event in a few words, and whom and what it is about.

use super::{super::human, passing_words};
use crate::{
    event::{BearerEvent, Carried, EventKind, MachineChange, PortalEvent, UpstreamPurpose},
    plan::Plan,
    types::{ActorId, AuthenticationKind, BearerKind, NodeId},
};

/// How many characters an event may take: a line of the diagram.
const LENGTH_MAX: usize = 72;

/// What the actor did, without the actor.
pub(super) fn words(kind: &EventKind) -> String {
    let text = match kind {
        EventKind::Started { .. } => "starts, with empty memory".into(),
        EventKind::ConnectionOpened { connection, server, secure } => {
            format!("opens {connection} to {server}{}", if *secure { " over TLS" } else { "" })
        }
        EventKind::ConnectFailed { server, timed_out } => {
            format!("gets no connection to {server}: {}", if *timed_out { "timed out" } else { "refused" })
        }
        EventKind::ConnectionClosed { connection, why } => format!("closes {connection}: {}", human::words(why)),
        EventKind::ExchangeStarted { server, warm, authenticated } => {
            let with = match (authenticated, warm) {
                (true, _) => "on an authenticated connection",
                (false, true) => "with a stored token",
                (false, false) => "without a token",
            };
            format!("wants something of {server}, {with}")
        }
        EventKind::Countersigned { counter, .. } => format!("countersigns a token, counter {counter}"),
        EventKind::RequestSent { request, carries, .. } => format!("sends {request} with {}", carried(*carries)),
        EventKind::ResponseReceived { request, status } => format!("gets {status} for {request}"),
        EventKind::ExchangeEnded { server, outcome, trips, .. } => {
            format!("is done with {server}: {}, {}", human::words(outcome), human::number_of((*trips).into(), "trip"))
        }
        EventKind::TokenDeclined { server, why } => format!("turns down the token of {server}: {why}"),
        EventKind::TokenStored { server, .. } => format!("stores the token for {server}"),
        EventKind::StoredTokenRemoved { server, why, .. } => {
            format!("drops the token for {server}: {}", human::words(why))
        }
        EventKind::Issued { agent, site, .. } => {
            let by_way_of = site.map(|site| format!(", asked by {}", name(site))).unwrap_or_default();
            format!("issues a token for {}{by_way_of}", name(*agent))
        }
        EventKind::Challenged { request, challenge } => {
            let with = if challenge.is_some() { "with a token" } else { "without a token" };
            format!("challenges {request} {with}")
        }
        EventKind::RegistryRecorded { presented, state, .. } => {
            format!("records counter {} of {}, highest {}", presented.counter, name(presented.agent), state.highest)
        }
        EventKind::RegistryRemoved { agent, why, .. } => {
            format!("forgets a token of {}: {}", name(*agent), human::words(why))
        }
        EventKind::RegistryPurged { removed, kept } => format!("purges its registry: {removed} go, {kept} stay"),
        EventKind::RegistryMeasured { entries, .. } => format!("has {entries} entries in its registry"),
        EventKind::Accepted { request, presented, .. } => {
            format!("accepts {request}: {}, counter {}", name(presented.agent), presented.counter)
        }
        EventKind::Refused { request, why, .. } => format!("refuses {request}: {}", human::words(why)),
        EventKind::Served { request, agent } => match agent {
            Some(agent) => format!("serves {request} to {}", name(*agent)),
            None => format!("serves {request}, which needs no authentication"),
        },
        EventKind::Unavailable { request, status } => format!("answers {request} with {status}"),
        EventKind::Worked { busy_ns, .. } => format!("works for {}", human::duration(*busy_ns)),
        EventKind::CacheHit { agent, .. } => format!("finds the token of {} in its cache", name(*agent)),
        EventKind::CacheMissed { agent, .. } => format!("has no token of {} in its cache", name(*agent)),
        EventKind::CacheStored { agent, refreshed, .. } => {
            format!("caches a token of {}{}", name(*agent), if *refreshed { ", refreshed" } else { "" })
        }
        EventKind::CacheRemoved { agent, why, .. } => {
            format!("removes the token of {} from its cache: {}", name(*agent), human::words(why))
        }
        EventKind::SlotAwaited { position: 0 } => "takes an upstream slot".into(),
        EventKind::SlotAwaited { position } => format!("waits for an upstream slot, in place {position}"),
        EventKind::UpstreamStarted { purpose, agents, .. } => {
            format!("asks the issuer for {} ({})", human::number_of((*agents).into(), "token"), purpose_words(*purpose))
        }
        EventKind::UpstreamEnded { purpose, tokens, .. } => {
            let tokens = tokens.map_or("nothing".into(), |tokens| human::number_of(tokens.into(), "token"));
            format!("gets {tokens} from the issuer ({})", purpose_words(*purpose))
        }
        EventKind::ValidationStarted { entries, due, .. } => format!("validates its cache: {due} of {entries} are due"),
        EventKind::ValidationEnded { requested, refreshed, .. } => {
            format!("has validated its cache: {refreshed} of {requested} refreshed")
        }
        EventKind::Registered { keys } => format!("is registered, with {}", human::number_of((*keys).into(), "key")),
        EventKind::PolicyReceived { version, .. } => format!("receives policy {version}"),
        EventKind::PolicyFailed { why } => format!("receives no policy: {why}"),
        EventKind::Stopped { power_loss: true } => "loses power".into(),
        EventKind::Stopped { power_loss: false } => "crashes".into(),
        EventKind::RolledBack => "goes back to an earlier memory".into(),
        EventKind::Revoked { agent } => format!("learns that {} is revoked", name(*agent)),
        EventKind::Reinstated { agent } => format!("learns that {} is reinstated", name(*agent)),
        EventKind::ServerKeyRotated { key } => format!("signs with key {key} from now on"),
        EventKind::ServerKeyWithdrawn { key } => format!("withdraws key {key}"),
        EventKind::AgentKeyChanged { key } => format!("signs with key {key} from now on"),
        EventKind::PolicyChanged { version } => format!("has a new policy, {version}"),
        EventKind::SiteRemoved { site } => format!("learns that {} is removed", name(*site)),
        EventKind::SiteApproved { site } => format!("learns that {} is approved", name(*site)),
        EventKind::Attempted { what, status } => {
            let answer = status.map_or("no answer".into(), |status| status.to_string());
            format!("tries {what}: {answer}")
        }
        EventKind::Intercepted { connection, what } => format!("on {connection}: {what}"),
        EventKind::Overheard { connection, what } => format!("overhears on {connection}: {what}"),
        EventKind::Machine(change) => machine_words(change),
        EventKind::Portal(PortalEvent::LoginTokenIssued { user, purpose, .. }) => {
            format!("makes a login token for {user} ({purpose})")
        }
        EventKind::Portal(PortalEvent::LoginTokenDenied { user, purpose }) => {
            format!("makes no login token for {user} ({purpose})")
        }
        EventKind::Portal(PortalEvent::LoginTokenAccepted { request, user, .. }) => {
            format!("accepts {request}: {user} is logged in")
        }
        EventKind::Portal(PortalEvent::LoginTokenRefused { request, why, .. }) => {
            format!("refuses the login token of {request}: {why}")
        }
        EventKind::Portal(PortalEvent::LoginTokenKeyUpdated { updates }) => {
            format!("has a new Login Token Key, update {updates}")
        }
        EventKind::Portal(PortalEvent::PasswordAccepted { request, user }) => {
            format!("accepts the password in {request}: {user}")
        }
        EventKind::Portal(PortalEvent::PasswordRefused { request, user }) => {
            format!("refuses the password in {request}: {}", user.as_deref().unwrap_or("nobody has that name"))
        }
        EventKind::Portal(PortalEvent::SessionOpened { request, user }) => {
            format!("opens a session for {user} in {request}")
        }
        EventKind::Portal(PortalEvent::SessionUsed { request, user }) => {
            format!("serves {request} in {user}'s session")
        }
        EventKind::Portal(PortalEvent::JobStarted { job, user }) => format!("runs job {job} as {user}"),
        EventKind::Portal(PortalEvent::JobEnded { job, outcome, steps }) => {
            format!("ends job {job}: {}, {}", human::words(outcome), human::number_of((*steps).into(), "step"))
        }
        EventKind::AuthenticationOffered { request, offered } => {
            let names: Vec<_> = offered.kinds().map(AuthenticationKind::name).collect();
            format!("offers {request}: {}", if names.is_empty() { "nothing".to_owned() } else { names.join(", ") })
        }
        EventKind::AccountAccepted { request, scheme, account } => {
            format!("accepts {request} by {scheme}: {}", name(*account))
        }
        EventKind::AccountRefused { request, scheme, why } => {
            format!("refuses {request} by {scheme}: {}", human::words(why))
        }
        EventKind::CredentialsSent { connection, server, scheme, why } => {
            format!("sends credentials to {server} on {connection} by {scheme}: {}", human::words(why))
        }
        EventKind::DowngradeRefused { server, .. } => format!("ALERT: will not be talked out of tokens at {server}"),
        EventKind::AuthenticationImpossible { server, why } => format!("cannot authenticate at {server}: {why}"),
        EventKind::RedirectFollowed { from, to } => format!("is sent on by {from}, and goes to {to}"),
        EventKind::AccKept { kept: true } => "keeps the credentials of the ACC".into(),
        EventKind::AccKept { kept: false } => "has no credentials of the ACC any more".into(),
        EventKind::AccPasswordChanged { .. } => "learns that the password of the ACC is another".into(),
        EventKind::Bearer(event) => bearer_words(event),
        EventKind::Proxy(event) => passing_words::of_proxy(event),
        EventKind::Peer(event) => passing_words::of_peer(event),
        EventKind::PackageAsked { request, access } => format!("is asked for a package in {request}; access: {access}"),
    };
    shortened(&text)
}

/// Whom an event is about, beside its own actor.
pub(super) fn other(kind: &EventKind) -> Option<ActorId> {
    match kind {
        EventKind::ConnectionOpened { server, .. }
        | EventKind::ConnectFailed { server, .. }
        | EventKind::ExchangeStarted { server, .. }
        | EventKind::ExchangeEnded { server, .. }
        | EventKind::TokenDeclined { server, .. }
        | EventKind::TokenStored { server, .. }
        | EventKind::StoredTokenRemoved { server, .. }
        | EventKind::CredentialsSent { server, .. }
        | EventKind::DowngradeRefused { server, .. }
        | EventKind::AuthenticationImpossible { server, .. }
        | EventKind::RedirectFollowed { to: server, .. }
        | EventKind::Bearer(BearerEvent::Called { server, .. }) => Some(*server),
        EventKind::Issued { agent, .. }
        | EventKind::RegistryRemoved { agent, .. }
        | EventKind::CacheHit { agent, .. }
        | EventKind::CacheMissed { agent, .. }
        | EventKind::CacheStored { agent, .. }
        | EventKind::CacheRemoved { agent, .. }
        | EventKind::Revoked { agent }
        | EventKind::Reinstated { agent } => Plan::actor_of(*agent),
        EventKind::SiteRemoved { site } | EventKind::SiteApproved { site } => Plan::actor_of(*site),
        EventKind::Served { agent, .. } => agent.and_then(Plan::actor_of),
        EventKind::RegistryRecorded { presented, .. } | EventKind::Accepted { presented, .. } => {
            Plan::actor_of(presented.agent)
        }
        _ => None,
    }
}

fn machine_words(change: &MachineChange) -> String {
    match change {
        MachineChange::ModuleCopied { module } => format!("copies {module} in"),
        MachineChange::ModuleRegistered { module, .. } => format!("registers {module}"),
        MachineChange::ModuleUnregistered { module } => format!("unregisters {module}"),
        MachineChange::ModuleDeleted { module } => format!("deletes {module}"),
        MachineChange::ModuleLoaded { worker, module } => format!("loads {module} in worker process {worker}"),
        MachineChange::ModuleUnloaded { worker, module, .. } => format!("unloads {module} in worker process {worker}"),
        MachineChange::RequestTaken { request, worker, .. } => format!("takes {request} in worker process {worker}"),
        MachineChange::RequestLeft { request, status } => match status {
            Some(status) => format!("is done with {request}: {status}"),
            None => format!("is done with {request}, whose client has gone"),
        },
        MachineChange::ConnectionForgotten { connection } => format!("forgets that {connection} is authenticated"),
        MachineChange::ManagementAgentStopped => "loses its management agent".into(),
        MachineChange::ManagementAgentStarted => "has its management agent again".into(),
        MachineChange::CallFailed { request, .. } => format!("calls its management agent in vain for {request}"),
        MachineChange::AccountSet { length, tries, .. } => {
            format!("gives its account a password of {length} characters, {}", human::number_of((*tries).into(), "try"))
        }
        MachineChange::AccountFailed { tries, .. } => format!("fails to update its account, {tries} tries"),
        MachineChange::AlertSent => "alerts the SMP about its account".into(),
        MachineChange::AccountRemoved => "removes its account".into(),
        MachineChange::GroupCreated => "creates its group".into(),
        MachineChange::GroupDeleted => "loses its group".into(),
        MachineChange::MemberAdded { member } => format!("takes {} into its group", human::words(member)),
        MachineChange::MemberRemoved { member } => format!("takes {} out of its group", human::words(member)),
        MachineChange::LogFolderOpened => "opens its log folder to worker processes".into(),
        MachineChange::LogFolderReset => "resets access to its log folder".into(),
    }
}

fn carried(what: Carried) -> &'static str {
    match what {
        Carried::Nothing => "no authentication",
        Carried::FirstRequest => "agent and uid",
        Carried::StoredToken => "a stored token",
        Carried::NewToken => "a new token",
        Carried::Signature => "a signature",
        Carried::LoginToken => "a login token",
        Carried::AccountHello => "the name of an account's scheme",
        Carried::AccountResponse => "the answer of an account",
        Carried::Bearer => "a bearer token",
        Carried::Forwarded => "what came to it",
        Carried::PeerResponse => "a response to a peer",
    }
}

fn purpose_words(purpose: UpstreamPurpose) -> &'static str {
    match purpose {
        UpstreamPurpose::FirstFetch => "first fetch",
        UpstreamPurpose::Validation => "validation",
    }
}

fn bearer_words(event: &BearerEvent) -> String {
    match event {
        BearerEvent::Issued { kind, .. } => format!("issues a {} token", human::words(kind)),
        BearerEvent::Revoked { .. } => "learns that a bearer token is revoked".into(),
        BearerEvent::Accepted { request, kind, path, .. } => {
            format!("accepts a {} token in {request} for {path}", human::words(kind))
        }
        BearerEvent::Refused { request, why, .. } => {
            format!("refuses the bearer token in {request}: {}", human::words(why))
        }
        BearerEvent::Called { server, kind, status } => {
            let answer = status.map_or("no answer".into(), |status| status.to_string());
            format!("calls {server} with a {} token: {answer}", human::words(kind))
        }
    }
}

fn name(node: NodeId) -> String {
    if node == NodeId::ACC {
        return "ACC".to_owned();
    }
    if let Some(kind) = BearerKind::of_identity(node) {
        return format!("whoever has a {} token", human::words(&kind));
    }
    Plan::actor_of(node).map_or_else(|| format!("unknown node {node}"), |actor| actor.to_string())
}

/// No longer than a line. What attackers write may be long, and of any form.
fn shortened(text: &str) -> String {
    let plain: String = text.chars().filter(|letter| !letter.is_control()).take(LENGTH_MAX + 1).collect();
    match plain.char_indices().nth(LENGTH_MAX - 1) {
        Some((at, _)) if plain.chars().count() > LENGTH_MAX => format!("{}…", &plain[..at]),
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_to_a_line_and_control_characters_left_out() {
        assert_eq!(shortened(&"ä".repeat(72)), "ä".repeat(72));
        assert_eq!(shortened(&"ä".repeat(73)), "ä".repeat(71) + "…");
        assert_eq!(shortened("a\u{1b}b"), "ab");
    }
}
