//! Where a server of a portal makes and reads login tokens, and says so.

use std::sync::Arc;

use super::{PortalDatabase, PortalSettings, reply, sessions::Sessions};
use crate::{
    actor::{
        Environment,
        http::{Reply, ServerRequest},
    },
    event::{EventKind, PortalEvent},
    protocol::{LoginToken, LoginTokenKey, NoLoginToken, cookie, login_token_in},
    types::{Bug, Fingerprint, LoginRefusal, LoginUse, RequestId},
};

/// A server's hand on the key: it is read out of the database whenever it is needed, so that 'Update' is in force at once,
/// everywhere (rule 80).
#[derive(Debug)]
pub struct Desk<E> {
    environment: Arc<E>,
    settings: PortalSettings,
    database: PortalDatabase,
    /// What [`Bug::LoginKeyKept`] goes on with.
    key_at_start: LoginTokenKey,
}

impl<E: Environment> Desk<E> {
    /// The desk of a server that has just started.
    pub fn new(environment: Arc<E>, settings: PortalSettings, database: PortalDatabase) -> Self {
        let key_at_start = database.open().key().clone();
        Self { environment, settings, database, key_at_start }
    }

    /// The database.
    pub fn database(&self) -> &PortalDatabase {
        &self.database
    }

    /// Makes a token that logs a user in.
    ///
    /// # Errors
    /// If the user's id cannot stand in one.
    pub fn issue(&self, user: &str, purpose: LoginUse) -> Result<String, NoLoginToken> {
        let PortalSettings { rules, lifetimes, .. } = &self.settings;
        let now = self.environment.wall().seconds();
        let lifetime =
            lifetimes.of(if Bug::LoginLifetimesMixedUp.is_planted() { LoginUse::RememberMe } else { purpose });
        match rules.issue(&self.key(), user, now, lifetime) {
            Ok((text, token)) => {
                let (user, expires) = (token.user, token.expires);
                let token = Fingerprint::of(text.as_bytes());
                self.environment.record(EventKind::Portal(PortalEvent::LoginTokenIssued {
                    user,
                    purpose,
                    expires,
                    token,
                }));
                Ok(text)
            }
            Err(why) => {
                self.environment
                    .record(EventKind::Portal(PortalEvent::LoginTokenDenied { user: user.to_owned(), purpose }));
                Err(why)
            }
        }
    }

    /// Whom the login token of a request logs in; none if it has none.
    pub fn user_of(&self, request: &ServerRequest) -> Option<Result<String, LoginRefusal>> {
        let text = login_token_in(&request.target, &request.headers)?;
        Some(self.verify(request.id, &text).map(|token| token.user))
    }

    /// Opens a session for whom a request has let in.
    pub fn open_session(&self, sessions: &Sessions, request: RequestId, user: &str) -> Reply {
        self.environment.record(EventKind::Portal(PortalEvent::SessionOpened { request, user: user.to_owned() }));
        reply::with_session(sessions.cookie(), &sessions.open(user, self.environment.now()), user)
    }

    /// Whose session a request names, if it is one.
    pub fn user_in_session(&self, sessions: &Sessions, request: &ServerRequest) -> Option<String> {
        let user = sessions.user(cookie(&request.headers, sessions.cookie().name)?, self.environment.now())?;
        self.environment
            .record(EventKind::Portal(PortalEvent::SessionUsed { request: request.id, user: user.clone() }));
        Some(user)
    }

    fn verify(&self, request: RequestId, text: &str) -> Result<LoginToken, LoginRefusal> {
        let now = self.environment.wall().seconds();
        let known = |token: LoginToken| {
            let is_known = self.database.open().has_user(&token.user);
            is_known.then_some(token).ok_or(LoginRefusal::UnknownUser)
        };
        let result = self.settings.rules.verify(&self.key(), text, now).and_then(known);
        let token = Fingerprint::of(text.as_bytes());
        self.environment.record(match &result {
            Ok(LoginToken { user, expires }) => EventKind::Portal(PortalEvent::LoginTokenAccepted {
                request,
                user: user.clone(),
                expires: *expires,
                token,
            }),
            Err(why) => {
                let claimed = self.settings.rules.parse(text).ok();
                let claimed_user = claimed.map(|claimed| claimed.user);
                EventKind::Portal(PortalEvent::LoginTokenRefused { request, why: *why, claimed_user, token })
            }
        });
        result
    }

    fn key(&self) -> LoginTokenKey {
        if Bug::LoginKeyKept.is_planted() { self.key_at_start.clone() } else { self.database.open().key().clone() }
    }
}
