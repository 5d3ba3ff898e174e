//! S3, for login tokens: no accept in the second of the expiry or after it (rules 79, 82).
//!
//! Reading: at the `LoginTokenAccepted` the server's own clock is before the second of the expiry with which the token was
//! made, or, if no server made it, of that which it says. There is no leeway. Since no clock is further from the truth than
//! σ, true time is then within the expiry and σ.

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind, PortalEvent},
    plan::Invariant,
};

#[derive(Debug, Default)]
pub(super) struct LoginTokenIsInTime;

impl Checker for LoginTokenIsInTime {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Portal(PortalEvent::LoginTokenAccepted { request, user, expires, token }) = &event.kind else {
            return;
        };
        let expires = before.login_tokens.issued(*token).map_or(*expires, |issued| issued.expires);
        let clock = before.assumptions.wall(event.actor, event.at);
        if clock.seconds() >= expires {
            findings.violated(Invariant::S3, event.actor, || {
                format!(
                    "{} accepted the login token of {user} in request {request} when its own clock showed {}; it was of no use from {} on",
                    event.actor,
                    clock.seconds().0,
                    expires.0
                )
            });
        }
    }
}
