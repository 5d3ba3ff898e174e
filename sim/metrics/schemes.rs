//! Who got in by which way of authentication, and how many of those were attackers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::{BearerEvent, Event, EventKind, PortalEvent},
    types::{ActorId, ConnectionId, RequestId, VirtualTime},
};

/// A way of authentication.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// A token that its agent has countersigned.
    AgentToken,
    /// A push-install or an ASDK token.
    BearerToken,
    /// The agent connectivity credentials, by `NTLM` or `Basic`.
    Acc,
    /// The account of a machine, by `Negotiate`.
    Windows,
    /// A portal's login token.
    LoginToken,
    /// A password at a portal's front end.
    Password,
}

impl Scheme {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgentToken => "agent token",
            Self::BearerToken => "push-install or ASDK token",
            Self::Acc => "ACC",
            Self::Windows => "Windows",
            Self::LoginToken => "login token",
            Self::Password => "password at a portal",
        }
    }
}

/// What came of one way of authentication, at all servers together. What is served on a connection or in a session after
/// it was authenticated is not counted again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SchemeFigures {
    /// Credentials that were accepted, those of attackers included.
    pub accepted: u64,
    /// Credentials that were turned down, those of attackers included.
    pub refused: u64,
    /// Accepted on connections of attackers.
    pub accepted_from_attackers: u64,
    /// Turned down on connections of attackers.
    pub refused_from_attackers: u64,
    /// From the first accepted on an attacker's connection to the last one, of the same attacker, at most, in nanoseconds.
    pub attackers_span_ns: u64,
}

/// Notes who gets in.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct SchemeRecorder {
    figures: BTreeMap<Scheme, SchemeFigures>,
    /// Connections that attackers opened, with whose they are.
    of_attackers: BTreeMap<ConnectionId, ActorId>,
    first_accepted: BTreeMap<(Scheme, ActorId), VirtualTime>,
}

impl SchemeRecorder {
    pub(super) fn hear(&mut self, event: &Event) {
        match &event.kind {
            EventKind::ConnectionOpened { connection, .. } if matches!(event.actor, ActorId::Attacker(_)) => {
                self.of_attackers.insert(*connection, event.actor);
            }
            EventKind::ConnectionClosed { connection, .. } => drop(self.of_attackers.remove(connection)),
            kind => {
                if let Some((scheme, request, is_accepted)) = decision(kind) {
                    self.decided(scheme, request, is_accepted, event.at);
                }
            }
        }
    }

    fn decided(&mut self, scheme: Scheme, request: RequestId, is_accepted: bool, at: VirtualTime) {
        let attacker = self.of_attackers.get(&request.connection).copied();
        let figures = self.figures.entry(scheme).or_default();
        *if is_accepted { &mut figures.accepted } else { &mut figures.refused } += 1;
        match attacker {
            Some(attacker) if is_accepted => {
                let first = *self.first_accepted.entry((scheme, attacker)).or_insert(at);
                let span_ns = u64::try_from(at.since(first).as_nanos()).unwrap_or(u64::MAX);
                figures.accepted_from_attackers += 1;
                figures.attackers_span_ns = figures.attackers_span_ns.max(span_ns);
            }
            Some(_) => figures.refused_from_attackers += 1,
            None => {}
        }
    }

    /// Takes in what was noted of other actors in the same run.
    pub(super) fn absorb(&mut self, other: &Self) {
        for (scheme, more) in &other.figures {
            let figures = self.figures.entry(*scheme).or_default();
            figures.accepted += more.accepted;
            figures.refused += more.refused;
            figures.accepted_from_attackers += more.accepted_from_attackers;
            figures.refused_from_attackers += more.refused_from_attackers;
            figures.attackers_span_ns = figures.attackers_span_ns.max(more.attackers_span_ns);
        }
    }

    pub(super) fn figures(self) -> BTreeMap<Scheme, SchemeFigures> {
        self.figures
    }
}

/// What a server decided: by which scheme, on which request, and whether it let it in.
fn decision(kind: &EventKind) -> Option<(Scheme, RequestId, bool)> {
    Some(match kind {
        EventKind::Accepted { request, .. } => (Scheme::AgentToken, *request, true),
        EventKind::Refused { request, .. } => (Scheme::AgentToken, *request, false),
        EventKind::Bearer(BearerEvent::Accepted { request, .. }) => (Scheme::BearerToken, *request, true),
        EventKind::Bearer(BearerEvent::Refused { request, .. }) => (Scheme::BearerToken, *request, false),
        EventKind::AccountAccepted { request, scheme, .. } => (of_account(scheme.is_acc()), *request, true),
        EventKind::AccountRefused { request, scheme, .. } => (of_account(scheme.is_acc()), *request, false),
        EventKind::Portal(PortalEvent::LoginTokenAccepted { request, .. }) => (Scheme::LoginToken, *request, true),
        EventKind::Portal(PortalEvent::LoginTokenRefused { request, .. }) => (Scheme::LoginToken, *request, false),
        EventKind::Portal(PortalEvent::PasswordAccepted { request, .. }) => (Scheme::Password, *request, true),
        _ => return None,
    })
}

const fn of_account(is_acc: bool) -> Scheme {
    if is_acc { Scheme::Acc } else { Scheme::Windows }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{AccountRefusal, Close},
        types::{AccountScheme, NodeId},
    };

    fn say(recorder: &mut SchemeRecorder, actor: ActorId, at_ms: u64, kind: EventKind) {
        recorder.hear(&Event { at: VirtualTime::from_millis(at_ms), actor, kind });
    }

    #[test]
    fn attackers_are_told_from_others_by_who_opened_the_connection() {
        let mut recorder = SchemeRecorder::default();
        let request = |connection, ordinal| RequestId { connection: ConnectionId(connection), ordinal };
        let accepted =
            |request| EventKind::AccountAccepted { request, scheme: AccountScheme::Ntlm, account: NodeId::ACC };
        for (actor, connection) in [(ActorId::Agent(1), 1), (ActorId::Attacker(1), 2), (ActorId::Attacker(2), 3)] {
            let connection = ConnectionId(connection);
            let opened = EventKind::ConnectionOpened { connection, server: ActorId::Smp, secure: false };
            say(&mut recorder, actor, 0, opened);
        }
        for (connection, at_ms) in [(1, 10), (2, 20), (2, 50), (3, 90)] {
            say(&mut recorder, ActorId::Smp, at_ms, accepted(request(connection, 1)));
        }
        let why = AccountRefusal::WrongPassword;
        let refused = EventKind::AccountRefused { request: request(3, 2), scheme: AccountScheme::Negotiate, why };
        say(&mut recorder, ActorId::Smp, 95, refused);
        let closed = EventKind::ConnectionClosed { connection: ConnectionId(2), why: Close::Done };
        say(&mut recorder, ActorId::Attacker(1), 96, closed);
        say(&mut recorder, ActorId::Smp, 97, accepted(request(2, 2)));

        let mut twice = recorder.clone();
        twice.absorb(&recorder);
        let figures = recorder.figures();
        let acc = SchemeFigures {
            accepted: 5,
            accepted_from_attackers: 3,
            attackers_span_ns: 30_000_000,
            ..SchemeFigures::default()
        };
        let windows = SchemeFigures { refused: 1, refused_from_attackers: 1, ..SchemeFigures::default() };
        assert_eq!(figures, [(Scheme::Acc, acc), (Scheme::Windows, windows)].into());
        assert_eq!(twice.figures()[&Scheme::Acc].accepted, 10);
    }
}
