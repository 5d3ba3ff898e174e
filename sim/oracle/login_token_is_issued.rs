//! S2, for login tokens: every accept follows an issue by a server of the portal, under the key of the day, and reads what
//! was issued (rules 79, 80, attack 28).
//!
//! Reading: the token's text is that of an earlier `LoginTokenIssued`; since then 'Update' was not pressed; user and expiry
//! are the ones with which it was made, so that nobody reads as somebody else. A token that no server made is taken from
//! whoever stole the key, as the scenario says, until 'Update' is pressed.

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
pub(super) struct LoginTokenIsIssued;

impl Checker for LoginTokenIsIssued {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Portal(PortalEvent::LoginTokenAccepted { request, user, expires, token }) = &event.kind else {
            return;
        };
        let tokens = &before.login_tokens;
        let fault = match tokens.issued(*token) {
            None if tokens.is_by_thief(opener(*request, &before.connections), &before.assumptions) => None,
            None => Some(format!("no server of the portal made that token, which says {user} until {}", expires.0)),
            Some(issued) if issued.updates != tokens.updates() => {
                Some(format!("'Update' was pressed since the token of {} was made", issued.user))
            }
            Some(issued) if issued.user != *user => {
                Some(format!("it was made for {}, and read as {user}", issued.user))
            }
            Some(issued) if issued.expires != *expires => {
                Some(format!("it was made to expire at {}, and read as {}", issued.expires.0, expires.0))
            }
            Some(_) => None,
        };
        if let Some(fault) = fault {
            findings.violated(Invariant::S2, event.actor, || {
                format!("{} accepted the login token in request {request}: {fault}", event.actor)
            });
        }
    }
}
