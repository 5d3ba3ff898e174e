//! The front end: which users see, and which opens sessions by password, by cookie and by login token.

use std::{io, sync::Arc};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;

use super::{
    PortalDatabase, PortalSettings,
    call::{Line, With},
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
    event::{EventKind, PortalEvent},
    protocol::{
        ADMINISTRATION_LINK, ADMINISTRATION_PATH, LOGIN_PATH, PORTAL_PATH, PORTLET_PATH, PORTLET_SERVER_PATH,
        REMEMBER_COOKIE, SESSION_PATH, cookie, form_field, login_token_in, with_login_token,
    },
    types::{ActorId, LoginUse},
};

/// What a person is shown who comes with a browser that this program has not made.
const LOGIN_FORM: &str = "<!doctype html><title>Portal</title><form method=post>\
    <p><label>User <input name=user autocomplete=username></label>\
    <p><label>Password <input name=password type=password autocomplete=current-password></label>\
    <p><label><input name=remember type=checkbox> Remember me</label>\
    <p><button>Log in</button></form>";

/// What this door has.
const PATHS: &str = "\
The front end of a portal.
GET  /portal/login            the login form
POST /portal/login            user=, password= and, to be remembered, remember=on: opens a session
GET  /portal/                 who is logged in, by the cookie `session`, or `remember`
POST /portal/api/session      opens a session by a login token
GET  /portal/portlet          a portlet; wants a session
GET  /portal/administration   leads to the administration server; wants a session of an administrator
A login token stands in `Authorization: LoginToken <token>`, in `?token=<token>` or in the cookie `remember`.
";

/// The front end of a portal.
#[derive(Debug)]
pub struct FrontEnd<E> {
    environment: Arc<E>,
    settings: PortalSettings,
    desk: Desk<E>,
    sessions: Sessions,
}

impl<E: Environment> FrontEnd<E> {
    /// A front end that has just started: it has no session.
    pub fn start(environment: Arc<E>, settings: PortalSettings, database: PortalDatabase) -> Arc<Self> {
        environment.record(EventKind::Started { node: settings.node, epoch: None });
        let desk = Desk::new(Arc::clone(&environment), settings.clone(), database);
        let sessions = Sessions::new(settings.rng.clone(), SessionCookie::FRONT_END);
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

    /// A form with user and password; `remember` asks for the cookie.
    fn log_in(&self, request: &ServerRequest) -> Reply {
        let field = |name| form_field(&request.body, name);
        let (Some(user), Some(password)) = (field("user"), field("password")) else {
            return empty_reply(StatusCode::BAD_REQUEST);
        };
        if !self.desk.database().open().has_password(&user, &password) {
            // What stands in the place of a name that nobody has may be a password.
            let user = Some(user.into_owned()).filter(|user| self.desk.database().open().has_user(user));
            self.environment.record(EventKind::Portal(PortalEvent::PasswordRefused { request: request.id, user }));
            return empty_reply(StatusCode::UNAUTHORIZED);
        }
        self.environment.record(EventKind::Portal(PortalEvent::PasswordAccepted {
            request: request.id,
            user: user.clone().into_owned(),
        }));
        let mut answer = self.desk.open_session(&self.sessions, request.id, &user);
        if field("remember").is_some() {
            match self.desk.issue(&user, LoginUse::RememberMe) {
                Ok(token) => reply::remember(&mut answer, &token, self.settings.lifetimes.remember_me_s),
                // Whoever cannot be named in a token is not let in to find out where that helps (attack 28).
                Err(_) => return empty_reply(StatusCode::FORBIDDEN),
            }
        }
        answer
    }

    /// Whoever has a session, or a login token in its place.
    fn open_by_token(&self, request: &ServerRequest) -> Reply {
        match self.desk.user_of(request) {
            Some(Ok(user)) => self.desk.open_session(&self.sessions, request.id, &user),
            Some(Err(_)) if is_by_cookie(request) => reply::forget(),
            Some(Err(_)) | None => empty_reply(StatusCode::UNAUTHORIZED),
        }
    }

    /// The portlet's own server draws it, and learns by a login token for whom.
    async fn portlet(&self, user: &str) -> Reply {
        let Ok(token) = self.desk.issue(user, LoginUse::Portlet) else { return empty_reply(StatusCode::FORBIDDEN) };
        let line = Line::open(&self.environment, &self.settings, ActorId::PortletServer).await;
        let Some(mut line) = line else { return empty_reply(StatusCode::BAD_GATEWAY) };
        match line.ask(Method::GET, PORTLET_SERVER_PATH, With::Token(&token), String::new()).await {
            Some(answer) if answer.status() == StatusCode::OK => Reply::new(Full::new(answer.into_body())),
            _ => empty_reply(StatusCode::BAD_GATEWAY),
        }
    }

    fn administration_link(&self, user: &str) -> Reply {
        if !self.desk.database().open().is_administrator(user) {
            return empty_reply(StatusCode::FORBIDDEN);
        }
        match self.desk.issue(user, LoginUse::Administration) {
            Ok(token) => {
                let target = with_login_token(ADMINISTRATION_PATH, &token);
                reply::redirect(&format!("{}{target}", self.settings.administration_server))
            }
            Err(_) => empty_reply(StatusCode::FORBIDDEN),
        }
    }
}

/// Whether the login token of a request is the one that its cookie remembers, and not another beside it.
fn is_by_cookie(request: &ServerRequest) -> bool {
    let remembered = cookie(&request.headers, REMEMBER_COOKIE);
    remembered.is_some() && login_token_in(&request.target, &request.headers).as_deref() == remembered
}

impl<E: Environment> Service for FrontEnd<E> {
    async fn answer(self: &Arc<Self>, _connection: &Arc<ServerConnection>, request: ServerRequest) -> Reply {
        let since = self.environment.now();
        let reply = self.route(&request).await;
        answered(&*self.environment, since, &request, &reply);
        reply
    }
}

impl<E: Environment> FrontEnd<E> {
    async fn route(&self, request: &ServerRequest) -> Reply {
        let user = self.desk.user_in_session(&self.sessions, request);
        match (&request.method, request.path(), user) {
            (&Method::GET, INDEX_PATH, _) => reply::text(PATHS),
            (&Method::POST, LOGIN_PATH, _) => self.log_in(request),
            (&Method::GET, LOGIN_PATH, _) => reply::page(LOGIN_FORM),
            (&Method::POST, SESSION_PATH, _) | (&Method::GET, PORTAL_PATH, None) => self.open_by_token(request),
            (&Method::GET, PORTAL_PATH, Some(user)) => Reply::new(Full::new(Bytes::from(user))),
            (&Method::GET, PORTLET_PATH, Some(user)) => self.portlet(&user).await,
            (&Method::GET, ADMINISTRATION_LINK, Some(user)) => self.administration_link(&user),
            (&Method::GET, PORTLET_PATH | ADMINISTRATION_LINK, None) => empty_reply(StatusCode::UNAUTHORIZED),
            _ => empty_reply(StatusCode::NOT_FOUND),
        }
    }
}
