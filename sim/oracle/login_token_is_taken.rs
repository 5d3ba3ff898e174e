//! L1, for login tokens: one that is good is taken (rules 80, 82).
//!
//! Reading: a token that a server of the portal made, under the key that is in force, is not refused by anybody whose own
//! clock is before its expiry, whoever presents it. No fault excuses that: nothing but key, text and clock decides.

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind, PortalEvent},
    plan::Invariant,
};

#[derive(Debug, Default)]
pub(super) struct LoginTokenIsTaken;

impl Checker for LoginTokenIsTaken {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Portal(PortalEvent::LoginTokenRefused { request, why, token, .. }) = &event.kind else { return };
        let Some(issued) = before.login_tokens.issued(*token) else { return };
        let clock = before.assumptions.wall(event.actor, event.at).seconds();
        if issued.updates == before.login_tokens.updates() && clock < issued.expires {
            findings.violated(Invariant::L1, event.actor, || {
                format!(
                    "{} refused ({why}) the login token of {} in request {request}, which is good: its clock showed {}, and the expiry is {}",
                    event.actor, issued.user, clock.0, issued.expires.0
                )
            });
        }
    }
}
