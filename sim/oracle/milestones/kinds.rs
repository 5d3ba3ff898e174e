//! Milestones of kinds of authentication beside each other.

use crate::{
    event::{AccountReason, AccountRefusal, Event, EventKind, Outcome},
    oracle::facts::Facts,
    plan::Milestone,
    types::{AccountScheme, NodeId},
};

/// Tells of each milestone that an event reaches.
pub(super) fn of(event: &Event, before: &Facts, mut reached: impl FnMut(Milestone)) {
    match event.kind {
        EventKind::AccountAccepted { scheme: AccountScheme::Negotiate, .. } => reached(Milestone::WindowsAccepted),
        EventKind::AccountAccepted { request, .. } => {
            reached(Milestone::AccAccepted);
            let opener = before.connections.get(request.connection).map(|connection| connection.opener);
            if opener.is_some_and(|opener| before.assumptions.kinds.fetches_unc(opener)) {
                reached(Milestone::UncServed);
            }
        }
        EventKind::AccountRefused { request, scheme, why: AccountRefusal::WrongPassword } if scheme.is_acc() => {
            // Whoever is asked for a token as well does not depend on the password.
            let offered = before.accounts.offered(request.connection);
            let is_unc = before
                .connections
                .get(request.connection)
                .is_some_and(|connection| before.assumptions.kinds.fetches_unc(connection.opener));
            reached(match offered.is_some_and(|offered| offered.token) && !is_unc {
                true => Milestone::TokenAgentHurt,
                false => Milestone::AccAgentHurt,
            });
        }
        EventKind::CredentialsSent { why: AccountReason::TokenFailed, .. } => reached(Milestone::FellBack),
        EventKind::CredentialsSent { connection, .. }
            if before.accounts.offered(connection).is_some_and(|offered| offered.token)
                && !before.assumptions.kinds.fetches_unc(event.actor) =>
        {
            reached(Milestone::Downgraded);
        }
        EventKind::DowngradeRefused { .. } => reached(Milestone::DowngradeRefused),
        EventKind::RedirectFollowed { .. } => reached(Milestone::RedirectFollowed),
        EventKind::AccPasswordChanged { .. } => reached(Milestone::AccPasswordChanged),
        EventKind::AccKept { kept: true } => reached(Milestone::AccKept),
        EventKind::AccKept { kept: false } => reached(Milestone::AccForgotten),
        EventKind::ExchangeEnded { outcome: Outcome::NoCredentials, .. } => reached(Milestone::NoCredentials),
        EventKind::AuthenticationOffered { request, offered } if !offered.token => {
            let sent = before.connections.sent(request);
            if sent.is_some_and(|sent| sent.carries == crate::event::Carried::StoredToken) {
                reached(Milestone::StoredTokenNotWanted);
            }
        }
        EventKind::Accepted { request, .. }
            if before.accounts.offered(request.connection).is_some_and(|offered| offered.acc || offered.windows) =>
        {
            reached(Milestone::TokenPreferred);
        }
        EventKind::Served { request, agent: Some(agent) } if agent == NodeId::ACC => {
            let accepted = before.accounts.accepted(request.connection);
            if accepted.is_some_and(|accepted| accepted.request != request) {
                reached(Milestone::AccountConnectionReused);
            }
            let opener = before.connections.get(request.connection).map(|connection| connection.opener);
            let node = opener.map(|opener| before.assumptions.identities.node_of(opener));
            if node.is_some_and(|node| before.administration.revoked(node).is_some()) {
                reached(Milestone::RevokedServedByAcc);
            }
        }
        _ => {}
    }
}
