//! What accounts did beside tokens, and whom a change of the ACC's password hurt.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::{AccountRefusal, Event, EventKind},
    types::{AccountScheme, ActorId, ConnectionId},
};

/// Accounts beside tokens. Where there is nothing but tokens, nothing is told of them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AccountFigures {
    /// Accounts of machines accepted, by `Negotiate`.
    pub negotiate_accepted: u64,
    /// Agent connectivity credentials accepted, by `NTLM`.
    pub ntlm_accepted: u64,
    /// Agent connectivity credentials accepted, by `Basic`.
    pub basic_accepted: u64,
    /// Accounts turned down.
    pub refused: u64,
    /// Accounts turned down by agent, for a password that is not that of the day; those who never were are left out.
    pub old_password_by_agent: BTreeMap<String, u64>,
    /// Answers of accounts that agents sent.
    pub credentials_sent: u64,
    /// Alerts of agents that were to be talked out of tokens (attack 17).
    pub downgrades_refused: u64,
    /// Agents sent on to another server, and gone there (rule 55).
    pub redirects_followed: u64,
}

/// Counts what accounts do.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct AccountRecorder {
    figures: AccountFigures,
    /// Connections on which an agent has answered a challenge that is not decided yet.
    answered: BTreeMap<ConnectionId, ActorId>,
}

impl AccountFigures {
    /// Whether there is nothing to tell.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// How many agents were turned away for an old password.
    pub fn agents_hurt(&self) -> u64 {
        self.old_password_by_agent.len() as u64
    }
}

impl AccountRecorder {
    pub(super) fn hear(&mut self, event: &Event) {
        let figures = &mut self.figures;
        match &event.kind {
            EventKind::AccountAccepted { request, scheme, .. } => {
                self.answered.remove(&request.connection);
                *match scheme {
                    AccountScheme::Negotiate => &mut figures.negotiate_accepted,
                    AccountScheme::Ntlm => &mut figures.ntlm_accepted,
                    AccountScheme::Basic => &mut figures.basic_accepted,
                } += 1;
            }
            EventKind::AccountRefused { request, why, .. } => {
                figures.refused += 1;
                let opener = self.answered.remove(&request.connection);
                if let (AccountRefusal::WrongPassword, Some(agent)) = (why, opener) {
                    *figures.old_password_by_agent.entry(agent.to_string()).or_default() += 1;
                }
            }
            EventKind::CredentialsSent { connection, .. } => {
                figures.credentials_sent += 1;
                self.answered.insert(*connection, event.actor);
            }
            EventKind::ConnectionClosed { connection, .. } => drop(self.answered.remove(connection)),
            EventKind::DowngradeRefused { .. } => figures.downgrades_refused += 1,
            EventKind::RedirectFollowed { .. } => figures.redirects_followed += 1,
            _ => {}
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        let (figures, more) = (&mut self.figures, &other.figures);
        figures.negotiate_accepted += more.negotiate_accepted;
        figures.ntlm_accepted += more.ntlm_accepted;
        figures.basic_accepted += more.basic_accepted;
        figures.refused += more.refused;
        figures.credentials_sent += more.credentials_sent;
        figures.downgrades_refused += more.downgrades_refused;
        figures.redirects_followed += more.redirects_followed;
        for (agent, count) in &more.old_password_by_agent {
            *figures.old_password_by_agent.entry(agent.clone()).or_default() += count;
        }
    }

    pub(super) fn figures(self) -> AccountFigures {
        self.figures
    }
}
