//! S13, for login tokens: nobody is logged in as somebody else (attack 28, rule 83).
//!
//! Reading: the connection on which a token is accepted was opened by a server of the portal, which acts for any user, or by
//! a browser of the plan; or by an attacker that has an account, as the user whom that account names; or by one that stole the key, as the
//! scenario says, until 'Update' is pressed. A copied token is accepted all the same, and shows here.

use super::{
    checker::Checker,
    facts::{Facts, opener},
    violation::Findings,
};
use crate::{
    event::{Event, EventKind, PortalEvent},
    plan::Invariant,
};

#[derive(Debug, Default)]
pub(super) struct LoginTokenIsOwn;

impl Checker for LoginTokenIsOwn {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Portal(PortalEvent::LoginTokenAccepted { request, user, .. }) = &event.kind else { return };
        let opener = opener(*request, &before.connections);
        let portal = &before.assumptions.portal;
        let is_own = opener.is_some_and(|opener| opener.is_of_portal() || portal.account(opener) == Some(user))
            || before.login_tokens.is_by_thief(opener, &before.assumptions);
        if !is_own {
            findings.violated(Invariant::S13, event.actor, || {
                let by = opener.map_or_else(|| "nobody".to_owned(), |opener| opener.to_string());
                format!(
                    "{} accepted the login token of {user} in request {request}, but the connection was opened by {by}",
                    event.actor
                )
            });
        }
    }
}
