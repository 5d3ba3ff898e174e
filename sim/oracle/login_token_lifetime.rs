//! S3, for login tokens: each lives as long as its use allows, from the clock of whoever makes it (rules 79, 81).
//!
//! Reading: at each `LoginTokenIssued` the expiry is the second that the server's own clock shows, and the lifetime that the
//! plan gives to that use.

use super::{checker::Checker, facts::Facts, violation::Findings};
use crate::{
    event::{Event, EventKind, PortalEvent},
    plan::Invariant,
};

#[derive(Debug, Default)]
pub(super) struct LoginTokenLifetime;

impl Checker for LoginTokenLifetime {
    fn hear(&mut self, event: &Event, before: &Facts, findings: &mut Findings) {
        let EventKind::Portal(PortalEvent::LoginTokenIssued { user, purpose, expires, .. }) = &event.kind else {
            return;
        };
        let Some(lifetimes) = before.assumptions.portal.lifetimes() else { return };
        let clock = before.assumptions.wall(event.actor, event.at).seconds();
        let expected = clock.after(lifetimes.of(*purpose));
        if *expires != expected {
            findings.violated(Invariant::S3, event.actor, || {
                format!(
                    "{} made a login token ({purpose}) for {user} that expires at {}, expected {}: its clock showed {}",
                    event.actor, expires.0, expected.0, clock.0
                )
            });
        }
    }
}
