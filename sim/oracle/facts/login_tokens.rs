//! The login tokens of a portal, as they were made, and how often the key has changed since.

use super::FadingMap;
use crate::{
    event::{Event, EventKind, PortalEvent},
    oracle::Assumptions,
    types::{ActorId, Fingerprint, LoginUse, RequestId, UnixSeconds, VirtualTime},
};

/// A login token, as it was made.
#[derive(Clone, Debug)]
pub struct IssuedLogin {
    /// For whom.
    pub user: String,
    /// What for.
    pub purpose: LoginUse,
    /// Its expiry.
    pub expires: UnixSeconds,
    /// How often 'Update' had been pressed.
    pub updates: u32,
    /// How often it has been accepted.
    pub accepts: u64,
}

/// The login tokens that may still be accepted, and the key's history.
#[derive(Debug, Default)]
pub struct LoginTokens {
    issued: FadingMap<Fingerprint, IssuedLogin>,
    updates: u32,
    updated_at: Option<VirtualTime>,
}

impl LoginTokens {
    /// The token of that text, if a server of the portal made it.
    pub fn issued(&self, token: Fingerprint) -> Option<&IssuedLogin> {
        self.issued.get(&token)
    }

    /// How often 'Update' has been pressed.
    pub fn updates(&self) -> u32 {
        self.updates
    }

    /// Whether whoever sent a request stole the key that is in force now, as the scenario says.
    pub fn is_by_thief(&self, opener: Option<ActorId>, assumptions: &Assumptions) -> bool {
        let since = opener.and_then(|opener| assumptions.portal.thief_since(opener));
        since.is_some_and(|since| self.updated_at.is_none_or(|updated_at| updated_at <= since))
    }

    pub(super) fn learn(&mut self, event: &Event, assumptions: &Assumptions) {
        match &event.kind {
            EventKind::Portal(PortalEvent::LoginTokenIssued { user, purpose, expires, token }) => {
                let (user, purpose, expires) = (user.clone(), *purpose, *expires);
                let issued = IssuedLogin { user, purpose, expires, updates: self.updates, accepts: 0 };
                // Longer than any clock is wrong: an attacker may hold it back.
                let keep_until = assumptions.instant_of(expires).after(assumptions.login_memory());
                self.issued.insert(*token, issued, keep_until);
            }
            EventKind::Portal(PortalEvent::LoginTokenAccepted { token, .. }) => {
                if let Some(issued) = self.issued.touch(token, event.at) {
                    issued.accepts = issued.accepts.saturating_add(1);
                }
            }
            EventKind::Portal(PortalEvent::LoginTokenKeyUpdated { .. }) => {
                self.updates = self.updates.saturating_add(1);
                self.updated_at = Some(event.at);
            }
            _ => {}
        }
    }

    pub(super) fn fade(&mut self, now: VirtualTime) {
        self.issued.fade(now);
    }
}

/// Who opened the connection of a request, as far as that is known.
pub fn opener(request: RequestId, connections: &super::Connections) -> Option<ActorId> {
    connections.get(request.connection).map(|connection| connection.opener)
}
