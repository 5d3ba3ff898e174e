//! The administration server: administrators come to it by a link with a login token, and become others by another.

use std::{io, sync::Arc};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;

use super::{
    PortalDatabase, PortalSettings,
    desk::Desk,
    door::{INDEX_PATH, answered},
    reply,
    sessions::{SessionCookie, Sessions},
};
use crate::{
    actor::{
        Environment,
        http::{Reply, ServerConnection, ServerRequest, Service, empty_reply, serve},
    },
    event::EventKind,
    protocol::{ADMINISTRATION_PATH, IMPERSONATE_PATH, form_field},
    types::LoginUse,
};

/// What this door has.
const PATHS: &str = "\
The administration server of a portal.
GET  /administration/?token=<token>   opens a session for an administrator, by the link of the front end
POST /administration/impersonate      user=: a login token for that user; wants the cookie `administration`
";

/// The administration server of a portal.
#[derive(Debug)]
pub struct AdministrationServer<E> {
    environment: Arc<E>,
    settings: PortalSettings,
    desk: Desk<E>,
    sessions: Sessions,
}

impl<E: Environment> AdministrationServer<E> {
    /// A server that has just started: it has no session.
    pub fn start(environment: Arc<E>, settings: PortalSettings, database: PortalDatabase) -> Arc<Self> {
        environment.record(EventKind::Started { node: settings.node, epoch: None });
        let desk = Desk::new(Arc::clone(&environment), settings.clone(), database);
        let sessions = Sessions::new(settings.rng.clone(), SessionCookie::ADMINISTRATION);
        Arc::new(Self { environment, settings, desk, sessions })
    }

    /// Serves until its environment says stop.
    ///
    /// # Errors
    /// If the door cannot be opened, or breaks.
    pub async fn run(self: Arc<Self>) -> io::Result<()> {
        let environment = Arc::clone(&self.environment);
        let (origin, parameters) = (self.settings.origin.clone(), Arc::clone(&self.settings.parameters));
        serve(environment, self, origin, parameters).await
    }

    fn enter(&self, request: &ServerRequest) -> Reply {
        match self.desk.user_of(request) {
            Some(Ok(user)) if self.desk.database().open().is_administrator(&user) => {
                self.desk.open_session(&self.sessions, request.id, &user)
            }
            Some(Ok(_)) => empty_reply(StatusCode::FORBIDDEN),
            Some(Err(_)) | None => empty_reply(StatusCode::UNAUTHORIZED),
        }
    }

    /// A token for somebody else, which the front end takes.
    fn impersonate(&self, request: &ServerRequest) -> Reply {
        if self.desk.user_in_session(&self.sessions, request).is_none() {
            return empty_reply(StatusCode::UNAUTHORIZED);
        }
        let Some(user) = form_field(&request.body, "user") else { return empty_reply(StatusCode::BAD_REQUEST) };
        if !self.desk.database().open().has_user(&user) {
            return empty_reply(StatusCode::NOT_FOUND);
        }
        match self.desk.issue(&user, LoginUse::Impersonation) {
            Ok(token) => Reply::new(Full::new(Bytes::from(token))),
            Err(_) => empty_reply(StatusCode::FORBIDDEN),
        }
    }
}

impl<E: Environment> Service for AdministrationServer<E> {
    async fn answer(self: &Arc<Self>, _connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        let since = self.environment.now();
        let reply = match (&request.method, request.path()) {
            (&Method::GET, INDEX_PATH) => reply::text(PATHS),
            (&Method::GET, ADMINISTRATION_PATH) => self.enter(&request),
            (&Method::POST, IMPERSONATE_PATH) => self.impersonate(&request),
            _ => empty_reply(StatusCode::NOT_FOUND),
        };
        answered(&*self.environment, since, &request, &reply);
        reply
    }
}
