//! What a portal counts.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::figures::{Label, add, label, name_of};
use crate::event::{EventKind, PortalEvent};

/// Login tokens and jobs.
#[derive(Debug)]
pub struct LoginFigures {
    issued: Family<Label, Counter>,
    accepted: Counter,
    refused: Family<Label, Counter>,
    denied: Counter,
    updates: Counter,
    passwords: Counter,
    passwords_refused: Counter,
    jobs: Family<Label, Counter>,
}

impl LoginFigures {
    /// Counts from zero.
    pub fn new(registry: &mut Registry) -> Self {
        Self {
            issued: add(registry, "login_tokens_issued", "Login tokens made, by use"),
            accepted: add(registry, "login_tokens_accepted", "Login tokens accepted"),
            refused: add(registry, "login_tokens_refused", "Login tokens turned down, by reason"),
            denied: add(
                registry,
                "login_tokens_denied",
                "Login tokens not made, since the user's id cannot stand in one",
            ),
            updates: add(registry, "login_key_updates", "Times that 'Update' was pressed"),
            passwords: add(registry, "passwords_accepted", "Passwords accepted"),
            passwords_refused: add(registry, "passwords_refused", "Passwords turned down"),
            jobs: add(registry, "jobs", "Runs of jobs that ended, by outcome"),
        }
    }

    /// Counts what an actor reports.
    pub fn hear(&self, event: &EventKind) {
        match event {
            EventKind::Portal(PortalEvent::LoginTokenIssued { purpose, .. }) => {
                self.issued.get_or_create(&label("use", name_of(purpose))).inc();
            }
            EventKind::Portal(PortalEvent::LoginTokenAccepted { .. }) => _ = self.accepted.inc(),
            EventKind::Portal(PortalEvent::LoginTokenRefused { why, .. }) => {
                self.refused.get_or_create(&label("reason", name_of(why))).inc();
            }
            EventKind::Portal(PortalEvent::LoginTokenDenied { .. }) => _ = self.denied.inc(),
            EventKind::Portal(PortalEvent::LoginTokenKeyUpdated { .. }) => _ = self.updates.inc(),
            EventKind::Portal(PortalEvent::PasswordAccepted { .. }) => _ = self.passwords.inc(),
            EventKind::Portal(PortalEvent::PasswordRefused { .. }) => _ = self.passwords_refused.inc(),
            EventKind::Portal(PortalEvent::JobEnded { outcome, .. }) => {
                _ = self.jobs.get_or_create(&label("outcome", name_of(outcome))).inc()
            }
            _ => {}
        }
    }
}
