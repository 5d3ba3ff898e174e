//! S2, for accounts: every accept follows an answer of the connection's opener, by somebody who knows the password of the
//! day.
//!
//! Reading, for each `AccountAccepted` by a handshake:
//! - the opener of the connection has answered a challenge on it by that scheme (`CredentialsSent`);
//! - if it is the ACC, that agent has received policy or registered since the password was changed last.

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind},
    plan::Invariant,
    types::AccountScheme,
};

#[derive(Debug, Default)]
pub(super) struct AccountIsProven;

impl Checker for AccountIsProven {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::AccountAccepted { request, scheme, .. } = event.kind else { return };
        if scheme == AccountScheme::Basic {
            return;
        }
        let fault = match before.connections.get(request.connection) {
            None => Some("nobody opened that connection".to_owned()),
            Some(_) if before.accounts.answered(request.connection) != Some(scheme) => {
                Some("nobody answered a challenge there".to_owned())
            }
            Some(connection) if scheme.is_acc() => before
                .accounts
                .has_old_password(connection.opener)
                .map(|changed| format!("{} has not learned of the password of {changed}", connection.opener)),
            Some(_) => None,
        };
        if let Some(fault) = fault {
            findings.violated(Invariant::S2, event.actor, || {
                format!(
                    "{} accepted an account by {scheme} for request {request} at {}, but {fault}",
                    event.actor, event.at
                )
            });
        }
    }
}
